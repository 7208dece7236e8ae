/* SPDX-License-Identifier: Apache-2.0 */
#include "content/expansion.h"

#include <string.h>
#include "base/limits.h"
#include "content/template-inside.h"

enum {
  TOKENS_MAX = 10 * LIMIT_TAGS,  /* partials may multiply what they hold, */
  STEPS_MAX = 10 * LIMIT_TAGS,   /* or nothing at all */
  DEPTH_MAX = 50,                /* of partials in each other */
};

#define NO_ROUTINE G_MAXUINT

/* How lines are indented that begin within a partial or block. Frames apply from the
 * innermost to the outermost, or to the next barrier. */
typedef struct {
  const char *remove;       /* blanks that the lines were written with */
  const char *add;          /* those of the place that they are put at */
  gboolean spares_first;    /* the first line goes on with a line of that place */
  gboolean is_barrier;      /* all of it goes on with such a line */
} Frame;

/* What a block is replaced by. */
typedef struct {
  const Template *template;
  guint index;              /* of the block's token */
  gboolean is_running;
} Argument;

typedef struct {
  char *key;                /* the partial's name and the arguments it sees */
  guint routine;            /* in the result, or NO_ROUTINE */
  guint frames;             /* up to its own */
} Running;

typedef struct {
  Template *result;
  PartialLookup look_up;
  gpointer data;
  Report *report;
  GHashTable *partials;     /* name -> Template * of result->sources, or NULL */
  GHashTable *routines;     /* keys of partials that were seen to contain themselves */
  GArray *frames;           /* Frame */
  GPtrArray *arguments;     /* Argument *, outermost first; one a name */
  GArray *running;          /* Running */
  guint depth, steps;
  gboolean is_full, again;
} Expander;

static void expand_range(Expander *expander, const Template *template, guint first, guint end);

static gboolean has_end(const Token *token)
{
  return token_is_section(token) || token->kind == TOKEN_BLOCK || token->kind == TOKEN_PARENT;
}

/* --- Output --- */

/* Nothing more is expanded after this. */
static void give_up(Expander *expander, const Token *token)
{
  if (!expander->is_full) {
    expander->is_full = TRUE;
    report_error(expander->report, token->file, token->line, token->column,
                 "the partials make more than %d tags and texts together; use fewer", TOKENS_MAX);
  }
}

static void put(Expander *expander, const Token *token)
{
  GArray *tokens = expander->result->tokens;
  if (tokens->len >= TOKENS_MAX) {
    give_up(expander, token);
  }
  g_array_append_val(tokens, *token);
}

static void put_text(Expander *expander, const Token *like, const char *text, gsize length)
{
  if (length > 0) {
    Token token = { .kind = TOKEN_TEXT, .line = like->line, .column = like->column,
                    .file = like->file, .length = length };
    token.text = g_string_chunk_insert_len(expander->result->strings, text, (gssize)length);
    put(expander, &token);
  }
}

/* --- Indentation --- */

/* blanks as the frames from number first up to end make them. */
static void apply_frames(Expander *expander, GString *blanks, guint first, guint end)
{
  for (guint i = end; i > first; i--) {
    Frame *frame = &g_array_index(expander->frames, Frame, i - 1);
    if (frame->is_barrier) {
      return;
    }
    gsize common = 0;
    while (frame->remove[common] != '\0' && frame->remove[common] == blanks->str[common]) {
      common++;
    }
    g_string_erase(blanks, 0, (gssize)common);
    if (frame->spares_first) {
      frame->spares_first = FALSE;
      return;
    }
    g_string_prepend(blanks, frame->add);
  }
}

/* Begins a line that was written with these blanks. What a routine is called with stands
 * between what is around it and what is in it. */
static void put_line_start(Expander *expander, const Token *like, const char *blanks, gsize length)
{
  const guint all = expander->frames->len;
  g_autoptr(GString) inner = g_string_new_len(blanks, (gssize)length);
  const Running *running = expander->running->len == 0 ? NULL
      : &g_array_index(expander->running, Running, expander->running->len - 1);
  if (running != NULL && running->routine != NO_ROUTINE) {
    g_autoptr(GString) outer = g_string_new(NULL);
    const Token indent = { .kind = TOKEN_INDENT, .file = like->file, .line = like->line };
    apply_frames(expander, inner, running->frames, all);
    apply_frames(expander, outer, 0, running->frames);
    put_text(expander, like, outer->str, outer->len);
    put(expander, &indent);
  } else {
    apply_frames(expander, inner, 0, all);
  }
  put_text(expander, like, inner->str, inner->len);
}

/* Texts outside of all partials are borrowed as they are. */
static void expand_text(Expander *expander, const Token *token)
{
  gboolean begins = token->begins_line;
  const char *at = token->text, *end = at + token->length;
  Token line = *token;
  if (expander->frames->len == 0 && expander->running->len == 0) {
    if (token->length > 0) {
      put(expander, token);
    }
    return;
  }
  while (at < end) {
    const char *line_break = memchr(at, '\n', (gsize)(end - at));
    const char *next = line_break != NULL ? line_break + 1 : end;
    if (begins) {
      gsize blanks = 0;
      while (at + blanks < next && (at[blanks] == ' ' || at[blanks] == '\t')) {
        blanks++;
      }
      put_line_start(expander, &line, at, blanks);
      at += blanks;
    }
    put_text(expander, &line, at, (gsize)(next - at));
    at = next;
    begins = TRUE;
    line.line++;
  }
}

/* --- Blocks --- */

static Argument *find_argument(const Expander *expander, const char *name)
{
  for (guint i = 0; i < expander->arguments->len; i++) {
    Argument *argument = expander->arguments->pdata[i];
    if (strcmp(template_token(argument->template, argument->index)->fields[0], name) == 0) {
      return argument;
    }
  }
  return NULL;
}

/* The blanks that the text between two tokens is written with: those of its first line that
 * is not empty. NULL where no line begins there. */
static char *find_indent(const Template *template, guint first, guint end)
{
  for (guint i = first; i < end; i++) {
    const Token *token = template_token(template, i);
    if (token->kind != TOKEN_TEXT && token->line_end != NULL && token->indent != NULL) {
      return g_strdup(token->indent);
    }
    if (!token->begins_line || token->length == 0) {
      continue;
    }
    if (token->kind != TOKEN_TEXT) {
      return g_strdup("");
    }
    for (gsize at = 0; at < token->length;) {
      gsize blanks = at;
      while (blanks < token->length && strchr(" \t", token->text[blanks]) != NULL) {
        blanks++;
      }
      if (blanks == token->length || (token->text[blanks] != '\n' && token->text[blanks] != '\r')) {
        return g_strndup(token->text + at, blanks - at);
      }
      const char *line_break = memchr(token->text + at, '\n', token->length - at);
      at = line_break != NULL ? (gsize)(line_break - token->text) + 1 : token->length;
    }
  }
  return NULL;
}

static const char *keep(Expander *expander, const char *text)
{
  return g_string_chunk_insert_const(expander->result->strings, text != NULL ? text : "");
}

/* The first token of a block's content that leaves something; NULL where none does. */
static const Token *find_content(const Template *template, guint index)
{
  const guint end = template_token(template, index)->mate;
  for (guint i = index + 1; i < end; i++) {
    const Token *token = template_token(template, i);
    if (token->kind != TOKEN_NOTE && token->length > 0) {
      return token;
    }
  }
  return NULL;
}

static Frame block_frame(Expander *expander, const Template *site, guint block,
                         const Argument *argument, const Token *content)
{
  Frame frame = { .remove = "", .add = "" };
  const Token *open = template_token(site, block);
  const Token *given = template_token(argument->template, argument->index);
  const gboolean has_lines = open->line_end != NULL;
  g_autofree char *of_default = has_lines ? find_indent(site, block + 1, open->mate) : NULL;
  frame.add = keep(expander, of_default != NULL ? of_default : open->indent);
  if (given->line_end != NULL) {
    g_autofree char *written = find_indent(argument->template, argument->index + 1, given->mate);
    frame.remove = keep(expander, written);
  }
  frame.spares_first = !has_lines && !open->is_alone && content->begins_line;
  return frame;
}

/* Content that is put where a line begins, but was not written so, needs its start. */
static void put_block_start(Expander *expander, const Token *open, const Token *content,
                            gboolean is_default)
{
  const gboolean begins_line = open->is_alone || open->line_end != NULL;
  if (begins_line && (!content->begins_line || (is_default && open->line_end == NULL))) {
    const char *blanks = is_default ? open->indent : "";
    put_line_start(expander, open, blanks, strlen(blanks));
  }
}

/* What stands alone ends with a line break of its own, or of its place. */
static void put_block_end(Expander *expander, const Template *site, const Token *open,
                          const Template *template, guint index)
{
  const Token *begin = template_token(template, index);
  const Token *close = template_token(template, begin->mate);
  const gboolean ends_line = close->indent != NULL &&
                             memchr(begin->text, '\n', (gsize)(close->text - begin->text)) != NULL;
  const char *line_end = template_token(site, open->mate)->line_end;
  if (open->is_alone && !ends_line && line_end != NULL) {
    put_text(expander, open, line_end, strlen(line_end));
  }
}

static void expand_block(Expander *expander, const Template *site, guint block)
{
  const Token *open = template_token(site, block);
  Argument *argument = find_argument(expander, open->fields[0]);
  const gboolean is_default = argument == NULL || argument->is_running;
  const Template *template = is_default ? site : argument->template;
  const guint index = is_default ? block : argument->index;
  const Token *content = find_content(template, index);
  if (content == NULL) {
    return;
  }
  if (!is_default) {
    const Frame frame = block_frame(expander, site, block, argument, content);
    g_array_append_val(expander->frames, frame);
    argument->is_running = TRUE;
  }
  put_block_start(expander, open, content, is_default);
  expand_range(expander, template, index + 1, template_token(template, index)->mate);
  if (!is_default) {
    argument->is_running = FALSE;
    g_array_set_size(expander->frames, expander->frames->len - 1);
  }
  put_block_end(expander, site, open, template, index);
}

/* --- Partials --- */

static Template *find_partial(Expander *expander, const Token *tag)
{
  gpointer found = NULL;
  const char *name = tag->fields[0], *file = NULL;
  if (g_hash_table_lookup_extended(expander->partials, name, NULL, &found)) {
    return found;
  }
  const char *source = expander->look_up == NULL ? NULL
                       : expander->look_up(tag, &file, expander->data);
  Template *partial = NULL;
  if (source != NULL) {
    const guint errors = report_count(expander->report, FINDING_ERROR);
    partial = template_parse(source, file, 1, expander->report);
    g_ptr_array_add(expander->result->sources, partial);
    partial = report_count(expander->report, FINDING_ERROR) > errors ? NULL : partial;
  }
  g_hash_table_insert(expander->partials, g_strdup(name), partial);
  return partial;
}

static char *make_key(const Expander *expander, const char *name)
{
  GString *key = g_string_new(name);
  for (guint i = 0; i < expander->arguments->len; i++) {
    const Argument *argument = expander->arguments->pdata[i];
    g_string_append_printf(key, "\n%p %u %d", (const void *)argument->template, argument->index,
                           argument->is_running);
  }
  return g_string_free(key, FALSE);
}

/* A partial that runs already is called. In the first pass nobody knows yet that it must be
 * a routine for that; then there is another. */
static gboolean call_running(Expander *expander, const Token *tag, const char *key)
{
  for (guint i = 0; i < expander->running->len; i++) {
    const Running *running = &g_array_index(expander->running, Running, i);
    if (strcmp(running->key, key) != 0) {
      continue;
    }
    if (running->routine == NO_ROUTINE) {
      g_hash_table_add(expander->routines, g_strdup(key));
      expander->again = TRUE;
      return TRUE;
    }
    g_autoptr(GString) indent = g_string_new(NULL);
    g_string_append(indent, tag->line_end != NULL || tag->is_alone ? tag->indent : "");
    apply_frames(expander, indent, running->frames, expander->frames->len);
    Token call = *tag;
    call.kind = TOKEN_CALL;
    call.mate = running->routine;
    call.indent = keep(expander, indent->str);
    put(expander, &call);
    return TRUE;
  }
  return FALSE;
}

static void run_partial(Expander *expander, const Template *partial, const Token *tag, char *key)
{
  const gboolean is_routine = g_hash_table_contains(expander->routines, key);
  Running running = { .key = key, .routine = NO_ROUTINE, .frames = expander->frames->len };
  if (is_routine) {
    Token token = { .kind = TOKEN_ROUTINE, .line = tag->line, .file = tag->file };
    put(expander, &token);
    running.routine = expander->result->tokens->len - 1;
  }
  g_array_append_val(expander->running, running);
  expand_range(expander, partial, 0, template_length(partial));
  g_array_set_size(expander->running, expander->running->len - 1);
  if (is_routine) {
    Token token = { .kind = TOKEN_END, .line = tag->line, .file = tag->file,
                    .mate = running.routine };
    put(expander, &token);
    template_at(expander->result, running.routine)->mate = expander->result->tokens->len - 1;
  }
}

static void expand_partial(Expander *expander, const Token *tag)
{
  const Template *partial = find_partial(expander, tag);
  g_autofree char *key = make_key(expander, tag->fields[0]);
  if (partial == NULL || call_running(expander, tag, key)) {
    return;
  }
  if (expander->depth == DEPTH_MAX) {
    report_error(expander->report, tag->file, tag->line, tag->column,
                 "partials are nested more than %d deep; use fewer", DEPTH_MAX);
    return;
  }
  const gboolean has_line = tag->line_end != NULL || tag->is_alone;
  const Frame frame = { .remove = "", .add = has_line ? tag->indent : "",
                        .is_barrier = !has_line };
  g_array_append_val(expander->frames, frame);
  expander->depth++;
  run_partial(expander, partial, tag, key);
  expander->depth--;
  g_array_set_size(expander->frames, expander->frames->len - 1);
}

/* Blocks that are given from further out count more than those given here. */
static void expand_parent(Expander *expander, const Template *template, guint index)
{
  const Token *open = template_token(template, index);
  const guint before = expander->arguments->len;
  for (guint i = index + 1; i < open->mate; i++) {
    const Token *token = template_token(template, i);
    if (token->kind == TOKEN_BLOCK && find_argument(expander, token->fields[0]) == NULL) {
      Argument *argument = g_new0(Argument, 1);
      *argument = (Argument){ .template = template, .index = i };
      g_ptr_array_add(expander->arguments, argument);
    }
    i = has_end(token) ? token->mate : i;
  }
  expand_partial(expander, open);
  g_ptr_array_set_size(expander->arguments, (gint)before);
}

/* --- All --- */

static void begin_line(Expander *expander, const Token *token)
{
  if (token->begins_line) {
    put_line_start(expander, token, "", 0);
  }
}

static void put_tag(Expander *expander, const Token *token)
{
  begin_line(expander, token);
  g_autoptr(GString) indent = g_string_new(token->indent);
  Token copy = *token;
  if (token->line_end != NULL && expander->frames->len > 0) {
    apply_frames(expander, indent, 0, expander->frames->len);
    copy.indent = keep(expander, indent->str);
  }
  put(expander, &copy);
}

static void expand_section(Expander *expander, const Template *template, guint index)
{
  const guint end = template_token(template, index)->mate;
  put_tag(expander, template_token(template, index));
  const guint first = expander->result->tokens->len - 1;
  expand_range(expander, template, index + 1, end);
  put_tag(expander, template_token(template, end));
  const guint last = expander->result->tokens->len - 1;
  template_at(expander->result, first)->mate = last;
  template_at(expander->result, last)->mate = first;
}

/* A tag that is replaced by what it stands for. */
static void expand_tag(Expander *expander, const Template *template, guint index)
{
  const Token *token = template_token(template, index);
  if (++expander->steps > STEPS_MAX) {
    give_up(expander, token);
    return;
  }
  begin_line(expander, token);
  switch (token->kind) {
  case TOKEN_BLOCK: expand_block(expander, template, index); return;
  case TOKEN_PARENT: expand_parent(expander, template, index); return;
  case TOKEN_PARTIAL: expand_partial(expander, token); return;
  default: return;
  }
}

static void expand_range(Expander *expander, const Template *template, guint first, guint end)
{
  for (guint i = first; i < end && !expander->is_full; i++) {
    const Token *token = template_token(template, i);
    if (token->kind == TOKEN_TEXT) {
      expand_text(expander, token);
    } else if (token_is_section(token)) {
      expand_section(expander, template, i);
    } else if (token->kind == TOKEN_VARIABLE || token->kind == TOKEN_RAW) {
      put_tag(expander, token);
    } else {
      expand_tag(expander, template, i);
    }
    i = has_end(token) ? token->mate : i;
  }
}

Template *template_expand(Template *template, PartialLookup look_up, gpointer data, Report *report)
{
  Expander expander = {
    .result = template_new("", template->file), .look_up = look_up, .data = data,
    .report = report, .frames = g_array_new(FALSE, FALSE, sizeof(Frame)),
    .arguments = g_ptr_array_new_with_free_func(g_free),
    .running = g_array_new(FALSE, FALSE, sizeof(Running)),
    .partials = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    .routines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
  };
  g_ptr_array_add(expander.result->sources, template);
  do {
    expander.again = FALSE;
    expander.steps = 0;
    g_array_set_size(expander.result->tokens, 0);
    expand_range(&expander, template, 0, template_length(template));
  } while (expander.again && !expander.is_full);
  g_array_unref(expander.frames);
  g_ptr_array_unref(expander.arguments);
  g_array_unref(expander.running);
  g_hash_table_unref(expander.partials);
  g_hash_table_unref(expander.routines);
  return expander.result;
}

const Token *template_find_call(const Template *template)
{
  for (guint i = 0; i < template_length(template); i++) {
    if (template_token(template, i)->kind == TOKEN_CALL) {
      return template_token(template, i);
    }
  }
  return NULL;
}
