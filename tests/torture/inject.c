/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program and makes one of its system calls go wrong.
 *
 *   inject --below DIR [--only NAME] [--at N --fault KIND] [--report FILE] -- PROGRAM ARGUMENT…
 *
 * Counted are the calls, of all threads together, that name or use something below DIR or a
 * socket (with NAME: something below DIR whose path ends so): strace(1) counts for each thread on its own, so that the calls of one thread hide
 * behind those of another, and cannot shorten a call. The N-th, from 1, meets its fault:
 *
 *   kill     all ends with SIGKILL before it
 *   eio      it is not made, and fails with EIO
 *   enospc   the same with ENOSPC, if it may take room on the disk
 *   short    it is made for half of its bytes, if it is for more than one
 *   dead     it and every later one that concerns a file fails with EIO, until SIGUSR1
 *
 * FILE gets a line for the call that was struck, or for every call where there is no N:
 * number, thread, name, what it is about. The exit status is the program's; 128 + n where signal
 * n ended it. SIGTERM is passed on; SIGINT ends the program at once. */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
int main(void)
{
  fputs("inject: knows the registers of x86-64 only\n", stderr);
  return 77;
}
#else

typedef enum {
  ABOUT_FD,       /* the first argument is a descriptor */
  ABOUT_PATH,     /* the first is a path */
  ABOUT_AT,       /* the first is a folder's descriptor, the second a path */
  ABOUT_SOCKET,   /* it makes a socket */
} About;

enum { TAKES_ROOM = 1, HAS_LENGTH = 2, HAS_VECTOR = 4, HAS_MESSAGE = 8 };

static const struct {
  long number;
  const char *name;
  About about;
  guint traits;
} CALLS[] = {
#define CALL(name, about, traits) {SYS_##name, #name, ABOUT_##about, traits}
  CALL(open, PATH, TAKES_ROOM), CALL(openat, AT, TAKES_ROOM), CALL(creat, PATH, TAKES_ROOM),
  CALL(read, FD, HAS_LENGTH), CALL(pread64, FD, HAS_LENGTH), CALL(readv, FD, HAS_VECTOR),
  CALL(write, FD, TAKES_ROOM | HAS_LENGTH), CALL(pwrite64, FD, TAKES_ROOM | HAS_LENGTH),
  CALL(writev, FD, TAKES_ROOM | HAS_VECTOR), CALL(pwritev, FD, TAKES_ROOM | HAS_VECTOR),
  CALL(fsync, FD, TAKES_ROOM), CALL(fdatasync, FD, TAKES_ROOM), CALL(syncfs, FD, TAKES_ROOM),
  CALL(ftruncate, FD, TAKES_ROOM), CALL(fallocate, FD, TAKES_ROOM), CALL(mmap, FD, 0),
  CALL(copy_file_range, FD, TAKES_ROOM), CALL(sendfile, FD, TAKES_ROOM),
  CALL(ioctl, FD, TAKES_ROOM), CALL(fcntl, FD, 0), CALL(flock, FD, 0), CALL(fchmod, FD, 0),
  CALL(getdents64, FD, 0), CALL(mkdir, PATH, TAKES_ROOM), CALL(mkdirat, AT, TAKES_ROOM),
  CALL(rename, PATH, TAKES_ROOM), CALL(renameat, AT, TAKES_ROOM),
  CALL(renameat2, AT, TAKES_ROOM), CALL(link, PATH, TAKES_ROOM), CALL(linkat, AT, TAKES_ROOM),
  CALL(unlink, PATH, 0), CALL(unlinkat, AT, 0), CALL(rmdir, PATH, 0), CALL(chmod, PATH, 0),
  CALL(fchmodat, AT, 0), CALL(stat, PATH, 0), CALL(lstat, PATH, 0), CALL(fstat, FD, 0),
  CALL(newfstatat, AT, 0), CALL(statx, AT, 0), CALL(access, PATH, 0), CALL(faccessat, AT, 0),
  CALL(faccessat2, AT, 0), CALL(readlink, PATH, 0), CALL(readlinkat, AT, 0),
  CALL(statfs, PATH, 0), CALL(fstatfs, FD, 0), CALL(utimensat, AT, 0),
  CALL(socket, SOCKET, 0), CALL(socketpair, SOCKET, 0), CALL(connect, FD, 0),
  CALL(bind, FD, 0), CALL(listen, FD, 0), CALL(accept, FD, 0), CALL(accept4, FD, 0),
  CALL(sendto, FD, HAS_LENGTH), CALL(recvfrom, FD, HAS_LENGTH), CALL(sendmsg, FD, HAS_MESSAGE),
  CALL(recvmsg, FD, HAS_MESSAGE), CALL(shutdown, FD, 0), CALL(setsockopt, FD, 0),
  CALL(getsockopt, FD, 0), CALL(getsockname, FD, 0), CALL(getpeername, FD, 0),
#undef CALL
};

typedef enum { FAULT_NONE, FAULT_KILL, FAULT_EIO, FAULT_ENOSPC, FAULT_SHORT, FAULT_DEAD } Fault;
static const char *const FAULTS[] = {"none", "kill", "eio", "enospc", "short", "dead", NULL};

static struct {
  char *below;
  char *only;
  guint64 at;
  Fault fault;
  FILE *report;
  pid_t program;
  guint64 calls;
  /* What to put back into the program's memory when its shortened call has returned. */
  struct { pid_t thread; guint64 address, value; } shortened;
} run;

static void die(const char *what)
{
  fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
  exit(70);
}

/* --- The program's side: it asks to be stopped at these calls, and becomes the program. --- */

static void ask_to_be_stopped(void)
{
  enum { HEAD = 1, TAIL = 2, N = G_N_ELEMENTS(CALLS) };
  struct sock_filter code[HEAD + N + TAIL];
  struct sock_fprog filter = {.len = G_N_ELEMENTS(code), .filter = code};

  code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                         offsetof(struct seccomp_data, nr));
  for (guint i = 0; i < N; i++) {
    code[HEAD + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                  (guint32)CALLS[i].number, (guint8)(N - i), 0);
  }
  code[HEAD + N] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  code[HEAD + N + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    die("cannot filter system calls");
  }
}

static void become(char **command)
{
  if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) {
    die("cannot be traced");
  }
  raise(SIGSTOP);
  ask_to_be_stopped();
  execv(command[0], command);
  die(command[0]);
}

/* --- What a call is about. --- */

static gboolean peek(pid_t thread, guint64 address, void *into, gsize length)
{
  struct iovec here = {into, length}, there = {(void *)address, length};

  return process_vm_readv(thread, &here, 1, &there, 1, 0) == (gssize)length;
}

static char *peek_text(pid_t thread, guint64 address)
{
  GString *text = g_string_new(NULL);
  char c;

  while (text->len < PATH_MAX && peek(thread, address + text->len, &c, 1) && c != '\0') {
    g_string_append_c(text, c);
  }
  return g_string_free(text, FALSE);
}

static char *file_of(pid_t thread, gint64 descriptor)
{
  g_autofree char *name = (int)descriptor == AT_FDCWD
      ? g_strdup_printf("/proc/%d/cwd", thread)
      : g_strdup_printf("/proc/%d/fd/%d", thread, (int)descriptor);
  char target[PATH_MAX];
  gssize length = readlink(name, target, sizeof target - 1);

  return g_strndup(target, length > 0 ? (gsize)length : 0);
}

static char *path_of(pid_t thread, gint64 folder, guint64 address)
{
  g_autofree char *path = peek_text(thread, address);

  if (path[0] == '/') {
    return g_steal_pointer(&path);
  }
  g_autofree char *base = file_of(thread, folder);
  return path[0] == '\0' ? g_steal_pointer(&base) : g_build_filename(base, path, NULL);
}

static char *subject_of(pid_t thread, guint call, const struct user_regs_struct *registers)
{
  switch (CALLS[call].about) {
  case ABOUT_SOCKET:
    return g_strdup("socket:");
  case ABOUT_PATH:
    return path_of(thread, AT_FDCWD, registers->rdi);
  case ABOUT_AT:
    return path_of(thread, (gint64)registers->rdi, registers->rsi);
  case ABOUT_FD:
    break;
  }
  /* mmap(2) has its descriptor elsewhere. */
  return file_of(thread, (gint64)(CALLS[call].number == SYS_mmap ? registers->r8
                                                                 : registers->rdi));
}

static gboolean is_socket(const char *subject)
{
  return g_str_has_prefix(subject, "socket:");
}

static gboolean counts(const char *subject)
{
  if (run.only == NULL && is_socket(subject)) {
    return TRUE;
  }
  return g_str_has_prefix(subject, run.below) &&
         (run.only == NULL || g_str_has_suffix(subject, run.only));
}

/* --- Faults. --- */

static gboolean poke(pid_t thread, guint64 address, guint64 value)
{
  struct iovec here = {&value, sizeof value}, there = {(void *)address, sizeof value};

  return process_vm_writev(thread, &here, 1, &there, 1, 0) == sizeof value;
}

static void put_back(pid_t thread)
{
  if (run.shortened.thread == thread) {
    run.shortened.thread = 0;
    poke(thread, run.shortened.address, run.shortened.value);
  }
}

/* Halves a number in the program's memory for as long as the call takes. */
static gboolean halve(pid_t thread, guint64 address)
{
  guint64 value;

  if (!peek(thread, address, &value, sizeof value) || value < 2) {
    return FALSE;
  }
  run.shortened.thread = thread;
  run.shortened.address = address;
  run.shortened.value = value;
  return poke(thread, address, value / 2);
}

static gboolean shorten_message(pid_t thread, guint64 address)
{
  struct msghdr message;

  if (!peek(thread, address, &message, sizeof message) || message.msg_iovlen == 0) {
    return FALSE;
  }
  return message.msg_iovlen > 1
             ? halve(thread, address + offsetof(struct msghdr, msg_iovlen))
             : halve(thread, (guint64)message.msg_iov + offsetof(struct iovec, iov_len));
}

/* A number of bytes is halved, or of the pieces of a vector, or of the bytes of the only one. */
static gboolean shorten(pid_t thread, guint traits, struct user_regs_struct *registers)
{
  if (traits & HAS_MESSAGE) {
    return shorten_message(thread, registers->rsi);
  }
  if ((traits & HAS_VECTOR) && registers->rdx == 1) {
    return halve(thread, registers->rsi + offsetof(struct iovec, iov_len));
  }
  if (!(traits & (HAS_LENGTH | HAS_VECTOR)) || registers->rdx < 2) {
    return FALSE;
  }
  registers->rdx /= 2;
  return TRUE;
}

static void refuse(struct user_regs_struct *registers, int why)
{
  registers->orig_rax = G_MAXUINT64;
  registers->rax = 0 - (guint64)why;
}

/* Whether the call met its fault. */
static gboolean strike(pid_t thread, guint call, const char *subject,
                       struct user_regs_struct *registers)
{
  switch (run.fault) {
  case FAULT_NONE:
    return FALSE;
  case FAULT_KILL:
    kill(run.program, SIGKILL);
    return TRUE;
  case FAULT_EIO:
    refuse(registers, EIO);
    return TRUE;
  case FAULT_DEAD:
    if (!is_socket(subject)) {
      refuse(registers, EIO);
    }
    return !is_socket(subject);
  case FAULT_ENOSPC:
    if (!is_socket(subject) && (CALLS[call].traits & TAKES_ROOM)) {
      refuse(registers, ENOSPC);
      return TRUE;
    }
    return FALSE;
  case FAULT_SHORT:
    return shorten(thread, CALLS[call].traits, registers);
  }
  return FALSE;
}

static void report(pid_t thread, guint call, const char *subject)
{
  if (run.report != NULL) {
    fprintf(run.report, "%" G_GUINT64_FORMAT " %s %s %s\n", run.calls,
            thread == run.program ? "main" : "thread", CALLS[call].name, subject);
    fflush(run.report);
  }
}

/* A thread is about to make one of the calls. */
static void meet(pid_t thread)
{
  struct user_regs_struct registers;
  guint call = 0;

  if (ptrace(PTRACE_GETREGS, thread, 0, &registers) != 0) {
    return;   /* it was killed meanwhile */
  }
  while (call < G_N_ELEMENTS(CALLS) - 1 && CALLS[call].number != (long)registers.orig_rax) {
    call++;
  }
  g_autofree char *subject = subject_of(thread, call, &registers);
  if (!counts(subject)) {
    return;
  }
  run.calls++;
  gboolean wanted = run.calls == run.at || (run.fault == FAULT_DEAD && run.calls > run.at);
  if (wanted && strike(thread, call, subject, &registers)) {
    ptrace(PTRACE_SETREGS, thread, 0, &registers);
    if (run.calls == run.at) {
      report(thread, call, subject);
    }
  } else if (run.at == 0) {
    report(thread, call, subject);
  }
}

/* --- The tracer. --- */

static void pass_on(int signal)
{
  kill(run.program, signal == SIGINT ? SIGKILL : signal);
}

/* Lets a stopped thread go on. */
static void answer(pid_t thread, int status)
{
  int signal = WSTOPSIG(status);
  int event = status >> 16;
  gboolean is_call = signal == (SIGTRAP | 0x80);

  if (event == PTRACE_EVENT_SECCOMP) {
    meet(thread);
  } else if (is_call) {
    put_back(thread);
  }
  gboolean is_ours = event != 0 || is_call || signal == SIGSTOP;
  ptrace(run.shortened.thread == thread ? PTRACE_SYSCALL : PTRACE_CONT, thread, 0,
         is_ours ? 0 : signal);
}

static int trace(void)
{
  int status;
  pid_t thread;

  while ((thread = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
    if (thread > 0 && WIFSTOPPED(status)) {
      answer(thread, status);
    } else if (thread == run.program) {
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
  }
  die("waiting");
  return 70;
}

static void heal(G_GNUC_UNUSED int signal)
{
  run.fault = FAULT_NONE;
}

static void start(char **command)
{
  long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                 PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD |
                 PTRACE_O_EXITKILL;
  int status;

  run.program = fork();
  if (run.program == 0) {
    become(command);
  }
  signal(SIGTERM, pass_on);
  signal(SIGINT, pass_on);
  signal(SIGUSR1, heal);
  if (run.program < 0 || waitpid(run.program, &status, 0) != run.program ||
      ptrace(PTRACE_SETOPTIONS, run.program, 0, options) != 0 ||
      ptrace(PTRACE_CONT, run.program, 0, 0) != 0) {
    die("cannot trace");
  }
}

static gboolean read_options(int *argc, char ***argv, GError **error)
{
  g_autofree char *fault = NULL, *report_path = NULL;
  gint64 at = 0;
  const GOptionEntry options[] = {
    {"below", 0, 0, G_OPTION_ARG_FILENAME, &run.below, "files that count", "DIR"},
    {"only", 0, 0, G_OPTION_ARG_FILENAME, &run.only, "of these, whose paths end so", "NAME"},
    {"at", 0, 0, G_OPTION_ARG_INT64, &at, "the call that goes wrong", "N"},
    {"fault", 0, 0, G_OPTION_ARG_STRING, &fault, "kill, eio, enospc, short, dead", "KIND"},
    {"report", 0, 0, G_OPTION_ARG_FILENAME, &report_path, "what was struck, or all", "FILE"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
  };
  g_autoptr(GOptionContext) context = g_option_context_new("-- PROGRAM ARGUMENT…");

  g_option_context_add_main_entries(context, options, NULL);
  if (!g_option_context_parse(context, argc, argv, error)) {
    return FALSE;
  }
  for (guint i = 0; fault != NULL && FAULTS[i] != NULL; i++) {
    run.fault = g_str_equal(FAULTS[i], fault) ? (Fault)i : run.fault;
  }
  run.at = (guint64)at;
  run.report = report_path != NULL ? fopen(report_path, "we") : NULL;
  return TRUE;
}

int main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;

  if (!read_options(&argc, &argv, &error)) {
    fprintf(stderr, "inject: %s\n", error->message);
    return 64;
  }
  char **command = argv + 1;
  if (*command != NULL && g_str_equal(*command, "--")) {
    command++;
  }
  if (*command == NULL || run.below == NULL || (run.at > 0) != (run.fault != FAULT_NONE)) {
    fputs("usage: inject --below DIR [--at N --fault KIND] [--report FILE] -- PROGRAM…\n", stderr);
    return 64;
  }
  start(command);
  return trace();
}
#endif
