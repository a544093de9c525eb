// SPDX-License-Identifier: Apache-2.0
#include <stddef.h>

#include "base/steps.h"
#include "capture.h"
#include "test.h"

static void steps_that_succeed_leave_no_error(void **state)
{
	struct err e = {};
	struct steps steps = {.first = &e};

	(void)state;
	assert_int_equal(step(&steps, 0), 0);
	assert_int_equal(step(&steps, 0), 0);
	assert_int_equal(steps.rc, 0);
	assert_int_equal(e.code, 0);
	assert_string_equal(e.msg, "");
}

static void the_first_error_is_the_result_and_later_ones_are_logged(void **state)
{
	struct err e = {};
	struct steps steps = {.first = &e};
	struct capture log = capture_begin(STDERR_FILENO);
	int first, second, third;
	const char *said;

	(void)state;
	(void)step(&steps, 0);
	first = step(&steps, err_os(&steps.err, ERR_KERNEL, 2, "first"));
	(void)step(&steps, 0);
	second = step(&steps, err_set(&steps.err, ERR_IO, "second"));
	third = step(&steps, err_set(&steps.err, ERR_IO, "third"));
	said = capture_end(&log);
	assert_int_equal(first, -1);
	assert_int_equal(second, -1);
	assert_int_equal(third, -1);
	assert_int_equal(steps.rc, -1);
	assert_int_equal(e.code, ERR_KERNEL);
	assert_int_equal(e.os, 2);
	assert_string_equal(e.msg, "first: No such file or directory");
	assert_string_equal(said, "level=warn msg=\"second\"\nlevel=warn msg=\"third\"\n");
}

/** Steps fill in only what they have to say, err->os for instance not always. */
static void nothing_of_an_error_is_left_for_the_next_step(void **state)
{
	struct err e = {};
	struct steps steps = {.first = &e};

	(void)state;
	(void)err_os(&steps.err, ERR_KERNEL, 2, "first");
	(void)step(&steps, err_hint(&steps.err, "a hint"));
	assert_string_equal(e.details, "a hint");
	assert_int_equal(steps.err.code, 0);
	assert_int_equal(steps.err.os, 0);
	assert_string_equal(steps.err.msg, "");
	assert_string_equal(steps.err.details, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_that_succeed_leave_no_error),
		cmocka_unit_test(the_first_error_is_the_result_and_later_ones_are_logged),
		cmocka_unit_test(nothing_of_an_error_is_left_for_the_next_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
