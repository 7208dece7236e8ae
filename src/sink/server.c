/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sink/connection.h"

enum {
  BUFFER_SIZE = 256 << 10,
  EVENTS = 256,              /* taken from the kernel at once */
  BACKLOG = 4096,
  MAX_SOCKETS = 1 << 20,     /* descriptors that the table of guests can hold */
  ACCEPT_AGAIN = 100 * 1000, /* microseconds to wait when descriptors have run out */
};

/* A connection, and what the loop knows of it. */
typedef struct {
  Connection *connection;
  int socket;
  guint32 events;        /* that epoll watches for */
  gint64 due;            /* 0 for none */
  GSequenceIter *timer;  /* NULL for none */
} Guest;

typedef struct {
  Server *server;
  GThread *thread;
  int epoll;
  GSequence *timers;  /* of Guest, by due */
  char *buffer;
} Worker;

struct Server {
  Service *service;
  int listener;
  guint16 port;
  int stop;               /* an eventfd that every thread watches */
  gint64 accept_again;    /* when the listener is watched again; 0 while it is */
  guint thread_count;
  Worker *workers;
  _Atomic(Guest *) *guests; /* by socket; only for closing what is open at the end */
  gsize guest_slots;
};

static gboolean set_errno_error(GError **error, const char *doing)
{
  int code = errno;
  g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(code), "%s: %s", doing,
              g_strerror(code));
  return FALSE;
}

static gboolean server_listen(Server *server, GInetSocketAddress *address, GError **error)
{
  static const int yes = 1;
  struct sockaddr_storage name = {0};
  GSocketAddress *generic = G_SOCKET_ADDRESS(address);
  socklen_t length = (socklen_t)g_socket_address_get_native_size(generic);
  if (!g_socket_address_to_native(generic, &name, sizeof name, error)) {
    return FALSE;
  }
  server->listener = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (server->listener < 0) {
    return set_errno_error(error, "socket");
  }
  setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  setsockopt(server->listener, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (bind(server->listener, (struct sockaddr *)&name, length) != 0 ||
      listen(server->listener, BACKLOG) != 0 ||
      getsockname(server->listener, (struct sockaddr *)&name, &length) != 0) {
    return set_errno_error(error, "listening");
  }
  server->port = ntohs(name.ss_family == AF_INET ? ((struct sockaddr_in *)&name)->sin_port
                                                 : ((struct sockaddr_in6 *)&name)->sin6_port);
  return TRUE;
}

/* The limit on descriptors is the one thing that bounds the number of connections. */
static gsize raise_descriptor_limit(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return 1024;
  }
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return (gsize)MIN(limit.rlim_max, (rlim_t)MAX_SOCKETS);
}

Server *server_new(Service *service, GInetSocketAddress *address, guint threads, GError **error)
{
  if (!g_inet_address_get_is_loopback(g_inet_socket_address_get_address(address))) {
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "this server believes everybody, so it listens on loopback addresses only");
    return NULL;
  }
  g_autoptr(Server) server = g_new0(Server, 1);
  server->service = service;
  server->stop = -1;
  server->listener = -1;
  server->guest_slots = raise_descriptor_limit();
  server->guests = g_new0(_Atomic(Guest *), server->guest_slots);
  server->thread_count = threads;
  server->workers = g_new0(Worker, threads);
  for (guint i = 0; i < threads; i++) {
    server->workers[i].epoll = -1;
  }
  return server_listen(server, address, error) ? g_steal_pointer(&server) : NULL;
}

guint16 server_port(const Server *server)
{
  return server->port;
}

static void worker_unset_timer(Guest *guest)
{
  g_clear_pointer(&guest->timer, g_sequence_remove);
  guest->due = 0;
}

static int compare_due(gconstpointer left, gconstpointer right, gpointer data G_GNUC_UNUSED)
{
  const Guest *a = left, *b = right;
  return a->due < b->due ? -1 : a->due > b->due;
}

static void worker_set_timer(Worker *worker, Guest *guest, gint64 due)
{
  worker_unset_timer(guest);
  guest->due = due;
  guest->timer = g_sequence_insert_sorted(worker->timers, guest, compare_due, NULL);
}

static void server_free_guest(Server *server, Guest *guest)
{
  worker_unset_timer(guest);
  server->guests[guest->socket] = NULL;
  totals_connection_closed(&server->service->totals);
  connection_free(guest->connection);
  g_free(guest);
}

static void worker_run_guest(Worker *worker, Guest *guest, guint32 events)
{
  Buffer buffer = {worker->buffer, BUFFER_SIZE};
  Wish wish;
  if (!connection_run(guest->connection, events, buffer, &wish)) {
    server_free_guest(worker->server, guest);
    return;
  }
  if (wish.events != guest->events) {
    struct epoll_event event = {.events = wish.events, .data.ptr = guest};
    epoll_ctl(worker->epoll, EPOLL_CTL_MOD, guest->socket, &event);
    guest->events = wish.events;
  }
  if (wish.due == 0) {
    worker_unset_timer(guest);
  } else if (wish.due != guest->due) {
    worker_set_timer(worker, guest, wish.due);
  }
}

/* Gives a new connection to a thread. Its own one runs it at once; another is woken by
 * the socket's being writable, and from then on the connection is that thread's alone. */
static void server_admit(Server *server, int socket)
{
  if ((gsize)socket >= server->guest_slots) {
    close(socket);
    return;
  }
  totals_connection_opened(&server->service->totals);
  guint64 number = totals_get(&server->service->totals, TOTAL_CONNECTIONS);
  Worker *worker = &server->workers[(number - 1) % server->thread_count];
  Guest *guest = g_new0(Guest, 1);
  guest->socket = socket;
  guest->connection = connection_new(server->service, socket, number);
  server->guests[socket] = guest;
  gboolean own = worker == &server->workers[0];
  guest->events = own ? EPOLLIN : EPOLLOUT;
  struct epoll_event event = {.events = guest->events, .data.ptr = guest};
  if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, socket, &event) != 0) {
    server_free_guest(server, guest);
  } else if (own) {
    worker_run_guest(worker, guest, 0);
  }
}

static void server_watch_listener(Server *server, int operation, guint32 events)
{
  struct epoll_event event = {.events = events, .data.ptr = &server->listener};
  epoll_ctl(server->workers[0].epoll, operation, server->listener, &event);
}

/* Where descriptors or memory have run out, the clients that wait in the backlog would
 * keep the loop spinning: they are left there for a moment. */
static void server_accept(Server *server)
{
  for (guint i = 0; i < EVENTS; i++) {
    int socket = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      server_admit(server, socket);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      server_watch_listener(server, EPOLL_CTL_MOD, 0);
      server->accept_again = g_get_monotonic_time() + ACCEPT_AGAIN;
      return;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

static gboolean worker_accepts(const Worker *worker)
{
  return worker == &worker->server->workers[0];
}

static gint64 worker_next_due(const Worker *worker)
{
  gint64 due = worker_accepts(worker) ? worker->server->accept_again : 0;
  if (!g_sequence_is_empty(worker->timers)) {
    const Guest *first = g_sequence_get(g_sequence_get_begin_iter(worker->timers));
    due = due == 0 ? first->due : MIN(due, first->due);
  }
  return due;
}

/* To the microsecond: rounded up to milliseconds, every latency would be longer than asked
 * for. */
static int worker_wait(const Worker *worker, struct epoll_event *events)
{
  gint64 due = worker_next_due(worker);
  if (due == 0) {
    return epoll_wait(worker->epoll, events, EVENTS, -1);
  }
  gint64 left = MAX(due - g_get_monotonic_time(), 0);
  struct timespec timeout = {.tv_sec = left / G_USEC_PER_SEC,
                             .tv_nsec = left % G_USEC_PER_SEC * 1000};
  return epoll_pwait2(worker->epoll, events, EVENTS, &timeout, NULL);
}

/* Runs the connections whose time has come. Those that set a new time in the course of
 * this are left for the next turn, so that the sockets have theirs. */
static void worker_run_timers(Worker *worker)
{
  if (worker_next_due(worker) == 0) {
    return;
  }
  gint64 now = g_get_monotonic_time();
  if (worker_accepts(worker) && worker->server->accept_again > 0 &&
      worker->server->accept_again <= now) {
    worker->server->accept_again = 0;
    server_watch_listener(worker->server, EPOLL_CTL_MOD, EPOLLIN);
  }
  while (!g_sequence_is_empty(worker->timers)) {
    Guest *guest = g_sequence_get(g_sequence_get_begin_iter(worker->timers));
    if (guest->due >= now) {
      break;
    }
    worker_unset_timer(guest);
    worker_run_guest(worker, guest, 0);
  }
}

static gpointer worker_main(gpointer data)
{
  Worker *worker = data;
  Server *server = worker->server;
  struct epoll_event events[EVENTS];
  for (;;) {
    int count = worker_wait(worker, events);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == &server->stop) {
        return NULL;
      }
      if (events[i].data.ptr == &server->listener) {
        server_accept(server);
      } else {
        worker_run_guest(worker, events[i].data.ptr, events[i].events);
      }
    }
    worker_run_timers(worker);
  }
}

static gboolean worker_start(Worker *worker, Server *server, GError **error)
{
  worker->server = server;
  worker->timers = g_sequence_new(NULL);
  worker->buffer = g_malloc(BUFFER_SIZE);
  worker->epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = &server->stop};
  if (worker->epoll < 0 || epoll_ctl(worker->epoll, EPOLL_CTL_ADD, server->stop, &event) != 0) {
    return set_errno_error(error, "epoll");
  }
  return TRUE;
}

gboolean server_start(Server *server, GError **error)
{
  server->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (server->stop < 0) {
    return set_errno_error(error, "eventfd");
  }
  for (guint i = 0; i < server->thread_count; i++) {
    if (!worker_start(&server->workers[i], server, error)) {
      return FALSE;
    }
  }
  server_watch_listener(server, EPOLL_CTL_ADD, EPOLLIN);
  for (guint i = 0; i < server->thread_count; i++) {
    server->workers[i].thread = g_thread_new("worker", worker_main, &server->workers[i]);
  }
  return TRUE;
}

static void server_join(Server *server)
{
  static const guint64 one = 1;
  if (server->stop < 0 || write(server->stop, &one, sizeof one) != sizeof one) {
    return;
  }
  for (guint i = 0; i < server->thread_count; i++) {
    g_clear_pointer(&server->workers[i].thread, g_thread_join);
  }
}

static void close_if_open(int file)
{
  if (file >= 0) {
    close(file);
  }
}

void server_stop(Server *server)
{
  if (server == NULL) {
    return;
  }
  server_join(server);
  for (gsize i = 0; i < server->guest_slots; i++) {
    if (server->guests[i] != NULL) {
      server_free_guest(server, server->guests[i]);
    }
  }
  for (guint i = 0; i < server->thread_count; i++) {
    Worker *worker = &server->workers[i];
    g_clear_pointer(&worker->timers, g_sequence_free);
    g_free(worker->buffer);
    close_if_open(worker->epoll);
  }
  close_if_open(server->stop);
  close_if_open(server->listener);
  g_free(server->workers);
  g_free(server->guests);
  g_free(server);
}
