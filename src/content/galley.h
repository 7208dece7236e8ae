/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* A galley is a Markdown text set for proofreading: what its readers see, as passages of
 * running text, with the way back to the line and column that the author wrote. Merge tags,
 * code and addresses are one character each, whose sense nobody can judge. */

enum {
  GALLEY_VALUE = 0x01,    /* runs of it: a variable */
  GALLEY_TAG = 0x02,      /* runs of it: any other tag, which leaves no text of its own */
  GALLEY_OPAQUE = 0x03,   /* code, a picture, an address that is a link to itself */
  GALLEY_BREAK = '\v',    /* a line break that readers see; '\n' is one that they do not */
};

typedef enum {
  PASSAGE_PARAGRAPH,
  PASSAGE_ITEM,           /* the first paragraph of an item of a list */
  PASSAGE_HEADING,
  PASSAGE_CELL,
} PassageKind;

typedef struct {
  PassageKind kind;
  gboolean follows;       /* comes directly behind the passage before it, as its sibling */
  gboolean is_link;       /* one link and nothing else */
  gboolean is_marked;     /* wholly bold or italic, as headings are that are none */
  gboolean has_tags;      /* GALLEY_TAG stands between begin and end */
  gsize begin, end;       /* of text, without the blanks and GALLEY_TAG around */
  GString *text;
  GArray *segments;       /* what of text comes from where */
} Passage;

typedef struct {
  guint line, column;     /* of the file; column 0: not known */
} Place;

typedef struct {
  Place place;
  char *address;          /* of a picture: its file */
  char *text;             /* what readers see of it */
} GalleyLink;

typedef struct Galley Galley;

/* source begins at line of its file. NULL where its tags are wrong. */
Galley *galley_new(const char *source, const char *file, guint line);
void galley_free(Galley *galley);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Galley, galley_free)

const char *galley_file(const Galley *galley);
const GPtrArray *galley_passages(const Galley *galley);   /* Passage * */
const GPtrArray *galley_links(const Galley *galley);      /* GalleyLink * */
const GPtrArray *galley_pictures(const Galley *galley);   /* GalleyLink * */
const GPtrArray *galley_partials(const Galley *galley);   /* names, char *, as often as used */

/* Where the author wrote the character at offset of passage->text. */
Place galley_place(const Galley *galley, const Passage *passage, gsize offset);

/* source with its tags as GALLEY_VALUE and GALLEY_TAG, each byte in its place; NULL where they
 * are wrong. Caller frees. */
char *galley_mask(const char *source);
