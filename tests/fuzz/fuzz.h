/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* A fuzz target feeds one input to a part of dateline that reads what strangers wrote, and
 * asserts what has to hold whatever the input is. Built with libFuzzer it looks for inputs
 * that break it (tools/fuzz); built with replay.c it is a unit test over those that are known,
 * a file each in tests/fuzz/corpus/NAME. */

/* The entry point, under the name that libFuzzer gives it. Returns 0. */
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* The input as a text in which small inputs can reach large caps: the byte 0xFF, which UTF-8
 * never has, repeats the byte before it 1 << (n % 18) times, n being the byte behind it. */
GString *fuzz_expand(const guint8 *data, gsize size);

/* The next field of an input whose fields end in NUL; "" behind the last. *at begins at 0. */
const char *fuzz_next_field(const GString *input, gsize *at);

/* A copy in memory of its very size, so that a sanitizer sees what reads beyond it. */
void *fuzz_copy(const void *bytes, gsize length);

/* A new temporary file with these bytes; its path. */
char *fuzz_write_file(const char *bytes, gsize length);
/* Removes it, and frees path. */
void fuzz_remove_file(char *path);
