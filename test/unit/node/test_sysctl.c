// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "node/netns.h"
#include "node/sysctl.h"
#include "sandbox.h"
#include "test.h"

#define FORWARD "/proc/sys/net/ipv4/conf/lo/forwarding"

static void a_setting_gets_its_value(void **state)
{
	struct err e = {};

	(void)state;
	for (int i = 0; i < 4; i++) {
		const char *value = i & 1 ? "1" : "0";

		assert_int_equal(sysctl_ensure(value, &e, "ipv4/conf/%s/forwarding", "lo"), 0);
		assert_int_equal(file_text(FORWARD)[0], value[0]);
		assert_int_equal(sysctl_ensure(value, &e, "ipv4/conf/%s/forwarding", "lo"), 0);
		assert_int_equal(file_text(FORWARD)[0], value[0]);
	}
}

static void values_of_several_digits_are_compared_whole(void **state)
{
	static const char *const values[] = {"1000", "10", "100", "1000"};
	struct err e = {};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		assert_int_equal(sysctl_ensure(values[i], &e, "ipv4/neigh/lo/gc_stale_time"), 0);
		assert_int_equal(atoi(file_text("/proc/sys/net/ipv4/neigh/lo/gc_stale_time")),
				 atoi(values[i]));
	}
}

static void names_with_dots_are_one_name(void **state)
{
	struct err e = {};

	(void)state;
	sh("ip link add br0.7 type bridge");
	assert_int_equal(sysctl_ensure("1", &e, "ipv4/conf/%s/arp_notify", "br0.7"), 0);
	assert_string_equal(file_text("/proc/sys/net/ipv4/conf/br0.7/arp_notify"), "1\n");
}

static void settings_are_those_of_the_namespace_one_is_in(void **state)
{
	_cleanup_(fd_closep) int red = pod("red");
	struct netns ns = {.home = -1};
	struct err e = {};

	(void)state;
	assert_int_equal(sysctl_ensure("0", &e, "ipv4/ip_forward"), 0);
	assert_int_equal(netns_enter(&ns, red, &e), 0);
	assert_int_equal(sysctl_ensure("1", &e, "ipv4/ip_forward"), 0);
	netns_leave(&ns);
	assert_string_equal(file_text("/proc/sys/net/ipv4/ip_forward"), "0\n");
	assert_string_equal(sh_output("ip netns exec red cat /proc/sys/net/ipv4/ip_forward"),
			    "1\n");
}

static void a_missing_key_is_an_error_unless_it_may_be_missing(void **state)
{
	struct err e = {};

	(void)state;
	assert_int_equal(sysctl_ensure("1", &e, "ipv4/conf/%s/arp_notify", "gone"), -1);
	assert_int_equal(e.code, ERR_KERNEL);
	assert_int_equal(e.os, ENOENT);
	assert_string_equal(e.msg,
			    "set net/ipv4/conf/gone/arp_notify to 1: No such file or directory");
	assert_int_equal(sysctl_ensure_if_there("1", &e, "ipv4/conf/%s/arp_notify", "gone"), 0);
}

static void a_value_the_kernel_refuses_is_an_error_in_any_case(void **state)
{
	struct err e = {};

	(void)state;
	assert_int_equal(sysctl_ensure("many", &e, "ipv4/ip_forward"), -1);
	assert_string_equal(e.msg, "set net/ipv4/ip_forward to many: Invalid argument");
	assert_int_equal(sysctl_ensure_if_there("many", &e, "ipv4/ip_forward"), -1);
	assert_int_equal(e.os, EINVAL);
}

static void keys_become_paths(void **state)
{
	static const struct {
		const char *key, *path, *wrong;
	} rows[] = {
		{"net.ipv4.ip_forward", "net/ipv4/ip_forward", NULL},
		{"net/ipv4/conf/eth0.7/arp_notify", "net/ipv4/conf/eth0.7/arp_notify", NULL},
		{"net.ipv4.conf.IFNAME.arp_notify", "net/ipv4/conf/br.7/arp_notify", NULL},
		{"net/ipv4/conf/IFNAME/arp_notify", "net/ipv4/conf/br.7/arp_notify", NULL},
		{"net.IFNAME.IFNAME", "net/br.7/IFNAME", NULL},
		{"net/.../x", "net/.../x", NULL},
		{"kernel.hostname", NULL, "only settings below net"},
		{"network.x", NULL, "only settings below net"},
		{"net", NULL, "only settings below net"},
		{"", NULL, "only settings below net"},
		{"/net/core/x", NULL, "only settings below net"},
		{"net.ipv4.conf.eth0/7.arp_notify", NULL, "only settings below net"},
		{"net.", NULL, "not a path"},
		{"net..core", NULL, "not a path"},
		{"net.core.", NULL, "not a path"},
		{"net/core/", NULL, "not a path"},
		{"net/./core", NULL, "not a path"},
		{"net/..", NULL, "not a path"},
		{"net/../kernel/hostname", NULL, "not a path"},
	};
	char path[SYSCTL_PATH], longest[SYSCTL_PATH];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *wrong = sysctl_path(rows[i].key, "br.7", path);

		if (!wrong != !rows[i].wrong || (wrong && !strstr(wrong, rows[i].wrong)))
			fail_msg("\"%s\": %s", rows[i].key, wrong ? wrong : path);
		if (!wrong)
			assert_string_equal(path, rows[i].path);
	}
	assert_null(sysctl_path("net.IFNAME", NULL, path));
	assert_string_equal(path, "net/IFNAME");
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_string_equal(sysctl_path(longest, NULL, path), "too long");
}

static void a_setting_that_is_held_open_can_be_put_back(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(sysctl_close) struct sysctl s = {.fd = -1};
	struct err e = {};

	(void)state;
	file_put(FORWARD, "0");
	assert_int_equal(sysctl_open(&s, "net/ipv4/conf/lo/forwarding", &arena, &e), 0);
	assert_string_equal(s.was, "0");
	assert_int_equal(sysctl_write(&s, "1", &e), 0);
	assert_string_equal(file_text(FORWARD), "1\n");
	assert_true(sysctl_was(&s, "0"));
	assert_int_equal(sysctl_write(&s, "many", &e), -1);
	assert_string_equal(e.msg, "set net/ipv4/conf/lo/forwarding to many: Invalid argument");
	assert_int_equal(sysctl_write(&s, s.was, &e), 0);
	assert_string_equal(file_text(FORWARD), "0\n");
}

static void an_empty_value_empties_the_setting(void **state)
{
	static const char ports[] = "/proc/sys/net/ipv4/ip_local_reserved_ports";
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(sysctl_close) struct sysctl s = {.fd = -1};
	struct err e = {};

	(void)state;
	file_put(ports, "80");
	assert_int_equal(sysctl_open(&s, "net/ipv4/ip_local_reserved_ports", &arena, &e), 0);
	assert_int_equal(sysctl_write(&s, "", &e), 0);
	assert_string_equal(file_text(ports), "\n");
}

static void what_cannot_be_opened_or_read_is_an_error(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct sysctl s = {.fd = -1};
	struct err e = {};

	(void)state;
	assert_int_equal(sysctl_open(&s, "net/ipv4/nonsense", &arena, &e), -1);
	assert_int_equal(e.os, ENOENT);
	assert_string_equal(e.msg, "open net/ipv4/nonsense: No such file or directory");
	assert_int_equal(sysctl_open(&s, "net/ipv4/route/flush", &arena, &e), -1);
	assert_int_equal(e.os, EACCES);
	assert_int_equal(sysctl_open(&s, "net/ipv6/conf/lo/stable_secret", &arena, &e), -1);
	assert_int_equal(e.os, EIO);
	assert_int_equal(s.fd, -1);
}

static void where_nothing_can_be_written_the_value_can_still_be_compared(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(sysctl_close) struct sysctl s = {.fd = -1};
	struct err e = {};

	(void)state;
	file_put(FORWARD, "1");
	sh("mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys");
	assert_int_equal(sysctl_open(&s, "net/ipv4/conf/lo/forwarding", &arena, &e), 0);
	assert_true(sysctl_was(&s, "1"));
	assert_int_equal(sysctl_write(&s, "0", &e), -1);
	assert_string_equal(e.msg, "set net/ipv4/conf/lo/forwarding to 0: Read-only file system");
}

static void values_are_compared_as_the_kernel_shows_them(void **state)
{
	static const struct {
		const char *was, *value;
		bool same;
	} rows[] = {
		{"1", "1", true},
		{"1", " 1\n", true},
		{"4096\t131072\t6", "4096 131072  6", true},
		{"16", "0x10", true},
		{"8", "010", true},
		{"-1", "-01", true},
		{"", "", true},
		{"", "\n", true},
		{"cubic", "cubic", true},
		{"1", "2", false},
		{"1", "", false},
		{"", "1", false},
		{"1\t2", "1", false},
		{"1", "1 2", false},
		{"0", "x", false},
		{"12", "1", false},
		{"1", "12", false},
		{"cubic", "cubi", false},
		{"1x", "1y", false},
		{"1", "1x", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct sysctl s = {.was = rows[i].was, .fd = -1};

		if (sysctl_was(&s, rows[i].value) != rows[i].same)
			fail_msg("\"%s\" and \"%s\"", rows[i].was, rows[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_setting_gets_its_value, sandbox),
		cmocka_unit_test_setup(values_of_several_digits_are_compared_whole, sandbox),
		cmocka_unit_test_setup(names_with_dots_are_one_name, sandbox),
		cmocka_unit_test_setup(settings_are_those_of_the_namespace_one_is_in, sandbox),
		cmocka_unit_test_setup(a_missing_key_is_an_error_unless_it_may_be_missing, sandbox),
		cmocka_unit_test_setup(a_value_the_kernel_refuses_is_an_error_in_any_case, sandbox),
		cmocka_unit_test(keys_become_paths),
		cmocka_unit_test_setup(a_setting_that_is_held_open_can_be_put_back, sandbox),
		cmocka_unit_test_setup(an_empty_value_empties_the_setting, sandbox),
		cmocka_unit_test_setup(what_cannot_be_opened_or_read_is_an_error, sandbox),
		cmocka_unit_test_setup(where_nothing_can_be_written_the_value_can_still_be_compared,
				       sandbox),
		cmocka_unit_test(values_are_compared_as_the_kernel_shows_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
