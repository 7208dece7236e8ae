/* SPDX-License-Identifier: Apache-2.0 */
#include "content/message.h"

#include <gmime/gmime.h>
#include <string.h>
#include "base/address.h"
#include "content/attachments.h"
#include "content/expansion.h"
#include "content/fields.h"
#include "content/header.h"
#include "content/layout.h"
#include "content/markdown.h"
#include "content/merge.h"
#include "content/mime.h"
#include "content/wrap.h"

typedef struct {
  guint first, end;
} Range;

struct Message {
  Program *program;
  Program *subject;        /* of PART_HEADER */
  Range text, html;        /* of program */
  char *subject_source;
  char *from_address;
  Fields fields;
};

/* What compiling needs on its way. */
typedef struct {
  const Draft *draft;
  const FrontMatter *front;
  const MessageOptions *options;
  Report *report;
  Message *message;
  Template *subject_template;   /* NULL: the subject is the first heading */
  Template *template;
  Words *words;
  Markdown markdown;
  char *subject;                /* with words */
  char *embargo;                /* the line that marks an embargo, or NULL */
  char *footer;                 /* NULL: none */
  Mime mime;
  GBytes *pictures, *attachments;
} Compiler;

/* --- Text --- */

static const char *find_partial(const Token *tag, const char **file, gpointer data)
{
  const Compiler *compiler = data;
  const char *name = tag->fields[0];
  const char *text = draft_partial(compiler->draft, name, file);
  if (text == NULL) {
    report_error(compiler->report, tag->file, tag->line, tag->column, "there is no partial \"%s\"; "
                 "drop a folder that holds partials/%s.md beside release.md", name, name);
  }
  return text;
}

/* NULL where there are mistakes. */
static Template *read_template(Compiler *compiler, const char *source, guint line)
{
  const guint errors = report_count(compiler->report, FINDING_ERROR);
  const char *file = draft_text_name(compiler->draft);
  g_autoptr(Template) parsed = template_parse(source, file, line, compiler->report);
  if (report_count(compiler->report, FINDING_ERROR) > errors) {
    return NULL;
  }
  g_autoptr(Template) template = template_expand(g_steal_pointer(&parsed), find_partial, compiler,
                                                 compiler->report);
  const Token *call = template_find_call(template);
  if (call != NULL) {
    report_error(compiler->report, call->file, call->line, call->column, "the partial \"%s\" holds "
                 "itself; write out what it shall hold", call->fields[0]);
  }
  return report_count(compiler->report, FINDING_ERROR) > errors ? NULL
                                                                : g_steal_pointer(&template);
}

static gboolean read_templates(Compiler *compiler)
{
  const FrontMatter *front = compiler->front;
  compiler->template = read_template(compiler, draft_text(compiler->draft),
                                     draft_text_line(compiler->draft));
  if (front->subject != NULL) {
    compiler->subject_template = read_template(compiler, front->subject, front->subject_line);
  }
  return compiler->template != NULL &&
         (front->subject == NULL || compiler->subject_template != NULL);
}

static void collect_fields(Compiler *compiler)
{
  fields_init(&compiler->message->fields);
  if (compiler->subject_template != NULL) {
    fields_collect(&compiler->message->fields, compiler->subject_template, compiler->report);
  }
  fields_collect(&compiler->message->fields, compiler->template, compiler->report);
}

static char *content_id(guint index, gconstpointer data)
{
  return mime_content_id(data, index);
}

static void settle_subject(Compiler *compiler)
{
  g_autofree char *subject = NULL;
  if (compiler->subject_template != NULL) {
    subject = words_put(compiler->words, compiler->subject_template, NULL);
  } else if (compiler->markdown.heading != NULL) {
    subject = g_strdup(compiler->markdown.heading);
  } else {
    report_error(compiler->report, draft_text_name(compiler->draft), 0, 0, "there is no subject; "
                 "write a heading (\"# …\") or \"subject: …\" in front matter");
    subject = g_strdup("");
  }
  compiler->subject = g_strconcat(compiler->embargo != NULL ? compiler->embargo : "",
                                  compiler->embargo != NULL ? ": " : "", subject, NULL);
  compiler->message->subject_source = words_to_source(compiler->words, compiler->subject);
}

static void warn_of_unused_files(const Compiler *compiler)
{
  const GPtrArray *files = draft_files(compiler->draft);
  for (guint i = 0; i < files->len; i++) {
    const DraftFile *file = files->pdata[i];
    if (!g_ptr_array_find(compiler->markdown.pictures, file, NULL)) {
      g_autofree char *folder = g_path_get_dirname(draft_text_name(compiler->draft));
      g_autofree char *name = g_build_filename(folder, file->name, NULL);
      report_warning(compiler->report, name, 0, 0, "this file is not sent: it is neither shown "
                     "in the text nor in the folder attachments");
    }
  }
}

/* FALSE where mistakes leave nothing to go on with. */
static gboolean read_text(Compiler *compiler)
{
  if (!read_templates(compiler)) {
    return FALSE;
  }
  collect_fields(compiler);
  compiler->words = words_new(draft_hash(compiler->draft));
  markdown_read(compiler->draft, compiler->template, compiler->options->html, compiler->words,
                content_id, &compiler->mime, &compiler->markdown, compiler->report);
  if (compiler->front->embargo_text != NULL) {
    compiler->embargo = g_strdup_printf("EMBARGOED until %s", compiler->front->embargo_text);
  }
  if (compiler->options->list_name != NULL) {
    compiler->footer = g_strdup_printf("You receive this because you are on the list «%s».",
                                       compiler->options->list_name);
  }
  settle_subject(compiler);
  warn_of_unused_files(compiler);
  return TRUE;
}

/* The signature separator, "-- ", lets mail programs fold the footer away (RFC 3676
 * section 4.3). */
static char *compose_text(const Compiler *compiler)
{
  const char *embargo = compiler->embargo;
  g_autofree char *footer = NULL;
  if (compiler->footer != NULL) {
    g_autofree char *lines = wrap_text(compiler->footer, compiler->words, WRAP_WIDTH);
    footer = g_strconcat("-- \n", lines, NULL);
  }
  return g_strconcat(embargo != NULL ? embargo : "", embargo != NULL ? "\n\n" : "",
                     compiler->markdown.text, footer, NULL);
}

static char *compose_html(const Compiler *compiler)
{
  g_autofree char *subject = words_to_line(compiler->words, compiler->subject);
  const LayoutValues values = {
    .subject = subject, .content = compiler->markdown.html, .embargo = compiler->embargo,
    .footer = compiler->footer,
    .language = compiler->options->language != NULL ? compiler->options->language : "en",
  };
  return layout_render(&values);
}

/* --- Files --- */

/* Pictures and attachments are neighbours in one file. */
static void encode_files(Compiler *compiler)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func((GDestroyNotify)encoded_part_free);
  const GPtrArray *pictures = compiler->markdown.pictures;
  const GPtrArray *attachments = draft_attachments(compiler->draft);
  gsize of_pictures = 0;
  compiler->mime.has_pictures = pictures->len > 0;
  compiler->mime.has_attachments = attachments->len > 0;
  for (guint i = 0; i < pictures->len; i++) {
    char *head = mime_picture_head(&compiler->mime, pictures->pdata[i], i);
    EncodedPart *part = encoded_part_new(pictures->pdata[i], head);
    of_pictures += encoded_part_size(part);
    g_ptr_array_add(parts, part);
  }
  for (guint i = 0; i < attachments->len; i++) {
    char *head = mime_attachment_head(&compiler->mime, attachments->pdata[i]);
    g_ptr_array_add(parts, encoded_part_new(attachments->pdata[i], head));
  }
  g_autoptr(GBytes) bytes = attachments_encode(parts, compiler->options->workspace, &error);
  if (bytes == NULL) {
    report_trouble(compiler->report, draft_text_name(compiler->draft), "%s", error->message);
    return;
  }
  const gsize of_attachments = g_bytes_get_size(bytes) - of_pictures;
  compiler->pictures = g_bytes_new_from_bytes(bytes, 0, of_pictures);
  compiler->attachments = g_bytes_new_from_bytes(bytes, of_pictures, of_attachments);
}

/* --- Program --- */

/* The name and address of a mailbox; its findings name the place it comes from. */
static gboolean add_mailbox(Compiler *compiler, GString *out, const char *name,
                            const char *mailbox, char **addr_spec)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *phrase = NULL;
  g_autoptr(GString) clean = g_string_new(NULL);
  g_auto(Address) address = { 0 };
  if (!mailbox_parse(mailbox, &phrase, &address, &error)) {
    report_error(compiler->report, NULL, 0, 0, "%s: %s", name, error->message);
    return FALSE;
  }
  encode_value(clean, phrase != NULL ? phrase : "", CONTEXT_ONE_LINE | CONTEXT_HEADER);
  header_add_mailbox(out, name, clean->str, address.mailbox);
  if (addr_spec != NULL) {
    *addr_spec = g_strdup(address.mailbox);
  }
  return TRUE;
}

static void add_list_id(const Compiler *compiler, GString *out)
{
  const MessageOptions *options = compiler->options;
  if (options->list_id != NULL) {
    g_autoptr(GString) phrase = g_string_new(NULL);
    encode_value(phrase, options->list_name != NULL ? options->list_name : "",
                 CONTEXT_ONE_LINE | CONTEXT_HEADER);
    header_add_mailbox(out, "List-Id", phrase->str, options->list_id);
  }
}

/* From and Reply-To; the addresses are checked before anything depends on them. */
static char *read_senders(Compiler *compiler)
{
  const MessageOptions *options = compiler->options;
  g_autoptr(GString) fields = g_string_new(NULL);
  if (options->from == NULL) {
    report_error(compiler->report, draft_text_name(compiler->draft), 0, 0, "there is no sender; "
                 "write \"from: Name <address>\" in front matter, or have the administrator "
                 "give the channel one");
    return NULL;
  }
  gboolean good = add_mailbox(compiler, fields, "From", options->from,
                              &compiler->message->from_address);
  if (options->reply_to != NULL) {
    good &= add_mailbox(compiler, fields, "Reply-To", options->reply_to, NULL);
  }
  return good ? g_strdup(fields->str) : NULL;
}

static void add_header(Compiler *compiler, const char *senders)
{
  Program *program = compiler->message->program;
  g_autoptr(GString) list_id = g_string_new(NULL);
  program_add_field(program, SEGMENT_DATE);
  program_add_bytes(program, senders, strlen(senders));
  program_add_field(program, SEGMENT_TO);
  program_add_field(program, SEGMENT_SUBJECT);
  program_add_field(program, SEGMENT_MESSAGE_ID);
  add_list_id(compiler, list_id);
  program_add_bytes(program, list_id->str, list_id->len);
}

/* FALSE where sections are not well nested in what was made of the text. */
static gboolean add_part(Compiler *compiler, const char *text, ProgramPart part, Range *range)
{
  Program *program = compiler->message->program;
  range->first = program_mark(program);
  const gboolean nested = program_add_text(program, compiler->words, text, part);
  range->end = program_mark(program);
  return nested;
}

static void build_program(Compiler *compiler, const char *senders)
{
  Message *message = compiler->message;
  g_autofree char *text = compose_text(compiler);
  g_autofree char *html = compose_html(compiler);
  message->program = program_new();
  message->subject = program_new();
  gboolean nested = program_add_text(message->subject, compiler->words, compiler->subject,
                                     PART_HEADER);
  program_mark(message->subject);
  add_header(compiler, senders);
  mime_begin(message->program, &compiler->mime);
  nested &= add_part(compiler, text, PART_TEXT, &message->text);
  mime_add_html(message->program, &compiler->mime);
  nested &= add_part(compiler, html, PART_HTML, &message->html);
  mime_end(message->program, &compiler->mime, compiler->pictures, compiler->attachments);
  program_mark(message->program);
  if (!nested) {
    report_error(compiler->report, draft_text_name(compiler->draft), 0, 0, "a section begins and "
                 "ends in different places, such as an address used twice; put sections around "
                 "whole paragraphs or words");
  }
}

static void compile(Compiler *compiler)
{
  g_autofree char *senders = read_senders(compiler);
  const char *at = senders != NULL ? strrchr(compiler->message->from_address, '@') : NULL;
  compiler->mime = (Mime){ .uuid = compiler->options->uuid,
                           .domain = at != NULL ? at + 1 : "localhost" };
  if (!read_text(compiler) || report_failed(compiler->report)) {
    return;
  }
  encode_files(compiler);
  if (!report_failed(compiler->report)) {
    build_program(compiler, senders);
  }
}

static void compiler_clear(Compiler *compiler)
{
  g_clear_pointer(&compiler->words, words_free);
  g_clear_pointer(&compiler->subject_template, template_free);
  g_clear_pointer(&compiler->template, template_free);
  markdown_clear(&compiler->markdown);
  g_free(compiler->subject);
  g_free(compiler->embargo);
  g_free(compiler->footer);
  g_clear_pointer(&compiler->pictures, g_bytes_unref);
  g_clear_pointer(&compiler->attachments, g_bytes_unref);
}

Message *message_compile(const Draft *draft, const MessageOptions *options, Report *report)
{
  g_autoptr(Message) message = g_new0(Message, 1);
  Compiler compiler = { .draft = draft, .front = draft_front_matter(draft), .options = options,
                        .report = report, .message = message };
  compile(&compiler);
  compiler_clear(&compiler);
  return report_failed(report) ? NULL : g_steal_pointer(&message);
}

void message_free(Message *message)
{
  if (message != NULL) {
    g_clear_pointer(&message->program, program_free);
    g_clear_pointer(&message->subject, program_free);
    fields_clear(&message->fields);
    g_free(message->subject_source);
    g_free(message->from_address);
    g_free(message);
  }
}

/* --- Using it --- */

const GPtrArray *message_fields(const Message *message)
{
  return message->fields.list;
}

void message_bind(Message *message, const char *const *columns)
{
  program_bind(message->program, columns);
  program_bind(message->subject, columns);
}

const char *message_subject(const Message *message)
{
  return message->subject_source;
}

guint64 message_size(const Message *message)
{
  return program_size(message->program) + program_size(message->subject);
}

const char *message_from_address(const Message *message)
{
  return message->from_address;
}

void message_merge(const Message *message, const MergeInput *input, Merge *merge)
{
  const guint end = program_length(message->program);
  merge_run(merge, message->program, message->subject, 0, end, input);
}

/* A preview decodes what would be sent, so that it cannot show anything else. */
static char *render(const Message *message, const Range *range, const MergeInput *input)
{
  g_autoptr(Merge) merge = merge_new();
  merge_run(merge, message->program, message->subject, range->first, range->end, input);
  g_autoptr(GString) encoded = merge_to_string(merge);
  GMimeEncoding decoder;
  g_mime_encoding_init_decode(&decoder, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
  g_autofree char *decoded = g_malloc(g_mime_encoding_outlen(&decoder, encoded->len) + 1);
  const gsize length = g_mime_encoding_flush(&decoder, encoded->str, encoded->len, decoded);
  GString *text = g_string_sized_new(length);
  for (gsize i = 0; i < length; i++) {
    if (decoded[i] != '\r') {
      g_string_append_c(text, decoded[i]);
    }
  }
  return g_string_free(text, FALSE);
}

char *message_render_text(const Message *message, const MergeInput *input)
{
  return render(message, &message->text, input);
}

char *message_render_html(const Message *message, const MergeInput *input)
{
  return render(message, &message->html, input);
}

char *message_render_subject(const Message *message, const MergeInput *input)
{
  g_autoptr(GString) subject = g_string_new(NULL);
  g_autoptr(Scope) scope = scope_new();
  merge_header_value(subject, message->subject, scope, input);
  return g_strdup(g_strstrip(subject->str));
}
