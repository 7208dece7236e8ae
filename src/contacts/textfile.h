/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gio/gio.h>

/* A text file read as UTF-8, whatever it was written in, in constant memory. A byte
 * order mark decides, and is not part of the text. Without one the whole file is looked
 * through first, and it is
 *   UTF-16 where every other byte is a NUL, or nearly so;
 *   UTF-8 where it is valid UTF-8, or nearly so (a damaged file must not turn all its accents
 *   into garbage because of one byte);
 *   else in the encoding that the caller names, if it names one;
 *   else in what uchardet guesses, where its guess is likely for a list of contacts (it is
 *   made for pages of text, and finds Estonian in a single é), and in Windows-1252 at last. */

typedef struct TextFile TextFile;

/* encoding: as iconv calls it, or NULL. NULL with error: not there, not a regular file, larger
 * than LIMIT_LIST_SIZE, in an encoding that iconv does not know. Errors do not name the file. */
TextFile *text_file_open(const char *path, const char *encoding, GError **error);
void text_file_close(TextFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TextFile, text_file_close)

/* What had to be assumed about the encoding, as a clause that follows the file's name
 * ("is not UTF-8; it was read as WINDOWS-1252, …"); NULL where nothing had. */
const char *text_file_remark(const TextFile *file);

/* Fills buffer, unless the file ends before; *length is 0 at its end. Where the file
 * is UTF-8 its bytes are handed on as they are: the caller must check them. */
gboolean text_file_read(TextFile *file, char *buffer, gsize size, gsize *length, GError **error);
