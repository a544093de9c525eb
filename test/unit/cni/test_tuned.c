// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "cni/tuned.h"
#include "sandbox.h"
#include "test.h"

#define DIR  "/run/some/where"
#define FILE DIR "/c1_eth0.json"

static const struct tuned nothing = {.mtu = -1, .promisc = -1, .allmulti = -1, .txqlen = -1};

/** An ADD in a node of its own, and its file. */
struct fixture {
	struct test_call c;
	struct tuned_file file;
	struct err e;
};

static void begin(struct fixture *f)
{
	test_call_init(&f->c, "{}");
	assert_int_equal(tuned_file_open(&f->file, &f->c.call, DIR, &f->e), 0);
}

static void end(struct fixture *f)
{
	tuned_file_done(&f->file);
	test_call_done(&f->c);
}

/** The file as it is now. */
static void reopen(struct fixture *f)
{
	tuned_file_done(&f->file);
	assert_int_equal(tuned_file_open(&f->file, &f->c.call, DIR, &f->e), 0);
}

static void what_was_saved_is_read_again(void **state)
{
	_cleanup_(end) struct fixture f = {};
	struct conf_pair sysctls[] = {{"net/ipv4/conf/eth0/arp_notify", "0"},
				      {"net/ipv6/conf/eth0/mtu", "a\t\"b\""}};
	const struct tuned saved = {.mac = "02:00:00:00:00:01",
				    .mtu = 1500,
				    .promisc = 0,
				    .allmulti = 1,
				    .txqlen = 0,
				    .sysctls = sysctls,
				    .n_sysctls = 2};
	struct tuned read = {};

	(void)state;
	begin(&f);
	assert_null(f.file.text);
	assert_int_equal(tuned_file_write(&f.file, &saved, &f.e), 0);
	assert_string_equal(sh_output("stat -c %%a " DIR " " FILE), "700\n600\n");
	reopen(&f);
	assert_int_equal(tuned_file_read(&f.file, &read, &f.e), 0);
	assert_string_equal(read.mac, saved.mac);
	assert_int_equal(read.mtu, 1500);
	assert_int_equal(read.promisc, 0);
	assert_int_equal(read.allmulti, 1);
	assert_int_equal(read.txqlen, 0);
	assert_int_equal(read.n_sysctls, 2);
	assert_string_equal(read.sysctls[0].key, sysctls[0].key);
	assert_string_equal(read.sysctls[1].value, sysctls[1].value);
	assert_int_equal(tuned_file_remove(&f.file, &f.e), 0);
	assert_int_equal(tuned_file_remove(&f.file, &f.e), 0);
	assert_false(file_exists(FILE));
}

static void what_was_left_alone_is_not_in_the_file(void **state)
{
	_cleanup_(end) struct fixture f = {};
	struct tuned read = {};

	(void)state;
	begin(&f);
	assert_int_equal(tuned_file_write(&f.file, &nothing, &f.e), 0);
	assert_string_equal(file_text(FILE), "{\n \"network\": \"net\"\n}");
	reopen(&f);
	assert_int_equal(tuned_file_read(&f.file, &read, &f.e), 0);
	assert_memory_equal(&read, &nothing, sizeof(read));
}

static void what_is_remembered_already_stays(void **state)
{
	_cleanup_(end) struct fixture f = {};
	struct conf_pair first[] = {{"net/a", "1"}}, second[] = {{"net/a", "2"}, {"net/b", "3"}};
	struct tuned older = nothing, newer = nothing, read = {};

	(void)state;
	older.mtu = 1500;
	older.sysctls = first;
	older.n_sysctls = 1;
	newer.mtu = 1400;
	newer.txqlen = 7;
	newer.sysctls = second;
	newer.n_sysctls = 2;
	begin(&f);
	assert_int_equal(tuned_file_write(&f.file, &older, &f.e), 0);
	reopen(&f);
	assert_int_equal(tuned_file_write(&f.file, &newer, &f.e), 0);
	reopen(&f);
	assert_int_equal(tuned_file_read(&f.file, &read, &f.e), 0);
	assert_int_equal(read.mtu, 1500);
	assert_int_equal(read.txqlen, 7);
	assert_int_equal(read.n_sysctls, 2);
	assert_string_equal(read.sysctls[0].value, "1");
	assert_string_equal(read.sysctls[1].value, "3");
}

static void undone_is_as_it_was(void **state)
{
	static const char damaged[] = "{\"mtu\": 15";
	struct tuned changed = nothing;

	(void)state;
	changed.mtu = 1400;
	for (int i = 0; i < 2; i++) {
		_cleanup_(end) struct fixture f = {};

		begin(&f);
		assert_int_equal(tuned_file_write(&f.file, &changed, &f.e), 0);
		assert_non_null(strstr(file_text(FILE), "1400"));
		assert_int_equal(tuned_file_undo(&f.file, 0, &f.e), 0);
		assert_int_equal(file_exists(FILE), i);
		if (i == 1)
			assert_string_equal(file_text(FILE), damaged);
		file_put(FILE, damaged);
	}
}

static void a_damaged_file_is_an_error_and_a_wrong_value_is_none(void **state)
{
	static const char *const damaged[] = {"", "[]", "7", "{", "{\"mtu\": 1500} x"};
	struct tuned read = {};

	(void)state;
	sh("mkdir -p " DIR);
	for (size_t i = 0; i < ARRAY_SIZE(damaged); i++) {
		_cleanup_(end) struct fixture f = {};

		file_put(FILE, damaged[i]);
		begin(&f);
		assert_non_null(f.file.text);
		assert_int_equal(tuned_file_read(&f.file, &read, &f.e), -1);
		assert_string_equal(f.e.msg, FILE ": not a JSON object");
	}
	_cleanup_(end) struct fixture f = {};

	file_put(FILE, "{\"mtu\": \"1500\", \"mac\": \"x\", \"promisc\": 1, \"txQLen\": -7, "
		       "\"allmulti\": true, \"sysctl\": [], \"more\": {}}");
	begin(&f);
	assert_int_equal(tuned_file_read(&f.file, &read, &f.e), 0);
	assert_int_equal(read.allmulti, 1);
	read.allmulti = -1;
	assert_null(read.mac);
	assert_memory_equal(&read, &nothing, sizeof(read));
}

static void a_file_that_cannot_be_there_is_none(void **state)
{
	_cleanup_(end) struct fixture f = {};
	char container[256], dir[PATH_MAX];

	(void)state;
	begin(&f);
	memset(container, 'a', sizeof(container) - 1);
	container[sizeof(container) - 1] = '\0';
	f.c.call.at.container = container;
	reopen(&f);
	assert_null(f.file.text);
	assert_int_equal(tuned_file_write(&f.file, &nothing, &f.e), -1);
	assert_int_equal(f.e.os, ENAMETOOLONG);
	file_put("/run/file", "");
	f.c.call.at.container = "c1";
	assert_int_equal(tuned_file_open(&f.file, &f.c.call, "/run/file", &f.e), 0);
	assert_null(f.file.text);
	memset(dir, '/', sizeof(dir) - 1);
	dir[sizeof(dir) - 1] = '\0';
	assert_int_equal(tuned_file_open(&f.file, &f.c.call, dir, &f.e), -1);
	assert_string_equal(f.e.msg, "dataDir: too long");
}

static void the_present_is_told_of_what_is_wanted(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	const struct tuned all = {
		.mac = "02:00:00:00:00:09", .mtu = 1, .promisc = 1, .allmulti = 0, .txqlen = 0};
	struct link link = {.mtu = 1500, .txqlen = 1000, .flags = IFF_PROMISC};
	struct tuned now;
	struct err e = {};

	(void)state;
	assert_int_equal(tuned_now(&now, &nothing, &link, &arena, &e), 0);
	assert_memory_equal(&now, &nothing, sizeof(now));
	assert_int_equal(tuned_now(&now, &all, &link, &arena, &e), 0);
	assert_null(now.mac); // it has none
	assert_int_equal(now.mtu, 1500);
	assert_int_equal(now.promisc, 1);
	assert_int_equal(now.allmulti, 0);
	assert_int_equal(now.txqlen, 1000);
	link.mac.bytes[0] = 2;
	assert_int_equal(tuned_now(&now, &all, &link, &arena, &e), 0);
	assert_string_equal(now.mac, "02:00:00:00:00:00");
}

static void settings_reach_the_interface_in_one_message(void **state)
{
	const struct tuned settings = {
		.mac = "02:00:00:00:00:09", .mtu = 1400, .promisc = 1, .allmulti = 1, .txqlen = 7};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct err e = {};
	struct link link;

	(void)state;
	nl = nl_open(NETLINK_ROUTE, &e);
	assert_non_null(nl);
	sh("ip link add eth0 type bridge");
	tuned_put(&m, &settings, nl_ifindex(nl, "eth0"), "eth0");
	assert_int_equal(m.count, 5);
	assert_int_equal(nl_call(nl, &m, &e), 0);
	assert_int_equal(link_get(nl, "eth0", &link, &e), 0);
	assert_int_equal(link.mac.bytes[5], 9);
	assert_int_equal(link.mtu, 1400);
	assert_int_equal(link.txqlen, 7);
	assert_int_equal(link.flags & (IFF_PROMISC | IFF_ALLMULTI), IFF_PROMISC | IFF_ALLMULTI);
	tuned_put(&m, &nothing, link.index, "eth0");
	assert_int_equal(m.count, 0);
}

static void refusals_name_the_key(void **state)
{
	static const struct {
		struct tuned settings;
		const char *msg;
	} rows[] = {
		{{.mac = "02:00:00:00:00:09",
		  .mtu = -1,
		  .promisc = -1,
		  .allmulti = -1,
		  .txqlen = -1},
		 "mac: set x to 02:00:00:00:00:09: No such device"},
		{{.mtu = 1400, .promisc = -1, .allmulti = -1, .txqlen = -1},
		 "mtu: set x to 1400: No such device"},
		{{.promisc = 1, .allmulti = -1, .txqlen = -1},
		 "promisc: set to true on x: No such device"},
		{{.promisc = -1, .allmulti = 0, .txqlen = -1},
		 "allmulti: set to false on x: No such device"},
		{{.promisc = -1, .allmulti = -1, .txqlen = 7},
		 "txQLen: set x to 7: No such device"},
	};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	struct err e = {};

	(void)state;
	nl = nl_open(NETLINK_ROUTE, &e);
	assert_non_null(nl);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(nl_msg_free) struct nl_msg m = {};

		tuned_put(&m, &rows[i].settings, 4711, "x");
		assert_int_equal(nl_call(nl, &m, &e), -1);
		assert_string_equal(e.msg, rows[i].msg);
	}
}

static void gc_removes_what_is_of_this_network_and_not_valid(void **state)
{
	static const struct cni_valid valid[] = {{"c1", "eth0"}, {"c_2", "net_1"}};
	static const struct {
		const char *name, *text;
		int stays;
	} rows[] = {
		{"c1_eth0.json", "{\"network\": \"net\"}", 1},
		{"c_2_net_1.json", "{\"network\": \"net\"}", 1},
		{"c1_eth1.json", "{\"network\": \"net\"}", 0},
		{"c1_eth0x.json", "{\"network\": \"net\"}", 0},
		{"xc1_eth0.json", "{\"network\": \"net\", \"mtu\": \"x\"}", 0},
		{"c3_eth0.json", "{\"network\": \"other\"}", 1},
		{"c4_eth0.json", "{\"mtu\": 1500}", 1},
		{"c5_eth0.json", "damaged", 1},
		{"c6_eth0.json.old", "{\"network\": \"net\"}", 1},
		{"json", "{\"network\": \"net\"}", 1},
		{".hidden.json", "{\"network\": \"net\"}", 1},
	};
	struct test_call c;
	struct err e = {};
	char path[PATH_MAX];

	(void)state;
	test_call_init(&c, "{}");
	c.call.valid = valid;
	c.call.n_valid = ARRAY_SIZE(valid);
	assert_int_equal(tuned_gc(&c.call, DIR, &e), 0); // none yet
	sh("mkdir -p " DIR);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)snprintf(path, sizeof(path), DIR "/%s", rows[i].name);
		file_put(path, rows[i].text);
	}
	assert_int_equal(tuned_gc(&c.call, DIR, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)snprintf(path, sizeof(path), DIR "/%s", rows[i].name);
		if (file_exists(path) != rows[i].stays)
			fail_msg("%s", rows[i].name);
	}
	test_call_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_was_saved_is_read_again, sandbox),
		cmocka_unit_test_setup(what_was_left_alone_is_not_in_the_file, sandbox),
		cmocka_unit_test_setup(what_is_remembered_already_stays, sandbox),
		cmocka_unit_test_setup(undone_is_as_it_was, sandbox),
		cmocka_unit_test_setup(a_damaged_file_is_an_error_and_a_wrong_value_is_none,
				       sandbox),
		cmocka_unit_test_setup(a_file_that_cannot_be_there_is_none, sandbox),
		cmocka_unit_test(the_present_is_told_of_what_is_wanted),
		cmocka_unit_test_setup(settings_reach_the_interface_in_one_message, sandbox),
		cmocka_unit_test_setup(refusals_name_the_key, sandbox),
		cmocka_unit_test_setup(gc_removes_what_is_of_this_network_and_not_valid, sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
