/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gio/gio.h>

/* The lines of somebody else's log, one after the other, in constant memory: a file or
 * standard input, plain or packed by gzip (which its first bytes tell, not its name). A
 * packed file is read to its very end, however many parts it was packed in, and one that
 * was cut off is an error: what is missing unnoticed would look like what never was. */

enum { LOG_FILE_LINE = 16 << 10 };   /* bytes of a line that is handed out */

typedef struct LogFile LogFile;

/* path "-" is standard input. Errors name the file. */
LogFile *log_file_open(const char *path, GError **error);
void log_file_close(LogFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogFile, log_file_close)

typedef enum { LOG_FILE_GOT_LINE, LOG_FILE_END, LOG_FILE_FAILED } LogFileResult;

/* The next line without its line end, ended by NUL; it may hold others, and any bytes. Good
 * until the next call. Lines longer than LOG_FILE_LINE are passed over, and counted. */
LogFileResult log_file_next(LogFile *file, const char **line, gsize *length, GError **error);

guint64 log_file_number(const LogFile *file);        /* of the line last handed out */
guint64 log_file_passed_over(const LogFile *file);
