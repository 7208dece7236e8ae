/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "delivery/release.h"

/* Reads releases in a thread of its own, one after the other, in the order in which they were
 * given: journals, rosters and attachments may be large and disks slow, and sending waits for
 * none of them. All functions are for the main loop.
 *
 * Who owns what: a release is the thread's while it is read, and done()'s afterwards. domains
 * are kept until then. usage is borrowed, and the thread's alone while loader_length() is not
 * 0. */

typedef struct Loader Loader;

/* In the main loop. release is the callee's, for release_begin() with these domains or for
 * release_close(); NULL: done/ has been read. */
typedef void (*LoaderDone)(Release *release, Domains *domains, gpointer data);

/* committer is borrowed. */
Loader *loader_new(Committer *committer, LoaderDone done, gpointer data);

/* Waits for what is being read just now, and leaves the rest; done() is not called. */
void loader_free(Loader *loader);

/* Reads the release in directory; see release_load(). */
void loader_read(Loader *loader, const char *directory, Domains *domains, Usage *usage);

/* Reads what the releases in done/ have sent lately; see usage_take_done(). */
void loader_read_done(Loader *loader, Config *config, Domains *domains, Usage *usage);

guint loader_length(const Loader *loader);                      /* how much is left to read */
gboolean loader_reads(const Loader *loader, const char *id);    /* or will */
