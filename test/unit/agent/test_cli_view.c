// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "cli/view.h"
#include "test.h"

static void twice(const json_t *row, char *buf)
{
	(void)snprintf(buf, VIEW_CELL, "%lld", 2 * view_int(row, "number"));
}

static const struct view_column columns[] = {
	{"NAME", .key = "name"},
	{"NUMBER", .key = "number"},
	{"TWICE", .format = twice, .right = true},
	{"ALL", .key = "all"},
	{},
};

/** The table of the rows in @text. The caller frees it. */
static char *table(const char *text)
{
	json_auto_t *rows = json_loads(text, 0, NULL);
	char *out = NULL;
	size_t len;
	FILE *file = open_memstream(&out, &len);

	assert_non_null(rows);
	assert_non_null(file);
	view_table(file, rows, columns);
	assert_int_equal(fclose(file), 0);
	return out;
}

static void columns_are_as_wide_as_what_is_in_them(void **state)
{
	_cleanup_(freep) char *out =
		table("[{\"name\": \"x\", \"number\": 4294967296, \"all\": [\"a\", 7]},"
		      " {\"name\": \"longer\", \"number\": 1, \"all\": []},"
		      " {\"name\": null, \"number\": 2, \"all\": true}]");

	(void)state;
	assert_string_equal(out, "NAME        NUMBER       TWICE  ALL\n"
				 "x       4294967296  8589934592  a,7\n"
				 "longer           1           2  -\n"
				 "-                2           4  yes\n");
}

static void of_no_rows_there_are_the_titles(void **state)
{
	_cleanup_(freep) char *out = table("[]");

	(void)state;
	assert_string_equal(out, "NAME  NUMBER  TWICE  ALL\n");
}

static void names_cannot_command_the_terminal(void **state)
{
	_cleanup_(freep) char *out = table("[{\"name\": \"\\u001b[2J\\n\\u007f\"}]");

	(void)state;
	assert_non_null(strstr(out, "?[2J??"));
	assert_null(strchr(out, '\033'));
}

static void what_is_no_text_is_a_question_mark(void **state)
{
	json_auto_t *bad = view_string("\xff"), *none = view_string(NULL), *good = view_string("x");

	(void)state;
	assert_string_equal(json_string_value(bad), "?");
	assert_true(json_is_null(none));
	assert_string_equal(json_string_value(good), "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_what_is_in_them),
		cmocka_unit_test(of_no_rows_there_are_the_titles),
		cmocka_unit_test(names_cannot_command_the_terminal),
		cmocka_unit_test(what_is_no_text_is_a_question_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
