// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "cli/options.h"
#include "test.h"

static const struct cli_command COMMAND = {
	.name = "flows",
	.operand = "POD",
	.options = WITH(COUNT) | WITH(FOLLOW) | WITH(JSON) | WITH(WRITE),
	.required = WITH(WRITE),
};

static int parse(const char *const *argv, struct cli_args *out, struct err *e)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return cli_parse(&COMMAND, argc, argv, out, e);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void options_come_in_any_form_and_order(void **state)
{
	const char *const *const rows[] = {
		WORDS("red", "-f", "-c", "3", "-w", "x", "--json"),
		WORDS("-f", "-c3", "-wx", "--json", "red"),
		WORDS("--count=3", "--follow", "red", "--write=x", "--json"),
		WORDS("--count", "3", "--write", "x", "--json", "-f", "--", "red"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cli_args args = {};
		struct err e = {};

		if (parse(rows[i], &args, &e) < 0)
			fail_msg("row %zu: %s", i, e.msg);
		assert_string_equal(args.operand, "red");
		assert_int_equal(args.count, 3);
		assert_string_equal(args.value[OPTION_WRITE], "x");
		assert_true(cli_has(&args, OPTION_FOLLOW) && cli_has(&args, OPTION_JSON));
		assert_false(cli_has(&args, OPTION_DROPS));
	}
}

static void a_dash_alone_is_a_word_and_behind_two_all_are(void **state)
{
	struct cli_args args = {};
	struct err e = {};

	(void)state;
	assert_int_equal(parse(WORDS("red", "-w", "-"), &args, &e), 0);
	assert_string_equal(args.value[OPTION_WRITE], "-");
	assert_int_equal(parse(WORDS("-w", "x", "--", "--json"), &args, &e), 0);
	assert_string_equal(args.operand, "--json");
}

static void what_is_not_understood_is_named(void **state)
{
	const struct {
		const char *const *words;
		const char *message;
	} rows[] = {
		{WORDS("red"), "--write FILE is missing"},
		{WORDS("-w", "x"), "POD is missing"},
		{WORDS("red", "blue", "-w", "x"), "\"blue\": too many words"},
		{WORDS("red", "-w"), "-w: FILE is missing"},
		{WORDS("red", "--write="), "--write=: FILE is missing"},
		{WORDS("red", "--writ", "x"), "--writ: unknown option"},
		{WORDS("red", "--writes", "x"), "--writes: unknown option"},
		{WORDS("red", "--drops"), "--drops: unknown option"},
		{WORDS("red", "-fw"), "-fw: unknown option"},
		{WORDS("red", "--json=1"), "--json=1: takes no value"},
		{WORDS("red", "-c", "x"), "--count: \"x\": must be a number, 1 or more"},
		{WORDS("red", "-c", "3x"), "--count: \"3x\": must be a number, 1 or more"},
		{WORDS("red", "-c-1"), "--count: \"-1\": must be a number, 1 or more"},
		{WORDS("red", "-c99999999999"),
		 "--count: \"99999999999\": must be a number, 1 or more"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cli_args args = {.operand = "untouched"};
		struct err e = {};

		assert_int_equal(parse(rows[i].words, &args, &e), -1);
		assert_string_equal(e.msg, rows[i].message);
		assert_string_equal(args.operand, "untouched");
	}
}

static void help_needs_nothing_else(void **state)
{
	struct cli_args args = {};
	struct err e = {};

	(void)state;
	assert_int_equal(parse(WORDS("--help"), &args, &e), 0);
	assert_true(cli_has(&args, OPTION_HELP));
	assert_int_equal(parse(WORDS("-h"), &args, &e), 0);
	assert_true(cli_has(&args, OPTION_HELP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_come_in_any_form_and_order),
		cmocka_unit_test(a_dash_alone_is_a_word_and_behind_two_all_are),
		cmocka_unit_test(what_is_not_understood_is_named),
		cmocka_unit_test(help_needs_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
