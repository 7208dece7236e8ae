/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/scope.h"

/* A page as Mustache makes it, from a template that went through template_expand(): for the
 * layouts of the house. */

Program *page_compile(const Template *template);
/* What a scope that has begun with program makes of it. Caller frees. */
GString *page_render(const Program *program, Scope *scope);
