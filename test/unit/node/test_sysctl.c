// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_setting_gets_its_value, sandbox),
		cmocka_unit_test_setup(values_of_several_digits_are_compared_whole, sandbox),
		cmocka_unit_test_setup(names_with_dots_are_one_name, sandbox),
		cmocka_unit_test_setup(settings_are_those_of_the_namespace_one_is_in, sandbox),
		cmocka_unit_test_setup(a_missing_key_is_an_error_unless_it_may_be_missing, sandbox),
		cmocka_unit_test_setup(a_value_the_kernel_refuses_is_an_error_in_any_case, sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
