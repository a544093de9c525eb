// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "test.h"

static void an_error_has_code_and_message_and_nothing_else(void **state)
{
	struct err e = {.os = 5, .details = "of an earlier error"};

	(void)state;
	assert_int_equal(err_set(&e, ERR_CONFIG, "mtu: %d: too small", 12), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	assert_int_equal(e.os, 0);
	assert_string_equal(e.msg, "mtu: 12: too small");
	assert_string_equal(e.details, "");
}

static void a_failed_system_call_ends_in_the_text_of_its_errno(void **state)
{
	struct err e = {.details = "of an earlier error"};

	(void)state;
	assert_int_equal(err_os(&e, ERR_IO, ENOENT, "open %s", "/x"), -1);
	assert_int_equal(e.code, ERR_IO);
	assert_int_equal(e.os, ENOENT);
	assert_string_equal(e.msg, "open /x: No such file or directory");
	assert_string_equal(e.details, "");
}

static void context_goes_in_front_and_keeps_the_origin(void **state)
{
	struct err e = {};

	(void)state;
	(void)err_os(&e, ERR_KERNEL, EBUSY, "set mtu");
	(void)err_hint(&e, "kernel: %s", "in use");
	assert_int_equal(err_wrap(&e, "attach %s", "eth0"), -1);
	assert_int_equal(err_wrap(&e, "ADD"), -1);
	assert_string_equal(e.msg, "ADD: attach eth0: set mtu: Device or resource busy");
	assert_int_equal(e.code, ERR_KERNEL);
	assert_int_equal(e.os, EBUSY);
	assert_string_equal(e.details, "kernel: in use");
}

static void a_hint_replaces_the_one_before(void **state)
{
	struct err e = {};

	(void)state;
	(void)err_set(&e, ERR_ENV, "bad");
	(void)err_hint(&e, "first");
	assert_int_equal(err_hint(&e, "second %d", 2), -1);
	assert_string_equal(e.details, "second 2");
	assert_string_equal(e.msg, "bad");
}

static void what_is_too_long_is_cut_and_stays_a_string(void **state)
{
	char text[2000];
	struct err e = {};

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';

	(void)err_set(&e, ERR_IO, "%s", text);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	(void)err_os(&e, ERR_IO, ENOENT, "%s", text);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	(void)err_wrap(&e, "context");
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_memory_equal(e.msg, "context: xxx", 12);
	(void)err_wrap(&e, "%s", text);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	(void)err_hint(&e, "%s", text);
	assert_int_equal(strlen(e.details), sizeof(e.details) - 1);
	assert_int_equal(e.os, ENOENT);
}

/** Without a default, so that the compiler complains here when the enum gains a code. */
static bool is_a_code(int code)
{
	switch ((enum err_code)code) {
	case ERR_VERSION:
	case ERR_UNKNOWN_FIELD:
	case ERR_NO_CONTAINER:
	case ERR_ENV:
	case ERR_IO:
	case ERR_DECODE:
	case ERR_CONFIG:
	case ERR_NETNS:
	case ERR_TRY_AGAIN:
	case ERR_UNAVAILABLE:
	case ERR_DEGRADED:
	case ERR_KERNEL:
	case ERR_EXISTS:
	case ERR_NO_ADDRESS:
	case ERR_DELEGATE:
	case ERR_MISMATCH:
		return true;
	}
	return false;
}

static void every_code_is_explained_in_ascending_order(void **state)
{
	const struct err_explanation *x = err_codes();

	(void)state;
	for (int code = 0; code < 1000; code++) {
		if (!is_a_code(code))
			continue;
		assert_non_null(x->title);
		assert_int_equal(x->code, code);
		assert_true(*x->title && *x->why && *x->what_to_do);
		x++;
	}
	assert_null(x->title);
}

static void explanations_fit_into_a_row_of_a_table(void **state)
{
	(void)state;
	for (const struct err_explanation *x = err_codes(); x->title; x++) {
		assert_null(strpbrk(x->title, "|\n"));
		assert_null(strpbrk(x->why, "|\n"));
		assert_null(strpbrk(x->what_to_do, "|\n"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_has_code_and_message_and_nothing_else),
		cmocka_unit_test(a_failed_system_call_ends_in_the_text_of_its_errno),
		cmocka_unit_test(context_goes_in_front_and_keeps_the_origin),
		cmocka_unit_test(a_hint_replaces_the_one_before),
		cmocka_unit_test(what_is_too_long_is_cut_and_stays_a_string),
		cmocka_unit_test(every_code_is_explained_in_ascending_order),
		cmocka_unit_test(explanations_fit_into_a_row_of_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
