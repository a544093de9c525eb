// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "node/masq_state.h"
#include "sandbox.h"
#include "test.h"

#define DIR "/run/edgeway/masq"

static const struct attachment C1 = {"net", "c1", "eth0"};

static struct prefix prefix(const char *text)
{
	struct prefix p = {};

	assert_null(prefix_parse(&p, text));
	return p;
}

/** The one record of a kind; fails the test if there is not just one. */
static struct masq_record the_record(enum masq_records which, struct arena *arena)
{
	struct masq_record *all = NULL;
	struct err e = {};
	size_t n = 99;

	if (masq_records_read(which, &all, &n, arena, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(n, 1);
	return all[0];
}

static size_t count(enum masq_records which)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct masq_record *all = NULL;
	struct err e = {};
	size_t n = 99;

	assert_int_equal(masq_records_read(which, &all, &n, &arena, &e), 0);
	return n;
}

static void a_record_is_written_and_read(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	const struct prefix addresses[] = {prefix("10.1.0.5/16"), prefix("fd00::5/64")};
	char id[ATTACHMENT_ID], text[PREFIX_TEXT];
	struct masq_record r = {};
	struct err e = {};

	(void)state;
	attachment_id(&C1, id);
	assert_int_equal(masq_record_write(&C1, addresses, 2, &arena, &e), 0);
	assert_string_equal(sh_output("cat " DIR "/%s", id),
			    "edgeway net/c1/eth0\n10.1.0.5/16\nfd00::5/64\n");
	r = the_record(MASQ_LIVE, &arena);
	assert_string_equal(r.id, id);
	assert_string_equal(r.tag, "edgeway net/c1/eth0");
	assert_int_equal(r.n, 2);
	assert_string_equal(prefix_format(&r.addresses[0], text), "10.1.0.5/16");
	assert_string_equal(prefix_format(&r.addresses[1], text), "fd00::5/64");
}

static void a_later_record_replaces_an_earlier(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	const struct prefix first = prefix("10.1.0.5/16"), second = prefix("10.1.0.6/16");
	char id[ATTACHMENT_ID];
	struct err e = {};

	(void)state;
	assert_int_equal(masq_record_write(&C1, &first, 1, &arena, &e), 0);
	assert_int_equal(masq_record_write(&C1, &second, 1, &arena, &e), 0);
	assert_string_equal(sh_output("cat " DIR "/%s", attachment_id(&C1, id)),
			    "edgeway net/c1/eth0\n10.1.0.6/16\n");
	assert_string_equal(sh_output("ls " DIR " | wc -l"), "1\n");
}

static void a_record_may_hold_many_addresses(void **state)
{
	enum { N = 200 };
	_cleanup_(arena_free) struct arena arena = {};
	struct prefix addresses[N];
	struct masq_record r;
	struct err e = {};

	(void)state;
	for (int i = 0; i < N; i++) {
		addresses[i] = prefix("fd00:1111:2222:3333:4444:5555:6666:0/64");
		addresses[i].ip.bytes[15] = (uint8_t)i;
	}
	assert_int_equal(masq_record_write(&C1, addresses, N, &arena, &e), 0);
	r = the_record(MASQ_LIVE, &arena);
	assert_int_equal(r.n, N);
	for (int i = 0; i < N; i++)
		assert_int_equal(r.addresses[i].len, 64);
}

static void what_is_not_there_is_no_error(void **state)
{
	struct err e = {};

	(void)state;
	assert_int_equal(count(MASQ_LIVE), 0);
	assert_int_equal(count(MASQ_GONE), 0);
	assert_int_equal(masq_record_retire("nosuchrecor", &e), 0);
	assert_int_equal(masq_record_forget("nosuchrecor", &e), 0);
	assert_false(masq_record_is_gone("nosuchrecor"));
	assert_false(file_exists("/run/edgeway"));
}

static void all_records_are_read(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	const struct prefix p = prefix("10.1.0.5/16");
	struct masq_record *all = NULL;
	char container[16];
	struct err e = {};
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 50; i++) {
		const struct attachment a = {"net", container, "eth0"};

		(void)snprintf(container, sizeof(container), "c%d", i);
		assert_int_equal(masq_record_write(&a, &p, 1, &arena, &e), 0);
	}
	assert_int_equal(masq_records_read(MASQ_LIVE, &all, &n, &arena, &e), 0);
	assert_int_equal(n, 50);
	for (size_t i = 0; i < n; i++)
		assert_true(attachment_tag_is_of(all[i].tag, "net") && all[i].n == 1);
}

static void a_record_is_gone_before_it_is_forgotten(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	const struct prefix p = prefix("10.1.0.5/16");
	char id[ATTACHMENT_ID];
	struct err e = {};

	(void)state;
	attachment_id(&C1, id);
	for (int i = 0; i < 2; i++) { // with and without the directory of those that are gone
		assert_int_equal(masq_record_write(&C1, &p, 1, &arena, &e), 0);
		assert_false(masq_record_is_gone(id));
		assert_int_equal(masq_record_retire(id, &e), 1);
		assert_true(masq_record_is_gone(id));
		assert_int_equal(count(MASQ_LIVE), 0);
		assert_string_equal(the_record(MASQ_GONE, &arena).tag, "edgeway net/c1/eth0");
		assert_int_equal(masq_record_retire(id, &e), 0);
		assert_int_equal(masq_record_forget(id, &e), 0);
		assert_false(masq_record_is_gone(id));
	}
	assert_int_equal(count(MASQ_GONE), 0);
}

static void lines_without_sense_are_passed_over(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct masq_record r;

	(void)state;
	sh("mkdir -p " DIR);
	file_put(DIR "/aaaaaaaaaaa", "edgeway net/c1/eth0\nnonsense\n\n10.1.0.5\n10.1.0.6/16\n1");
	r = the_record(MASQ_LIVE, &arena);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.addresses[0].ip.bytes[3], 6);
	file_put(DIR "/aaaaaaaaaaa", "");
	r = the_record(MASQ_LIVE, &arena);
	assert_int_equal(r.n, 0);
	assert_string_equal(r.tag, "");
}

static void the_lock_is_held_until_it_is_closed(void **state)
{
	_cleanup_(fd_closep) int other = -1;
	struct err e = {};
	int lock = -1;

	(void)state;
	assert_int_equal(masq_lock(&lock, &e), 0);
	other = open("/run/edgeway/masq.lock", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	fd_closep(&lock);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
}

static void what_cannot_be_written_says_where(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	const struct prefix p = prefix("10.1.0.5/16");
	struct err e = {};

	(void)state;
	file_put("/run/edgeway", "a file");
	assert_int_equal(masq_record_write(&C1, &p, 1, &arena, &e), -1);
	assert_int_equal(e.code, ERR_IO);
	assert_string_equal(e.msg, "write " DIR "/7mwsm67jpxc: Not a directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(a_record_is_written_and_read),
		on_a_node(a_later_record_replaces_an_earlier),
		on_a_node(a_record_may_hold_many_addresses),
		on_a_node(what_is_not_there_is_no_error),
		on_a_node(all_records_are_read),
		on_a_node(a_record_is_gone_before_it_is_forgotten),
		on_a_node(lines_without_sense_are_passed_over),
		on_a_node(the_lock_is_held_until_it_is_closed),
		on_a_node(what_cannot_be_written_says_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
