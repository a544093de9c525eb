// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "netlink/conversation.h"
#include "netlink/port.h"
#include "sandbox.h"
#include "test.h"

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_ROUTE,
				  "ip link add br0 up type bridge && "
				  "ip link add veth0 up master br0 type veth peer name veth1");
}

static void flags_are_set_and_cleared_and_read_back(void **state)
{
	struct nl *nl = *state;
	int index = nl_ifindex(nl, "veth0");

	for (unsigned int i = 0; i < 16; i++) { // each after each
		struct port set = {.hairpin = i & 1,
				   .isolated = i & 2,
				   .group_fwd_mask = i & 4 ? PORT_GROUP_FWD_ALL : 0},
			    back = {};
		struct nl_msg m = {};
		struct err e = {};

		port_set(&m, index, &set);
		assert_int_equal(nl_call(nl, &m, &e), 0);
		assert_int_equal(port_get(nl, index, &back, &e), 0);
		assert_int_equal(back.hairpin, set.hairpin);
		assert_int_equal(back.isolated, set.isolated);
		assert_int_equal(back.group_fwd_mask, set.group_fwd_mask);
		sh("bridge -d link show dev veth0 | grep -q ' hairpin %s .* isolated %s '",
		   set.hairpin ? "on" : "off", set.isolated ? "on" : "off");
		sh("ip -d link show dev veth0 | grep -q ' group_fwd_mask %#x '",
		   set.group_fwd_mask);
	}
}

static void other_flags_of_the_port_stay(void **state)
{
	struct nl_msg m = {};
	struct err e = {};

	sh("bridge link set dev veth0 learning off");
	port_set(&m, nl_ifindex(*state, "veth0"), &(struct port){.hairpin = true});
	assert_int_equal(nl_call(*state, &m, &e), 0);
	sh("bridge -d link show dev veth0 | grep -q ' learning off '");
}

static void what_is_no_port_has_no_flags(void **state)
{
	struct port port = {.hairpin = true};
	struct nl_msg m = {};
	struct err e = {};

	assert_int_equal(port_get(*state, nl_ifindex(*state, "veth1"), &port, &e), -1);
	assert_int_equal(e.code, ERR_MISMATCH);
	assert_string_equal(e.msg, "interface is not a bridge port");
	assert_int_equal(port_get(*state, 4711, &port, &e), -1);
	assert_int_equal(e.os, ENODEV);
	assert_true(port.hairpin);

	port_set(&m, nl_ifindex(*state, "veth1"), &port);
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_int_equal(e.code, ERR_KERNEL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define conversation(test)                                                                         \
	cmocka_unit_test_setup_teardown(test, connect_to_kernel, conversation_end)
		conversation(flags_are_set_and_cleared_and_read_back),
		conversation(other_flags_of_the_port_stay),
		conversation(what_is_no_port_has_no_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
