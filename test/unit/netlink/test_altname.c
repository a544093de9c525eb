// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "netlink/altname.h"
#include "netlink/conversation.h"
#include "sandbox.h"
#include "test.h"

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_ROUTE,
				  "ip link add v0 alias none type veth peer name v1");
}

static void all_names_are_removed(void **state)
{
	struct nl *nl = *state;
	struct err e = {};

	sh("ip link property add dev v0 altname one altname two");
	sh("ip link property add dev v0 altname a-name-that-is-longer-than-an-interface-has-one");
	if (altname_remove_all(nl, nl_ifindex(nl, "v0"), &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	sh("! ip link show dev v0 | grep altname");
	assert_int_equal(altname_remove_all(nl, nl_ifindex(nl, "v0"), &e), 0);
}

static void an_interface_that_is_gone_is_an_error(void **state)
{
	struct err e = {};

	assert_int_equal(altname_remove_all(*state, 4711, &e), -1);
	assert_int_equal(e.os, ENODEV);
	assert_string_equal(e.msg, "find interface 4711: No such device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_names_are_removed, connect_to_kernel,
						conversation_end),
		cmocka_unit_test_setup_teardown(an_interface_that_is_gone_is_an_error,
						connect_to_kernel, conversation_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
