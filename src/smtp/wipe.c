/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/wipe.h"

#include <curl/curl.h>
#include <glib.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void wipe_and_free(void *block)
{
  if (block == NULL)
    return;
  explicit_bzero(block, malloc_usable_size(block));
  free(block);
}

/* realloc(3) may move a block and leave its content behind. */
static void *move_and_wipe(void *block, size_t size)
{
  if (block == NULL)
    return malloc(size);
  size_t held = malloc_usable_size(block);
  if (size <= held && size > held / 2)
    return block;
  void *moved = malloc(size);
  if (moved == NULL)
    return NULL;
  memcpy(moved, block, MIN(held, size));
  wipe_and_free(block);
  return moved;
}

void wipe_what_curl_frees(void)
{
  static gsize done = 0;
  if (g_once_init_enter(&done)) {
    curl_global_init_mem(CURL_GLOBAL_ALL, malloc, wipe_and_free, move_and_wipe, strdup, calloc);
    g_once_init_leave(&done, 1);
  }
}
