// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <string.h>

#include "grpc/loop.h"
#include "test.h"

#define TEXT(s) ((void *)(uintptr_t)(s)) // what note() appends

static struct loop *loop;
static char order[64];

static int setup(void **state)
{
	struct err e;

	order[0] = '\0';
	return loop_open(&loop, &e);
}

static int teardown(void **state)
{
	loop_closep(&loop);
	return 0;
}

static void note(void *ctx)
{
	strcat(order, ctx);
}

/** Do what is due within @ms milliseconds. */
static void run(int ms)
{
	int64_t end = loop_now() + ms, left;
	struct err e;

	while ((left = end - loop_now()) > 0)
		assert_int_not_equal(loop_step(loop, (int)left, &e), -1);
}

static void timers_go_off_in_their_order(void **state)
{
	static const int ms[] = {30, 10, 20, 1, 25, 5, 15};
	static const char *const names[] = {"g", "c", "e", "a", "f", "b", "d"};
	struct loop_timer timers[ARRAY_SIZE(ms)];
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(ms); i++) {
		timers[i] = (struct loop_timer){.fn = note, .ctx = TEXT(names[i])};
		assert_int_equal(loop_timer_set(loop, &timers[i], ms[i] * 4, &e), 0);
	}
	loop_timer_stop(loop, &timers[4]);
	loop_timer_stop(loop, &timers[4]);
	run(200);
	assert_string_equal(order, "abcdeg");
}

static void many_timers_stopped_in_any_order_leave_the_others(void **state)
{
	struct loop_timer timers[100];
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		timers[i] = (struct loop_timer){.fn = note, .ctx = TEXT(i == 42 ? "x" : ".")};
		assert_int_equal(loop_timer_set(loop, &timers[i], 20 + (int64_t)(i * 37 % 100), &e),
				 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		size_t which = i * 61 % ARRAY_SIZE(timers);

		if (which != 42 && which != 62) // due 54 and 94 ms after the first
			loop_timer_stop(loop, &timers[which]);
	}
	run(150);
	assert_string_equal(order, "x.");
}

static void a_timer_set_anew_goes_off_once(void **state)
{
	struct loop_timer timer = {.fn = note, .ctx = TEXT("x")};
	struct err e;

	assert_int_equal(loop_timer_set(loop, &timer, 5, &e), 0);
	assert_int_equal(loop_timer_set(loop, &timer, 40, &e), 0);
	run(20);
	assert_string_equal(order, "");
	run(60);
	assert_string_equal(order, "x");
}

static void a_step_does_not_wait_longer_than_asked(void **state)
{
	struct loop_timer timer = {.fn = note, .ctx = TEXT("x")};
	int64_t began = loop_now();
	struct err e;

	assert_int_equal(loop_timer_set(loop, &timer, 10, &e), 0);
	loop_timer_stop(loop, &timer); // the clock goes off nevertheless
	assert_int_equal(loop_step(loop, 40, &e), 0);
	assert_true(loop_now() - began >= 40);
	assert_int_equal(loop_step(loop, 0, &e), 0);
}

static void a_descriptor_of_the_loop_tells_of_timers(void **state)
{
	struct loop_timer timer = {.fn = note, .ctx = TEXT("x")};
	struct pollfd p = {.fd = loop_fd(loop), .events = POLLIN};
	struct err e;

	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(loop_timer_set(loop, &timer, 10, &e), 0);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(loop_step(loop, 0, &e), 1);
	assert_int_equal(loop_step(loop, 0, &e), 0);
	assert_string_equal(order, "x");
	assert_int_equal(poll(&p, 1, 0), 0);
}

/** Two watches of which whoever comes first removes the other. */
struct rivals {
	struct loop_watch watch[2];
	int calls;
};

static void remove_both(void *ctx, uint32_t events)
{
	struct rivals *r = ctx;

	r->calls++;
	loop_unwatch(loop, &r->watch[0]);
	loop_unwatch(loop, &r->watch[1]);
}

static void what_is_not_watched_any_more_is_not_called(void **state)
{
	struct rivals r = {.watch = {{.fn = remove_both, .ctx = &r, .fd = -1},
				     {.fn = remove_both, .ctx = &r, .fd = -1}}};
	int fds[2];
	struct err e;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(loop_watch(loop, &r.watch[0], fds[0], EPOLLIN, &e), 0);
	assert_int_equal(loop_watch(loop, &r.watch[1], fds[1], EPOLLOUT, &e), 0);
	run(20);
	assert_int_equal(r.calls, 1);
	fd_closep(&fds[0]);
	fd_closep(&fds[1]);
}

static void stop(void *ctx)
{
	loop_stop(loop);
}

static void a_loop_runs_until_it_is_stopped(void **state)
{
	struct loop_timer timer = {.fn = stop}, later = {.fn = note, .ctx = TEXT("x")};
	struct err e;

	assert_int_equal(loop_timer_set(loop, &timer, 5, &e), 0);
	assert_int_equal(loop_timer_set(loop, &later, 10000, &e), 0);
	assert_int_equal(loop_run(loop, &e), 0);
	assert_string_equal(order, "");
	loop_timer_stop(loop, &later);
}

static void what_cannot_be_watched_is_told(void **state)
{
	struct loop_watch watch = {.fd = -1};
	struct err e;

	assert_int_equal(loop_watch(loop, &watch, -1, EPOLLIN, &e), -1);
	assert_string_equal(e.msg, "watch descriptor -1: Bad file descriptor");
	assert_int_equal(watch.fd, -1);
	loop_unwatch(loop, &watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(timers_go_off_in_their_order, setup, teardown),
		cmocka_unit_test_setup_teardown(many_timers_stopped_in_any_order_leave_the_others,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_timer_set_anew_goes_off_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_step_does_not_wait_longer_than_asked, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_descriptor_of_the_loop_tells_of_timers, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_not_watched_any_more_is_not_called, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_loop_runs_until_it_is_stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_watched_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
