/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Names that people gave to files, made safe before they become a path, a
 * header or a word on a terminal. A control character is, here, one of Unicode's
 * category Cc, a line or paragraph separator, or one that overrides the direction
 * of writing (U+202A to U+202E, U+2066 to U+2069). */

/* A copy of what a stranger wrote that is valid UTF-8, one line and harmless on a
 * terminal: control characters and bytes that are not UTF-8 become "\n", "\r",
 * "\t", "\x1b", "\u202e". Caller frees. */
char *text_make_visible(const char *text);

/* The name of a drop, without directory: not empty, at most LIMIT_NAME bytes,
 * valid UTF-8, no '/', no control characters (CR and LF would be header
 * injection), not "." or "..". Sets *why (static text) where it is not. */
gboolean name_is_safe(const char *name, const char **why);

/* "Jakarta: Übung 2.md" -> "jakarta-uebung-2": lower-case ASCII letters, digits and
 * single hyphens, at most 40 bytes, "release" where nothing is left. The last
 * extension of a text format (.md .html .txt .eml .markdown) goes. Caller frees. */
char *name_to_slug(const char *name);

/* <id> of a release: "20261122-101500-jakarta", the time in UTC. Where that is taken,
 * the caller puts "-2", "-3" … behind it. Caller frees. */
char *release_id_new(gint64 wall_ms, const char *drop_name);

/* Whether id has the form above, and so is safe as a folder's name. */
gboolean release_id_is_valid(const char *id);

/* The candidate nearest to word by edit distance, or NULL when none is near
 * enough to be worth suggesting. Two neighbours swapped count as one edit; the case
 * of ASCII letters does not count. candidates is NULL-terminated; borrowed. */
const char *nearest_word(const char *word, const char *const *candidates);
