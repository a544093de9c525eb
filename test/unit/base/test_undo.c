// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/undo.h"
#include "capture.h"
#include "test.h"

/** What was undone, in order. */
struct trace {
	int steps[1000];
	size_t n;
};

static int note(void *ctx, int arg, struct err *e)
{
	struct trace *t = ctx;

	(void)e;
	t->steps[t->n++] = arg;
	return 0;
}

static int note_and_fail(void *ctx, int arg, struct err *e)
{
	(void)note(ctx, arg, e);
	return err_set(e, ERR_KERNEL, "step %d is stuck", arg);
}

static void leaving_the_scope_undoes_the_last_step_first(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct trace trace = {};
	struct err e = {};

	(void)state;
	{
		_cleanup_(undo_rollback) struct undo undo = {.arena = &arena};

		for (int i = 1; i <= 3; i++)
			assert_int_equal(undo_push(&undo, note, &trace, i, &e), 0);
		assert_int_equal(trace.n, 0);
	}
	assert_int_equal(trace.n, 3);
	assert_int_equal(trace.steps[0], 3);
	assert_int_equal(trace.steps[1], 2);
	assert_int_equal(trace.steps[2], 1);
}

static void what_is_committed_is_not_undone(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct trace trace = {};
	struct err e = {};

	(void)state;
	{
		_cleanup_(undo_rollback) struct undo undo = {.arena = &arena};

		assert_int_equal(undo_push(&undo, note, &trace, 1, &e), 0);
		undo_commit(&undo);
		assert_int_equal(undo_push(&undo, note, &trace, 2, &e), 0);
	}
	assert_int_equal(trace.n, 1);
	assert_int_equal(trace.steps[0], 2);
}

static void a_second_rollback_does_nothing(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct undo undo = {.arena = &arena};
	struct trace trace = {};
	struct err e = {};

	(void)state;
	assert_int_equal(undo_push(&undo, note, &trace, 1, &e), 0);
	undo_rollback(&undo);
	undo_rollback(&undo);
	assert_int_equal(trace.n, 1);
}

static void a_step_that_fails_is_logged_and_the_rest_still_run(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct undo undo = {.arena = &arena};
	struct trace trace = {};
	struct capture log;
	const char *said;
	struct err e = {};

	(void)state;
	assert_int_equal(undo_push(&undo, note, &trace, 1, &e), 0);
	assert_int_equal(undo_push(&undo, note_and_fail, &trace, 2, &e), 0);
	assert_int_equal(undo_push(&undo, note, &trace, 3, &e), 0);
	log = capture_begin(STDERR_FILENO);
	undo_rollback(&undo);
	said = capture_end(&log);
	assert_string_equal(said, "level=warn msg=\"rollback: step 2 is stuck\"\n");
	assert_int_equal(trace.n, 3);
	assert_int_equal(trace.steps[2], 1);
	assert_true(undo.stuck);
}

static void there_is_no_small_limit_to_the_steps(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct undo undo = {.arena = &arena};
	struct trace trace = {};
	struct err e = {};

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(undo_push(&undo, note, &trace, i, &e), 0);
	undo_rollback(&undo);
	assert_int_equal(trace.n, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(trace.steps[i], 999 - i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaving_the_scope_undoes_the_last_step_first),
		cmocka_unit_test(what_is_committed_is_not_undone),
		cmocka_unit_test(a_second_rollback_does_nothing),
		cmocka_unit_test(a_step_that_fails_is_logged_and_the_rest_still_run),
		cmocka_unit_test(there_is_no_small_limit_to_the_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
