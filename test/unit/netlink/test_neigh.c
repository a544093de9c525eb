// SPDX-License-Identifier: Apache-2.0
#include "addresses.h"
#include "netlink/conversation.h"
#include "netlink/neigh.h"
#include "sandbox.h"
#include "test.h"

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_ROUTE, "ip link add br0 up type bridge");
}

static int set(struct nl *nl, const char *ip_text, uint8_t last_byte, struct err *e)
{
	const struct mac mac = {{2, 0, 0, 0, 0, last_byte}};
	struct ipaddr ip = ip_of(ip_text);
	struct nl_msg m = {};

	neigh_set(&m, nl_ifindex(nl, "br0"), &ip, &mac);
	return nl_call(nl, &m, e);
}

static void a_neighbour_is_known_and_to_be_confirmed(void **state)
{
	struct err e = {};

	assert_int_equal(set(*state, "10.1.0.5", 5, &e), 0);
	assert_int_equal(set(*state, "fd00::5", 6, &e), 0);
	sh("ip neigh show dev br0 | grep -qx '10.1.0.5 lladdr 02:00:00:00:00:05 STALE *'");
	sh("ip neigh show dev br0 | grep -qx 'fd00::5 lladdr 02:00:00:00:00:06 STALE *'");
}

static void the_earlier_holder_of_an_address_is_forgotten(void **state)
{
	struct err e = {};

	sh("ip neigh add 10.1.0.5 lladdr 02:00:00:00:00:99 dev br0 nud reachable");
	assert_int_equal(set(*state, "10.1.0.5", 5, &e), 0);
	assert_string_equal(sh_output("ip neigh show dev br0 | tr -s ' '"),
			    "10.1.0.5 lladdr 02:00:00:00:00:05 STALE \n");
}

static int check(struct nl *nl, const char *ip_text, uint8_t last_byte, struct err *e)
{
	const struct mac mac = {{2, 0, 0, 0, 0, last_byte}};
	struct ipaddr ip = ip_of(ip_text);

	return neigh_check_permanent(nl, nl_ifindex(nl, "br0"), &ip, &mac, e);
}

static void a_permanent_neighbour_is_found_as_it_was_set(void **state)
{
	static const char *const rows[] = {"10.1.0.5", "fd00::5"};
	const struct mac mac = {{2, 0, 0, 0, 0, 5}};
	struct nl *nl = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nl_msg m = {};
		struct ipaddr ip = ip_of(rows[i]);
		struct err e = {};

		assert_int_equal(set(nl, rows[i], 9, &e), 0); // replaced by ours
		neigh_set_permanent(&m, nl_ifindex(nl, "br0"), &ip, &mac);
		assert_int_equal(nl_call(nl, &m, &e), 0);
		assert_int_equal(check(nl, rows[i], 5, &e), 0);
	}
	sh("ip neigh show dev br0 | grep -qx '10.1.0.5 lladdr 02:00:00:00:00:05 PERMANENT *'");
	sh("ip neigh show dev br0 | grep -qx 'fd00::5 lladdr 02:00:00:00:00:05 PERMANENT *'");
}

static void another_neighbour_is_a_mismatch(void **state)
{
	struct err e = {};

	assert_int_equal(check(*state, "10.1.0.5", 5, &e), -1);
	assert_int_equal(e.code, ERR_MISMATCH);
	assert_string_equal(e.msg, "neighbour 10.1.0.5 is missing");
	assert_int_equal(set(*state, "10.1.0.5", 5, &e), 0);
	assert_int_equal(check(*state, "10.1.0.5", 5, &e), -1);
	assert_string_equal(e.msg, "neighbour 10.1.0.5 is not permanent");
	sh("ip neigh replace 10.1.0.5 lladdr 02:00:00:00:00:99 dev br0");
	assert_int_equal(check(*state, "10.1.0.5", 5, &e), -1);
	assert_string_equal(e.msg, "neighbour 10.1.0.5 has MAC address 02:00:00:00:00:99, not "
				   "02:00:00:00:00:05");
	assert_int_equal(e.code, ERR_MISMATCH);
}

static void a_refusal_names_the_neighbour(void **state)
{
	const struct mac mac = {{2}};
	struct nl_msg m = {};
	struct err e = {};

	neigh_set(&m, 4711, &(struct ipaddr){.family = AF_INET, .bytes = {10, 1, 0, 5}}, &mac);
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_string_equal(e.msg, "set neighbour 10.1.0.5 on interface 4711: No such device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define conversation(test)                                                                         \
	cmocka_unit_test_setup_teardown(test, connect_to_kernel, conversation_end)
		conversation(a_neighbour_is_known_and_to_be_confirmed),
		conversation(the_earlier_holder_of_an_address_is_forgotten),
		conversation(a_permanent_neighbour_is_found_as_it_was_set),
		conversation(another_neighbour_is_a_mismatch),
		conversation(a_refusal_names_the_neighbour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
