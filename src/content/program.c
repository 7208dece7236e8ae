/* SPDX-License-Identifier: Apache-2.0 */
#include "content/program.h"

#include <string.h>

enum { NO_COLUMN = -1 };

struct Program {
  GArray *segments;      /* Segment; no constant follows a constant but a shared one */
  GString *pending;      /* the constant that is being built */
  GStringChunk *bytes;   /* what segments point to ... */
  GPtrArray *shared;     /* ... or GBytes */
  GHashTable *ids;       /* field_key -> id + 1 */
  GArray *references;    /* guint: ids, which segments refer to by range */
  GArray *columns;       /* gint: by id */
  GString *scratch;
};

Program *program_new(void)
{
  Program *program = g_new0(Program, 1);
  program->segments = g_array_new(FALSE, TRUE, sizeof(Segment));
  program->pending = g_string_new(NULL);
  program->bytes = g_string_chunk_new(4096);
  program->shared = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
  program->ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  program->references = g_array_new(FALSE, FALSE, sizeof(guint));
  program->columns = g_array_new(FALSE, FALSE, sizeof(gint));
  program->scratch = g_string_new(NULL);
  return program;
}

void program_free(Program *program)
{
  if (program != NULL) {
    g_array_unref(program->segments);
    g_string_free(program->pending, TRUE);
    g_string_chunk_free(program->bytes);
    g_ptr_array_unref(program->shared);
    g_hash_table_unref(program->ids);
    g_array_unref(program->references);
    g_array_unref(program->columns);
    g_string_free(program->scratch, TRUE);
    g_free(program);
  }
}

static Segment *add_segment(Program *program, SegmentKind kind)
{
  const Segment segment = { .kind = kind };
  g_array_append_val(program->segments, segment);
  return &g_array_index(program->segments, Segment, program->segments->len - 1);
}

static void keep_bytes(Program *program, Segment *segment, const GString *bytes)
{
  segment->bytes = g_string_chunk_insert_len(program->bytes, bytes->str, (gssize)bytes->len);
  segment->length = bytes->len;
}

guint program_mark(Program *program)
{
  if (program->pending->len > 0) {
    keep_bytes(program, add_segment(program, SEGMENT_CONSTANT), program->pending);
    g_string_truncate(program->pending, 0);
  }
  return program->segments->len;
}

guint program_length(const Program *program)
{
  return program->segments->len;
}

const Segment *program_segments(const Program *program)
{
  return (const Segment *)(const void *)program->segments->data;
}

void program_add_bytes(Program *program, const char *bytes, gsize length)
{
  g_string_append_len(program->pending, bytes, (gssize)length);
}

void program_add_shared(Program *program, GBytes *bytes)
{
  program_mark(program);
  Segment *segment = add_segment(program, SEGMENT_CONSTANT);
  segment->bytes = g_bytes_get_data(bytes, &segment->length);
  g_ptr_array_add(program->shared, g_bytes_ref(bytes));
}

void program_add_field(Program *program, SegmentKind kind)
{
  program_mark(program);
  add_segment(program, kind);
}

static guint field_id(Program *program, const char *name)
{
  g_autofree char *key = field_key(name);
  guint id = GPOINTER_TO_UINT(g_hash_table_lookup(program->ids, key));
  if (id == 0) {
    const gint none = NO_COLUMN;
    g_array_append_val(program->columns, none);
    id = program->columns->len;
    g_hash_table_insert(program->ids, g_steal_pointer(&key), GUINT_TO_POINTER(id));
  }
  return id - 1;
}

static Segment *add_tag(Program *program, SegmentKind kind, const Token *token)
{
  program_mark(program);
  Segment *segment = add_segment(program, kind);
  segment->first_field = program->references->len;
  for (char **field = token->fields; *field != NULL; field++) {
    const guint id = field_id(program, *field);
    g_array_append_val(program->references, id);
    segment->fields++;
  }
  return segment;
}

/* An address is the same in text and HTML but for the escape of "&". */
static Context context_of(ProgramPart part, const Word *word)
{
  const gboolean raw = word->token->kind == TOKEN_RAW;
  const Context html = part == PART_HTML ? CONTEXT_HTML : 0;
  if (part == PART_HEADER) {
    return CONTEXT_ONE_LINE | CONTEXT_HEADER;
  }
  switch (word->form) {
  case FORM_START: return CONTEXT_URL | CONTEXT_URL_START | html;
  case FORM_ADDRESS: return raw ? CONTEXT_URL | html : CONTEXT_URL_PART;
  case FORM_MAILBOX: return CONTEXT_URL_PART | CONTEXT_MAILBOX;
  case FORM_LINE: return CONTEXT_ONE_LINE | html;
  case FORM_FLOW: break;
  }
  return html | (raw ? CONTEXT_MARKUP : 0);
}

static void add_hole(Program *program, const Word *word, ProgramPart part)
{
  Segment *segment = add_tag(program, SEGMENT_HOLE, word->token);
  segment->context = context_of(part, word);
  const char *fallback = word->token->fallback;
  if (fallback == NULL) {
    fallback = "";
  }
  g_autoptr(GString) encoded = g_string_new(NULL);
  if (part == PART_HEADER) {
    encode_value(encoded, fallback, segment->context);
  } else if (*fallback != '\0' || word->form == FORM_START) {
    encode_hole(encoded, program->scratch, fallback, segment->context);
  }
  keep_bytes(program, segment, encoded);
}

static void add_constant(Program *program, const char *text, gsize length, ProgramPart part)
{
  if (part == PART_HEADER) {
    program_add_bytes(program, text, length);
  } else {
    encode_quoted_printable(program->pending, text, length);
  }
}

typedef struct {
  guint number;    /* of the word that began it */
  guint segment;
} OpenSection;

static gboolean end_section(Program *program, const Words *words, const Word *word, GArray *open)
{
  if (open->len == 0) {
    return FALSE;
  }
  const OpenSection *top = &g_array_index(open, OpenSection, open->len - 1);
  if (top->number != words_mate(words, word->number)) {
    return FALSE;
  }
  const guint end = program_mark(program);
  g_array_index(program->segments, Segment, top->segment).end = end;
  g_array_set_size(open, open->len - 1);
  return TRUE;
}

static gboolean add_word(Program *program, const Words *words, const Word *word,
                         ProgramPart part, GArray *open)
{
  if (word->token->kind == TOKEN_END) {
    return end_section(program, words, word, open);
  }
  if (token_is_section(word->token)) {
    Segment *segment = add_tag(program, SEGMENT_SECTION, word->token);
    segment->inverted = word->token->kind == TOKEN_INVERTED;
    const OpenSection section = { word->number, program->segments->len - 1 };
    g_array_append_val(open, section);
  } else {
    add_hole(program, word, part);
  }
  return TRUE;
}

gboolean program_add_text(Program *program, const Words *words, const char *text,
                          ProgramPart part)
{
  g_autoptr(GArray) open = g_array_new(FALSE, FALSE, sizeof(OpenSection));
  for (Word word; words_find(words, text, &word); text = word.start + word.length) {
    add_constant(program, text, (gsize)(word.start - text), part);
    if (!add_word(program, words, &word, part, open)) {
      return FALSE;
    }
  }
  add_constant(program, text, strlen(text), part);
  return open->len == 0;
}

void program_bind(Program *program, const char *const *columns)
{
  for (guint i = 0; i < program->columns->len; i++) {
    g_array_index(program->columns, gint, i) = NO_COLUMN;
  }
  for (gint column = 0; columns[column] != NULL; column++) {
    g_autofree char *key = field_key(columns[column]);
    guint id = GPOINTER_TO_UINT(g_hash_table_lookup(program->ids, key));
    if (id != 0 && g_array_index(program->columns, gint, id - 1) == NO_COLUMN) {
      g_array_index(program->columns, gint, id - 1) = column;
    }
  }
}

gsize program_size(const Program *program)
{
  gsize size = 0;
  for (guint i = 0; i < program->segments->len; i++) {
    const Segment *segment = &g_array_index(program->segments, Segment, i);
    size += segment->kind == SEGMENT_CONSTANT ? segment->length : 0;
  }
  return size + program->pending->len;
}

gboolean program_is_constant(const Program *program)
{
  return program->references->len == 0;
}

const char *program_value(const Program *program, const Segment *segment,
                          const char *const *values)
{
  for (guint i = 0; i < segment->fields; i++) {
    guint id = g_array_index(program->references, guint, segment->first_field + i);
    gint column = g_array_index(program->columns, gint, id);
    const char *value = column == NO_COLUMN ? NULL : values[column];
    if (value != NULL && *value != '\0') {
      return value;
    }
  }
  return NULL;
}

guint program_next(const Program *program, guint index, const char *const *values)
{
  const Segment *segment = &g_array_index(program->segments, Segment, index);
  if (segment->kind == SEGMENT_SECTION &&
      value_is_true(program_value(program, segment, values)) == segment->inverted) {
    return segment->end;
  }
  return index + 1;
}
