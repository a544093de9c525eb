// SPDX-License-Identifier: Apache-2.0
#include <linux/bpf.h>
#include <poll.h>
#include <string.h>

#include "bpf/objects.h"
#include "bpf/ringbuf.h"
#include "test.h"

enum { BYTES = 4096, RECORD = 64 };

struct seen {
	int n, last, stop_at;
};

static int on_record(const void *record, size_t len, void *ctx, struct err *e)
{
	struct seen *seen = ctx;

	assert_int_equal(len, RECORD);
	memcpy(&seen->last, record, sizeof(seen->last));
	for (size_t i = sizeof(int); i < len; i++)
		assert_int_equal(((const unsigned char *)record)[i], (unsigned char)seen->last);
	seen->n++;
	return seen->n == seen->stop_at ? err_set(e, ERR_IO, "enough") : 0;
}

static void put(int map, int number)
{
	unsigned char record[RECORD];

	memset(record, number, sizeof(record));
	memcpy(record, &number, sizeof(number));
	object_ring_put(map, record, sizeof(record));
}

static int make(struct ringbuf *r)
{
	int map = object_map(BPF_MAP_TYPE_RINGBUF, 0, 0, BYTES);
	struct err e = {};

	if (ringbuf_open(r, map, BYTES, &e) < 0)
		fail_msg("%s", e.msg);
	return map;
}

static struct seen read_all(struct ringbuf *r)
{
	struct seen seen = {};
	struct err e = {};

	assert_int_equal(ringbuf_read(r, on_record, &seen, &e), 0);
	return seen;
}

static void records_come_in_order_and_once(void **state)
{
	_cleanup_(ringbuf_close) struct ringbuf r = RINGBUF_CLOSED;
	_cleanup_(fd_closep) int map = make(&r);

	(void)state;
	assert_int_equal(read_all(&r).n, 0);
	put(map, 1);
	put(map, 2);
	assert_int_equal(read_all(&r).last, 2);
	assert_int_equal(read_all(&r).n, 0);
}

static void a_record_that_wraps_is_whole(void **state)
{
	_cleanup_(ringbuf_close) struct ringbuf r = RINGBUF_CLOSED;
	_cleanup_(fd_closep) int map = make(&r);

	(void)state;
	// 72 bytes with the header do not divide 4096: many of these lie across the end
	for (int i = 0; i < 200; i++) {
		struct seen seen;

		put(map, i);
		seen = read_all(&r);
		assert_int_equal(seen.n, 1);
		assert_int_equal(seen.last, i);
	}
}

static void a_full_buffer_loses_the_new_ones(void **state)
{
	_cleanup_(ringbuf_close) struct ringbuf r = RINGBUF_CLOSED;
	_cleanup_(fd_closep) int map = make(&r);
	struct seen seen;

	(void)state;
	for (int i = 0; i < 100; i++)
		put(map, i);
	seen = read_all(&r);
	assert_int_equal(seen.n, BYTES / (RECORD + 8));
	assert_int_equal(seen.last, seen.n - 1);
	put(map, 100);
	assert_int_equal(read_all(&r).last, 100);
}

static void what_was_discarded_is_passed_over(void **state)
{
	_cleanup_(ringbuf_close) struct ringbuf r = RINGBUF_CLOSED;
	_cleanup_(fd_closep) int map = make(&r);
	struct seen seen;

	(void)state;
	object_ring_discard(map, 40);
	put(map, 7);
	object_ring_discard(map, 16);
	seen = read_all(&r);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.last, 7);
}

static void whoever_stops_goes_on_behind(void **state)
{
	_cleanup_(ringbuf_close) struct ringbuf r = RINGBUF_CLOSED;
	_cleanup_(fd_closep) int map = make(&r);
	struct seen seen = {.stop_at = 1};
	struct err e = {};

	(void)state;
	put(map, 1);
	put(map, 2);
	assert_int_equal(ringbuf_read(&r, on_record, &seen, &e), -1);
	assert_string_equal(e.msg, "enough");
	assert_int_equal(read_all(&r).last, 2);
}

static void what_was_there_before_can_be_skipped(void **state)
{
	_cleanup_(ringbuf_close) struct ringbuf r = RINGBUF_CLOSED;
	_cleanup_(fd_closep) int map = make(&r);

	(void)state;
	put(map, 1);
	ringbuf_skip(&r);
	assert_int_equal(read_all(&r).n, 0);
}

static void the_map_can_be_waited_for(void **state)
{
	_cleanup_(ringbuf_close) struct ringbuf r = RINGBUF_CLOSED;
	_cleanup_(fd_closep) int map = make(&r);
	struct pollfd fd = {.fd = map, .events = POLLIN};

	(void)state;
	assert_int_equal(poll(&fd, 1, 0), 0);
	put(map, 1);
	assert_int_equal(poll(&fd, 1, 0), 1);
	assert_int_equal(read_all(&r).n, 1);
	assert_int_equal(poll(&fd, 1, 0), 0);
}

static void another_map_is_refused(void **state)
{
	_cleanup_(fd_closep) int map = object_map(BPF_MAP_TYPE_ARRAY, 4, 4, 1);
	struct ringbuf r = RINGBUF_CLOSED;
	struct err e = {};

	(void)state;
	assert_int_equal(ringbuf_open(&r, map, BYTES, &e), -1);
	assert_non_null(strstr(e.msg, "ring buffer"));
	assert_null(r.consumer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_in_order_and_once),
		cmocka_unit_test(a_record_that_wraps_is_whole),
		cmocka_unit_test(a_full_buffer_loses_the_new_ones),
		cmocka_unit_test(what_was_discarded_is_passed_over),
		cmocka_unit_test(whoever_stops_goes_on_behind),
		cmocka_unit_test(what_was_there_before_can_be_skipped),
		cmocka_unit_test(the_map_can_be_waited_for),
		cmocka_unit_test(another_map_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
