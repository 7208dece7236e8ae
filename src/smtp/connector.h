/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <curl/curl.h>
#include <glib.h>

/* What the daemon does over the network waits in one epoll set, which is one source of the
 * main loop, so that a wake serves a batch: libcurl's transfers, and sockets of our own.
 * Callbacks come from that source only, never from within a call; any of them may end any
 * transfer and any watch. */

typedef struct Connector Connector;

Connector *connector_new(GMainContext *context, GError **error);
/* All transfers and watches must have ended before. */
void connector_free(Connector *connector);

/* An easy handle in a multi handle. */
typedef struct Transfer Transfer;

/* curl is ready to go and the caller's; CURLOPT_PRIVATE is the transfer's. done() is called
 * once, unless the transfer ends before. */
Transfer *transfer_start(Connector *connector, CURL *curl,
                         void (*done)(CURLcode result, gpointer owner), gpointer owner);

/* Takes the handle out of its multi handle, after which it may be cleaned up. */
void transfer_end(Transfer *transfer);

typedef struct SocketWatch SocketWatch;

typedef struct {
  void (*readable)(gpointer owner);   /* also for an error, or the end */
  void (*writable)(gpointer owner);
} SocketEvents;

/* fd stays the caller's, and open until the watch is freed. */
SocketWatch *socket_watch_new(Connector *connector, int fd, const SocketEvents *events,
                              gpointer owner);
void socket_watch_free(SocketWatch *watch);

/* EPOLLIN, EPOLLOUT or both; at first it is none. */
void socket_watch_for(SocketWatch *watch, guint32 interest);
