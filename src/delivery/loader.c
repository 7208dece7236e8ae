/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/loader.h"

#include "base/worker.h"

struct Loader {
  Committer *committer;
  LoaderDone done;
  gpointer data;
  GPtrArray *errands;     /* given and not yet done() */
  Worker *thread;
  GAsyncQueue *read;      /* Errand *, on the way back */
  GSource *notifier;      /* there is something in it */
  gint closing;           /* atomic */
};

typedef struct {
  char *directory;        /* NULL: done/ */
  char *id;
  Config *config;         /* for done/ only */
  Domains *domains;
  Usage *usage;
  Release *release;       /* what came of it */
} Errand;

static void errand_free(gpointer data)
{
  Errand *errand = data;
  g_clear_pointer(&errand->release, release_close);
  g_clear_pointer(&errand->config, config_unref);
  domains_unref(errand->domains);
  g_free(errand->directory);
  g_free(errand->id);
  g_free(errand);
}

/* In the thread. */
static void run(gpointer data, gpointer user)
{
  Errand *errand = data;
  Loader *loader = user;
  if (g_atomic_int_get(&loader->closing))
    return;
  if (errand->directory != NULL)
    errand->release = release_load(errand->directory, loader->committer, errand->domains,
                                   errand->usage);
  else
    usage_take_done(errand->usage, errand->config, errand->domains);
  g_async_queue_push(loader->read, errand);
  g_source_set_ready_time(loader->notifier, 0);
}

static gboolean on_read(gpointer data)
{
  Loader *loader = data;
  Errand *errand;
  g_source_set_ready_time(loader->notifier, -1);
  while ((errand = g_async_queue_try_pop(loader->read)) != NULL) {
    g_ptr_array_steal_index(loader->errands, 0);
    loader->done(g_steal_pointer(&errand->release), errand->domains, loader->data);
    errand_free(errand);
  }
  return G_SOURCE_CONTINUE;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
  (void)source;
  return callback(data);
}

Loader *loader_new(Committer *committer, LoaderDone done, gpointer data)
{
  static GSourceFuncs functions = { .dispatch = dispatch };
  Loader *loader = g_new0(Loader, 1);
  loader->committer = committer;
  loader->done = done;
  loader->data = data;
  loader->errands = g_ptr_array_new_with_free_func(errand_free);
  loader->read = g_async_queue_new();
  loader->notifier = g_source_new(&functions, sizeof(GSource));
  g_source_set_static_name(loader->notifier, "loader");
  g_source_set_callback(loader->notifier, on_read, loader, NULL);
  g_source_attach(loader->notifier, NULL);
  loader->thread = worker_new("loader", run, loader);
  return loader;
}

void loader_free(Loader *loader)
{
  g_atomic_int_set(&loader->closing, 1);
  worker_free(loader->thread);
  g_source_destroy(loader->notifier);
  g_source_unref(loader->notifier);
  g_async_queue_unref(loader->read);
  g_ptr_array_unref(loader->errands);
  g_free(loader);
}

static Errand *add(Loader *loader, Domains *domains, Usage *usage)
{
  Errand *errand = g_new0(Errand, 1);
  errand->domains = domains_ref(domains);
  errand->usage = usage;
  g_ptr_array_add(loader->errands, errand);
  return errand;
}

void loader_read(Loader *loader, const char *directory, Domains *domains, Usage *usage)
{
  Errand *errand = add(loader, domains, usage);
  errand->directory = g_strdup(directory);
  errand->id = g_path_get_basename(directory);
  worker_push(loader->thread, errand);
}

void loader_read_done(Loader *loader, Config *config, Domains *domains, Usage *usage)
{
  Errand *errand = add(loader, domains, usage);
  errand->config = config_ref(config);
  worker_push(loader->thread, errand);
}

guint loader_length(const Loader *loader)
{
  return loader->errands->len;
}

gboolean loader_reads(const Loader *loader, const char *id)
{
  for (guint i = 0; i < loader->errands->len; i++)
    if (g_strcmp0(((const Errand *)loader->errands->pdata[i])->id, id) == 0)
      return TRUE;
  return FALSE;
}
