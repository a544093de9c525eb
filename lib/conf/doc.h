/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "conf/conf.h"

/** Print the keys with help as text for a terminal, nested ones by their path. */
void conf_print_text(FILE *out, const struct conf_field fields[]);

/** The same as the rows of a Markdown table: key, type, default, meaning. */
void conf_print_markdown(FILE *out, const struct conf_field fields[]);
