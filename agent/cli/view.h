/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/cleanup.h"

/**
 * What a command has found is JSON; people get the same as a table. So both say the same.
 */
struct view_column {
	const char *title;
	const char *key; ///< of the row's object; a string as it is, numbers right-aligned, an
			 ///< array's elements after one another, null and false nothing, true "yes"

	/** Text instead of the value: of the whole row, in @buf of VIEW_CELL bytes. Or NULL. */
	void (*format)(const json_t *row, char *buf);
	bool right; ///< align a formatted cell to the right
};

enum { VIEW_CELL = 256 };

/**
 * A table of the objects in the array @rows, titles first; @columns end with one without a title.
 * Control characters are printed as "?": names on a node are not ours.
 */
void view_table(FILE *out, const json_t *rows, const struct view_column columns[]);

/** What most commands print: the rows as JSON, or as a table, on standard output. */
void view_rows(bool json, const json_t *rows, const struct view_column columns[]);

/** The value as JSON text, and the end of the line. */
void view_json(FILE *out, const json_t *value);

/** One object on a line of its own, written at once. Returns 0, or -1 if nobody reads any more. */
int view_json_line(FILE *out, const json_t *value) _must_check_;

/** A string; what is no UTF-8 comes out as "?". NULL is null. */
json_t *view_string(const char *text);

/** The value of @key as a string or a number; "" and 0 if it has none. */
const char *view_get(const json_t *row, const char *key);
long long view_int(const json_t *row, const char *key);
