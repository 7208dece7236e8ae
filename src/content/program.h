/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/encode.h"
#include "content/words.h"

/* A Program is what a text with tags becomes: segments that are run in order for each
 * recipient. Constants are bytes as they go out; a hole asks for a value; a section
 * jumps. It is built once, bound to the columns of a roster, and immutable after that. */

typedef enum {
  SEGMENT_CONSTANT,
  SEGMENT_HOLE,
  SEGMENT_SECTION,
  SEGMENT_END,       /* of a section */
  /* Where a partial contains itself, in plain programs only. */
  SEGMENT_ROUTINE,
  SEGMENT_RETURN,
  SEGMENT_CALL,
  SEGMENT_INDENT,
  /* Header fields that differ from copy to copy. */
  SEGMENT_DATE,
  SEGMENT_TO,
  SEGMENT_SUBJECT,
  SEGMENT_MESSAGE_ID,
} SegmentKind;

typedef struct {
  SegmentKind kind;
  const char *bytes;     /* constant; hole: its fallback, encoded; call: an indent */
  gsize length;
  Context context;       /* hole */
  guint first_field;     /* hole, section: where its fields stand in the program's list */
  guint fields;
  gboolean ends_with_field;  /* hole: the last field is the fallback's text, read as a name */
  gboolean inverted;     /* section */
  gboolean is_whether;   /* section: it is neither repeated nor entered */
  guint mate;            /* the other end of a section or routine; call: the routine */
} Segment;

enum { NO_COLUMN = -1 };

/* A name as tags write it. */
typedef struct {
  char **names;          /* parts between dots; none for "." */
  gint column;           /* of the whole name, or NO_COLUMN */
  gint head_column;      /* of its first part */
} Path;

typedef enum {
  PART_HEADER,   /* not encoded: a header field is encoded as a whole when it is complete */
  PART_TEXT,
  PART_HTML,
  PART_PLAIN,    /* not encoded: a page as Mustache makes it, for layouts */
} ProgramPart;

typedef struct Program Program;

Program *program_new(void);
void program_free(Program *program);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Program, program_free)

/* Bytes that are ready for the wire: copied, or kept by reference. */
void program_add_bytes(Program *program, const char *bytes, gsize length);
void program_add_shared(Program *program, GBytes *bytes);
void program_add_field(Program *program, SegmentKind kind);

/* text with words: constants and holes encoded for part. FALSE where sections are not
 * properly nested; the program is of no use then. */
gboolean program_add_text(Program *program, const Words *words, const char *text,
                          ProgramPart part);

/* An expanded template, all of it, as PART_PLAIN. */
void program_add_template(Program *program, const Template *template);

/* columns[i] is the name of value i of a recipient. */
void program_bind(Program *program, const char *const *columns);

/* The number of the next segment: a range may begin or end here. Must have been called
 * after the last addition when the Program is run. */
guint program_mark(Program *program);
const Segment *program_segments(const Program *program);
guint program_length(const Program *program);
gsize program_size(const Program *program);   /* of all constants */

const Path *program_paths(const Program *program);
const guint *program_references(const Program *program);   /* to paths */
