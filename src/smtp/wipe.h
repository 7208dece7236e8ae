/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* libcurl keeps copies of passwords and tokens, and frees them as they are. After this
 * every block of memory that it frees is wiped before. Call it before anything else of
 * libcurl; further calls do nothing. */
void wipe_what_curl_frees(void);
