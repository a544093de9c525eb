// SPDX-License-Identifier: Apache-2.0
#include "cli/view.h"

#include <string.h>

enum { COLUMNS_MAX = 16 };

/** Digits of real numbers: what has three behind the point is printed with three. */
static const size_t REALS = JSON_REAL_PRECISION(15);

json_t *view_string(const char *text)
{
	json_t *value = text ? json_string(text) : json_null();

	return value ? value : json_string("?");
}

const char *view_get(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

long long view_int(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

/** Append to a cell, as far as there is room. */
static void append(char *cell, const char *text)
{
	size_t n = strlen(cell);

	(void)snprintf(cell + n, VIEW_CELL - n, "%s", text);
}

static void append_value(char *cell, const json_t *value)
{
	char number[32];
	size_t i;
	json_t *item;

	if (json_is_string(value)) {
		append(cell, json_string_value(value));
	} else if (json_is_integer(value)) {
		(void)snprintf(number, sizeof(number), "%lld",
			       (long long)json_integer_value(value));
		append(cell, number);
	} else if (json_is_real(value)) {
		(void)snprintf(number, sizeof(number), "%.1f", json_real_value(value));
		append(cell, number);
	} else if (json_is_true(value)) {
		append(cell, "yes");
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, item) {
			append(cell, i ? "," : "");
			append_value(cell, item);
		}
	}
}

static void fill(const struct view_column *column, const json_t *row, char *cell)
{
	cell[0] = '\0';
	if (column->format)
		column->format(row, cell);
	else
		append_value(cell, json_object_get(row, column->key));
	for (char *c = cell; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (!cell[0])
		append(cell, "-");
}

static bool is_right(const struct view_column *column, const json_t *row)
{
	return column->right ||
	       (!column->format && json_is_number(json_object_get(row, column->key)));
}

/** The last column is not padded, so that lines do not end in blanks. */
static void print_cell(FILE *out, const char *cell, int width, bool right, bool last)
{
	if (right)
		(void)fprintf(out, "%*s", width, cell);
	else if (last)
		(void)fputs(cell, out);
	else
		(void)fprintf(out, "%-*s", width, cell);
	(void)fputs(last ? "\n" : "  ", out);
}

void view_table(FILE *out, const json_t *rows, const struct view_column columns[])
{
	const json_t *first = json_array_get(rows, 0);
	int widths[COLUMNS_MAX] = {0};
	char cell[VIEW_CELL];
	size_t n = 0, r;
	json_t *row;

	for (; n < COLUMNS_MAX && columns[n].title; n++) {
		widths[n] = (int)strlen(columns[n].title);
		json_array_foreach(rows, r, row) {
			fill(&columns[n], row, cell);
			if ((int)strlen(cell) > widths[n])
				widths[n] = (int)strlen(cell);
		}
	}
	for (size_t i = 0; i < n; i++)
		print_cell(out, columns[i].title, widths[i], is_right(&columns[i], first),
			   i + 1 == n);
	json_array_foreach(rows, r, row) {
		for (size_t i = 0; i < n; i++) {
			fill(&columns[i], row, cell);
			print_cell(out, cell, widths[i], is_right(&columns[i], row), i + 1 == n);
		}
	}
}

void view_json(FILE *out, const json_t *value)
{
	(void)json_dumpf(value, out, JSON_INDENT(2) | REALS);
	(void)fputc('\n', out);
}

void view_rows(bool json, const json_t *rows, const struct view_column columns[])
{
	if (json)
		view_json(stdout, rows);
	else
		view_table(stdout, rows, columns);
}

int view_json_line(FILE *out, const json_t *value)
{
	(void)json_dumpf(value, out, JSON_COMPACT | REALS);
	(void)fputc('\n', out);
	return fflush(out) == 0 ? 0 : -1;
}
