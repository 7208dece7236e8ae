/* SPDX-License-Identifier: Apache-2.0 */
#include "content/program.h"

#include <string.h>

struct Program {
  GArray *segments;      /* Segment; no constant follows a constant but a shared one */
  GString *pending;      /* the constant that is being built */
  GStringChunk *bytes;   /* what segments point to ... */
  GPtrArray *shared;     /* ... or GBytes */
  GHashTable *ids;       /* name as written -> index of its path + 1 */
  GArray *references;    /* guint: indexes of paths, which segments refer to by range */
  GArray *paths;         /* Path */
  GString *scratch;
};

static void path_clear(gpointer data)
{
  Path *path = data;
  g_strfreev(path->names);
}

Program *program_new(void)
{
  Program *program = g_new0(Program, 1);
  program->segments = g_array_new(FALSE, TRUE, sizeof(Segment));
  program->pending = g_string_new(NULL);
  program->bytes = g_string_chunk_new(4096);
  program->shared = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
  program->ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  program->references = g_array_new(FALSE, FALSE, sizeof(guint));
  program->paths = g_array_new(FALSE, FALSE, sizeof(Path));
  g_array_set_clear_func(program->paths, path_clear);
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
    g_array_unref(program->paths);
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

static guint path_of(Program *program, const char *name)
{
  guint id = GPOINTER_TO_UINT(g_hash_table_lookup(program->ids, name));
  if (id == 0) {
    const Path path = { .names = strcmp(name, ".") == 0 ? g_new0(char *, 1)
                                                        : g_strsplit(name, ".", -1),
                        .column = NO_COLUMN, .head_column = NO_COLUMN };
    g_array_append_val(program->paths, path);
    id = program->paths->len;
    g_hash_table_insert(program->ids, g_strdup(name), GUINT_TO_POINTER(id));
  }
  return id - 1;
}

static void refer_to(Program *program, Segment *segment, const char *name)
{
  const guint path = path_of(program, name);
  g_array_append_val(program->references, path);
  segment->fields++;
}

static Segment *add_tag(Program *program, SegmentKind kind, const Token *token)
{
  program_mark(program);
  Segment *segment = add_segment(program, kind);
  segment->first_field = program->references->len;
  segment->inverted = token->kind == TOKEN_INVERTED;
  for (char **field = token->fields; field != NULL && *field != NULL; field++) {
    refer_to(program, segment, *field);
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
  case FORM_FLOW:
  case FORM_WHETHER: break;
  }
  return html | (raw ? CONTEXT_MARKUP : 0);
}

/* A fallback's text may be the name of a field as well. */
static void add_hole(Program *program, const Token *token, Context context, ProgramPart part)
{
  Segment *segment = add_tag(program, SEGMENT_HOLE, token);
  const char *fallback = token->fallback != NULL ? token->fallback : "";
  segment->context = context;
  if (*fallback != '\0') {
    refer_to(program, segment, fallback);
    segment->ends_with_field = TRUE;
  }
  g_autoptr(GString) encoded = g_string_new(NULL);
  if (part == PART_HEADER || part == PART_PLAIN) {
    encode_value(encoded, fallback, segment->context);
  } else if (*fallback != '\0' || context & CONTEXT_URL_START) {
    encode_hole(encoded, program->scratch, fallback, segment->context);
  }
  keep_bytes(program, segment, encoded);
}

static void add_constant(Program *program, const char *text, gsize length, ProgramPart part)
{
  if (part == PART_HEADER || part == PART_PLAIN) {
    program_add_bytes(program, text, length);
  } else {
    encode_quoted_printable(program->pending, text, length);
  }
}

typedef struct {
  guint number;    /* of the word that began it */
  guint segment;
} OpenSection;

/* Adds the end of what began at segment, and tells each of the other. */
static void add_end(Program *program, guint segment, SegmentKind kind)
{
  program_mark(program);
  add_segment(program, kind)->mate = segment;
  const guint end = program->segments->len - 1;
  g_array_index(program->segments, Segment, segment).mate = end;
}

static gboolean end_section(Program *program, const Words *words, const Word *word, GArray *open)
{
  if (open->len == 0) {
    return FALSE;
  }
  const OpenSection *top = &g_array_index(open, OpenSection, open->len - 1);
  if (top->number != words_mate(words, word->number)) {
    return FALSE;
  }
  add_end(program, top->segment, SEGMENT_END);
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
    add_tag(program, SEGMENT_SECTION, word->token)->is_whether = word->form == FORM_WHETHER;
    const OpenSection section = { word->number, program->segments->len - 1 };
    g_array_append_val(open, section);
  } else {
    add_hole(program, word->token, context_of(part, word), part);
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

/* segments: by token. */
static void add_token(Program *program, const Template *template, guint index, guint *segments)
{
  const Token *token = template_token(template, index);
  switch (token->kind) {
  case TOKEN_TEXT: program_add_bytes(program, token->text, token->length); return;
  case TOKEN_VARIABLE:
  case TOKEN_RAW:
    add_hole(program, token, token->kind == TOKEN_RAW ? CONTEXT_VERBATIM
                                                      : CONTEXT_VERBATIM | CONTEXT_HTML,
             PART_PLAIN);
    return;
  case TOKEN_SECTION:
  case TOKEN_INVERTED: add_tag(program, SEGMENT_SECTION, token); break;
  case TOKEN_ROUTINE: add_tag(program, SEGMENT_ROUTINE, token); break;
  case TOKEN_INDENT: add_tag(program, SEGMENT_INDENT, token); return;
  case TOKEN_CALL: {
    program_mark(program);
    Segment *segment = add_segment(program, SEGMENT_CALL);
    segment->mate = segments[token->mate];
    segment->bytes = g_string_chunk_insert(program->bytes, token->indent);
    segment->length = strlen(segment->bytes);
    return;
  }
  case TOKEN_END: {
    const gboolean routine = template_token(template, token->mate)->kind == TOKEN_ROUTINE;
    add_end(program, segments[token->mate], routine ? SEGMENT_RETURN : SEGMENT_END);
    return;
  }
  default: return;
  }
  segments[index] = program->segments->len - 1;
}

void program_add_template(Program *program, const Template *template)
{
  g_autofree guint *segments = g_new0(guint, template_length(template) + 1);
  for (guint i = 0; i < template_length(template); i++) {
    add_token(program, template, i, segments);
  }
}

static gint find_column(GHashTable *columns, const char *name)
{
  g_autofree char *key = field_key(name);
  gpointer found = g_hash_table_lookup(columns, key);
  return found != NULL ? GPOINTER_TO_INT(found) - 1 : NO_COLUMN;
}

void program_bind(Program *program, const char *const *columns)
{
  g_autoptr(GHashTable) by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (gint i = 0; columns[i] != NULL; i++) {
    char *key = field_key(columns[i]);
    if (g_hash_table_contains(by_key, key)) {
      g_free(key);
    } else {
      g_hash_table_insert(by_key, key, GINT_TO_POINTER(i + 1));
    }
  }
  for (guint i = 0; i < program->paths->len; i++) {
    Path *path = &g_array_index(program->paths, Path, i);
    g_autofree char *name = g_strjoinv(".", path->names);
    path->column = path->names[0] != NULL ? find_column(by_key, name) : NO_COLUMN;
    path->head_column = path->names[0] != NULL ? find_column(by_key, path->names[0]) : NO_COLUMN;
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

const Path *program_paths(const Program *program)
{
  return (const Path *)(const void *)program->paths->data;
}

const guint *program_references(const Program *program)
{
  return (const guint *)(const void *)program->references->data;
}
