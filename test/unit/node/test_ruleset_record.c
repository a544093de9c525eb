// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "node/ruleset_record.h"
#include "sandbox.h"
#include "test.h"

#define KIND "test"
#define DIR  "/run/edgeway/" KIND

static const struct attachment C1 = {"net", "c1", "eth0"};

/** Write a record with @line alone. */
static void write_line(const char *kind, const struct attachment *a, const char *line)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct err e = {};

	if (ruleset_record_write(kind, a, &line, 1, &arena, &e) < 0)
		fail_msg("%s", e.msg);
}

/** The one record in a state; fails the test if there is not just one. */
static struct ruleset_record the_record(enum record_state state, struct arena *arena)
{
	struct ruleset_record *all = NULL;
	struct err e = {};
	size_t n = 99;

	if (ruleset_records_read(KIND, state, &all, &n, arena, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(n, 1);
	return all[0];
}

static size_t count(const char *kind, enum record_state state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct ruleset_record *all = NULL;
	struct err e = {};
	size_t n = 99;

	assert_int_equal(ruleset_records_read(kind, state, &all, &n, &arena, &e), 0);
	return n;
}

static void a_record_is_written_and_read(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	const char *const lines[] = {"10.1.0.5/16", "veth0 02:00:00:00:00:01"};
	struct ruleset_record r = {};
	char id[ATTACHMENT_ID];
	struct err e = {};

	(void)state;
	attachment_id(&C1, id);
	assert_int_equal(ruleset_record_write(KIND, &C1, lines, 2, &arena, &e), 0);
	assert_string_equal(sh_output("cat " DIR "/%s", id),
			    "edgeway net/c1/eth0\n10.1.0.5/16\nveth0 02:00:00:00:00:01\n");
	r = the_record(RECORD_LIVE, &arena);
	assert_string_equal(r.id, id);
	assert_string_equal(r.tag, "edgeway net/c1/eth0");
	assert_int_equal(r.n, 2);
	assert_string_equal(r.lines[0], lines[0]);
	assert_string_equal(r.lines[1], lines[1]);
}

static void a_later_record_replaces_an_earlier(void **state)
{
	char id[ATTACHMENT_ID];

	(void)state;
	write_line(KIND, &C1, "10.1.0.5/16");
	write_line(KIND, &C1, "10.1.0.6/16");
	assert_string_equal(sh_output("cat " DIR "/%s", attachment_id(&C1, id)),
			    "edgeway net/c1/eth0\n10.1.0.6/16\n");
	assert_string_equal(sh_output("ls " DIR " | wc -l"), "1\n");
}

static void a_record_may_hold_many_lines(void **state)
{
	enum { N = 200 };
	_cleanup_(arena_free) struct arena arena = {};
	char text[N][64];
	const char *lines[N];
	struct ruleset_record r;
	struct err e = {};

	(void)state;
	for (int i = 0; i < N; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "fd00:1111:2222:3333:4444:5555:6666:%d/64",
			       i);
		lines[i] = text[i];
	}
	assert_int_equal(ruleset_record_write(KIND, &C1, lines, N, &arena, &e), 0);
	r = the_record(RECORD_LIVE, &arena);
	assert_int_equal(r.n, N);
	for (int i = 0; i < N; i++)
		assert_string_equal(r.lines[i], lines[i]);
}

static void what_is_not_there_is_no_error(void **state)
{
	struct err e = {};

	(void)state;
	assert_int_equal(count(KIND, RECORD_LIVE), 0);
	assert_int_equal(count(KIND, RECORD_GONE), 0);
	assert_int_equal(ruleset_record_retire(KIND, "nosuchrecor", &e), 0);
	assert_int_equal(ruleset_record_forget(KIND, RECORD_LIVE, "nosuchrecor", &e), 0);
	assert_int_equal(ruleset_record_forget(KIND, RECORD_GONE, "nosuchrecor", &e), 0);
	assert_false(ruleset_record_is_gone(KIND, "nosuchrecor"));
	assert_false(file_exists("/run/edgeway"));
}

static void all_records_are_read(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct ruleset_record *all = NULL;
	char container[16];
	struct err e = {};
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 50; i++) {
		const struct attachment a = {"net", container, "eth0"};

		(void)snprintf(container, sizeof(container), "c%d", i);
		write_line(KIND, &a, "10.1.0.5/16");
	}
	assert_int_equal(ruleset_records_read(KIND, RECORD_LIVE, &all, &n, &arena, &e), 0);
	assert_int_equal(n, 50);
	for (size_t i = 0; i < n; i++)
		assert_true(attachment_tag_is_of(all[i].tag, "net") && all[i].n == 1);
}

static void a_record_is_gone_before_it_is_forgotten(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	char id[ATTACHMENT_ID];
	struct err e = {};

	(void)state;
	attachment_id(&C1, id);
	for (int i = 0; i < 2; i++) { // with and without the directory of those that are gone
		write_line(KIND, &C1, "10.1.0.5/16");
		assert_false(ruleset_record_is_gone(KIND, id));
		assert_int_equal(ruleset_record_retire(KIND, id, &e), 1);
		assert_true(ruleset_record_is_gone(KIND, id));
		assert_int_equal(count(KIND, RECORD_LIVE), 0);
		assert_string_equal(the_record(RECORD_GONE, &arena).tag, "edgeway net/c1/eth0");
		assert_int_equal(ruleset_record_retire(KIND, id, &e), 0);
		assert_int_equal(ruleset_record_forget(KIND, RECORD_LIVE, id, &e), 0);
		assert_true(ruleset_record_is_gone(KIND, id)); // that was the other state's
		assert_int_equal(ruleset_record_forget(KIND, RECORD_GONE, id, &e), 0);
		assert_false(ruleset_record_is_gone(KIND, id));
	}
	assert_int_equal(count(KIND, RECORD_GONE), 0);
}

static void a_live_record_can_be_forgotten_at_once(void **state)
{
	char id[ATTACHMENT_ID];
	struct err e = {};

	(void)state;
	write_line(KIND, &C1, "10.1.0.5/16");
	assert_int_equal(ruleset_record_forget(KIND, RECORD_LIVE, attachment_id(&C1, id), &e), 0);
	assert_int_equal(count(KIND, RECORD_LIVE), 0);
	assert_false(ruleset_record_is_gone(KIND, id));
}

static void a_line_can_be_taken_out_of_a_record(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	const char *const lines[] = {"10.1.0.5", "10.1.0.55", "isolated br0"};
	struct ruleset_record r;
	char id[ATTACHMENT_ID];
	struct err e = {};

	(void)state;
	attachment_id(&C1, id);
	assert_int_equal(ruleset_record_blank(KIND, id, "10.1.0.5", &arena, &e), 0); // no record
	assert_int_equal(ruleset_record_write(KIND, &C1, lines, 3, &arena, &e), 0);
	assert_int_equal(ruleset_record_blank(KIND, id, "10.1.0.6", &arena, &e), 0);
	assert_int_equal(ruleset_record_blank(KIND, id, "10.1.0.5", &arena, &e), 0);
	r = the_record(RECORD_LIVE, &arena);
	assert_string_equal(r.tag, "edgeway net/c1/eth0");
	assert_int_equal(r.n, 2);
	assert_string_equal(r.lines[0], "10.1.0.55");
	assert_string_equal(r.lines[1], "isolated br0");
}

static void kinds_do_not_see_each_other(void **state)
{
	_cleanup_(fd_closep) int one = -1, other = -1;
	char id[ATTACHMENT_ID];
	struct err e = {};

	(void)state;
	write_line(KIND, &C1, "10.1.0.5/16");
	write_line("other", &C1, "veth0 02:00:00:00:00:01");
	assert_int_equal(ruleset_record_retire("other", attachment_id(&C1, id), &e), 1);
	assert_int_equal(count(KIND, RECORD_LIVE), 1);
	assert_int_equal(count(KIND, RECORD_GONE), 0);
	assert_int_equal(count("other", RECORD_GONE), 1);
	assert_false(ruleset_record_is_gone(KIND, id));
	assert_int_equal(ruleset_lock(KIND, &one, &e), 0);
	assert_int_equal(ruleset_lock("other", &other, &e), 0); // does not wait
}

static void empty_lines_and_an_unfinished_one_are_no_trouble(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct ruleset_record r;

	(void)state;
	sh("mkdir -p " DIR);
	file_put(DIR "/aaaaaaaaaaa", "edgeway net/c1/eth0\n\n10.1.0.6/16\n\n\n1");
	r = the_record(RECORD_LIVE, &arena);
	assert_string_equal(r.tag, "edgeway net/c1/eth0");
	assert_int_equal(r.n, 2);
	assert_string_equal(r.lines[0], "10.1.0.6/16");
	assert_string_equal(r.lines[1], "1");
	file_put(DIR "/aaaaaaaaaaa", "");
	r = the_record(RECORD_LIVE, &arena);
	assert_int_equal(r.n, 0);
	assert_string_equal(r.tag, "");
}

static void the_lock_is_held_until_it_is_closed(void **state)
{
	_cleanup_(fd_closep) int other = -1;
	struct err e = {};
	int lock = -1;

	(void)state;
	assert_int_equal(ruleset_lock(KIND, &lock, &e), 0);
	other = open(DIR ".lock", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	fd_closep(&lock);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
}

static void what_cannot_be_written_or_read_says_where(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct ruleset_record *all = NULL;
	const char *line = "10.1.0.5/16";
	struct err e = {};
	size_t n;
	int lock;

	(void)state;
	file_put("/run/edgeway", "a file");
	assert_int_equal(ruleset_record_write(KIND, &C1, &line, 1, &arena, &e), -1);
	assert_int_equal(e.code, ERR_IO);
	assert_string_equal(e.msg, "write " DIR "/7mwsm67jpxc: Not a directory");
	assert_int_equal(ruleset_records_read(KIND, RECORD_LIVE, &all, &n, &arena, &e), -1);
	assert_string_equal(e.msg, "list " DIR ": Not a directory");
	assert_int_equal(ruleset_lock(KIND, &lock, &e), -1);
	assert_string_equal(e.msg, "make " DIR ": Not a directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(a_record_is_written_and_read),
		on_a_node(a_later_record_replaces_an_earlier),
		on_a_node(a_record_may_hold_many_lines),
		on_a_node(what_is_not_there_is_no_error),
		on_a_node(all_records_are_read),
		on_a_node(a_record_is_gone_before_it_is_forgotten),
		on_a_node(a_live_record_can_be_forgotten_at_once),
		on_a_node(a_line_can_be_taken_out_of_a_record),
		on_a_node(kinds_do_not_see_each_other),
		on_a_node(empty_lines_and_an_unfinished_one_are_no_trouble),
		on_a_node(the_lock_is_held_until_it_is_closed),
		on_a_node(what_cannot_be_written_or_read_says_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
