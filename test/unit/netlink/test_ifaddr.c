// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/if_addr.h>
#include <stdio.h>
#include <string.h>

#include "addresses.h"
#include "netlink/conversation.h"
#include "netlink/ifaddr.h"
#include "sandbox.h"
#include "test.h"

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_ROUTE, "ip link add br0 up type bridge");
}

static int add(struct nl *nl, const char *text, enum ifaddr_how how, struct err *e)
{
	struct prefix p = prefix_of(text);
	struct nl_msg m = {};

	ifaddr_add(&m, nl_ifindex(nl, "br0"), &p, how);
	return nl_call(nl, &m, e);
}

static int del(struct nl *nl, const char *text, struct err *e)
{
	struct prefix p = prefix_of(text);
	struct nl_msg m = {};

	ifaddr_del(&m, nl_ifindex(nl, "br0"), &p);
	return nl_call(nl, &m, e);
}

struct seen {
	char text[500];
	uint32_t flags;
	int n, stop_at;
};

static int note(const struct iface_addr *addr, void *ctx, struct err *e)
{
	struct seen *seen = ctx;
	size_t n = strlen(seen->text);
	char text[PREFIX_TEXT];

	if (ip_is_link_local(&addr->prefix.ip)) // the kernel's own
		return 0;
	(void)snprintf(seen->text + n, sizeof(seen->text) - n, "%s ",
		       prefix_format(&addr->prefix, text));
	seen->flags = addr->flags;
	return ++seen->n == seen->stop_at ? err_set(e, ERR_CONFIG, "enough") : 0;
}

static struct seen list(struct nl *nl, const char *ifname, int family)
{
	struct seen seen = {};
	struct err e = {};

	assert_int_equal(
		ifaddr_each(nl, ifname ? nl_ifindex(nl, ifname) : 0, family, note, &seen, &e), 0);
	return seen;
}

static void addresses_come_back_with_their_length(void **state)
{
	static const char *const rows[] = {
		"10.1.0.1/16", "10.2.0.1/24", "10.3.0.1/31",
		"10.4.0.1/32", "fd00::1/64",  "fd01::1/128",
	};
	struct nl *nl = *state;
	struct err e = {};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(add(nl, rows[i], IFADDR_NODAD, &e), 0);
	assert_string_equal(list(nl, "br0", AF_INET).text,
			    "10.1.0.1/16 10.2.0.1/24 10.3.0.1/31 10.4.0.1/32 ");
	assert_int_equal(list(nl, "br0", AF_INET6).n, 2);
	assert_int_equal(list(nl, "br0", 0).n, 6);
	assert_string_equal(list(nl, "lo", 0).text, "127.0.0.1/8 ::1/128 ");
	assert_int_equal(list(nl, NULL, 0).n, 8);
}

static void the_broadcast_address_is_set_where_there_is_one(void **state)
{
	struct err e = {};

	assert_int_equal(add(*state, "10.1.0.1/16", IFADDR_DAD, &e), 0);
	assert_int_equal(add(*state, "10.3.0.1/31", IFADDR_DAD, &e), 0);
	assert_int_equal(add(*state, "10.4.0.1/32", IFADDR_DAD, &e), 0);
	sh("ip -o addr show br0 | grep -q '10.1.0.1/16 brd 10.1.255.255 '");
	assert_int_equal(sh_status("ip -o addr show br0 | grep '10.[34].0.1/3.*brd'"), 1);
}

static void an_ipv6_address_skips_detection_of_duplicates_if_told_so(void **state)
{
	struct err e = {};

	assert_int_equal(add(*state, "fd00::1/64", IFADDR_NODAD, &e), 0);
	assert_true(list(*state, "br0", AF_INET6).flags & IFA_F_NODAD);
	assert_false(list(*state, "br0", AF_INET6).flags & IFA_F_TENTATIVE);
	assert_int_equal(del(*state, "fd00::1/64", &e), 0);
	assert_int_equal(add(*state, "fd00::2/64", IFADDR_DAD, &e), 0);
	assert_false(list(*state, "br0", AF_INET6).flags & IFA_F_NODAD);
}

static void an_address_without_the_route_to_its_subnet(void **state)
{
	struct err e = {};

	assert_int_equal(add(*state, "10.1.0.1/16", IFADDR_NODAD | IFADDR_NO_ROUTE, &e), 0);
	assert_int_equal(add(*state, "fd00::1/64", IFADDR_NODAD | IFADDR_NO_ROUTE, &e), 0);
	assert_true(list(*state, "br0", AF_INET6).flags & IFA_F_NODAD);
	assert_string_equal(sh_output("ip route show dev br0"), "");
	assert_int_equal(sh_status("ip -6 route show dev br0 | grep ^fd00:"), 1);
	assert_int_equal(add(*state, "10.2.0.1/16", IFADDR_NODAD, &e), 0);
	sh("ip route show dev br0 | grep -q '^10.2.0.0/16 '");
}

static void an_address_is_added_once(void **state)
{
	struct err e = {};

	assert_int_equal(add(*state, "10.1.0.1/16", IFADDR_DAD, &e), 0);
	assert_int_equal(add(*state, "10.1.0.1/16", IFADDR_DAD, &e), -1);
	assert_int_equal(e.os, EEXIST);
	assert_string_equal(e.msg, "add address 10.1.0.1/16: File exists");
	assert_int_equal(list(*state, "br0", AF_INET).n, 1);
}

static void an_address_is_deleted_once(void **state)
{
	struct err e = {};

	assert_int_equal(add(*state, "10.1.0.1/16", IFADDR_DAD, &e), 0);
	assert_int_equal(add(*state, "fd00::1/64", IFADDR_NODAD, &e), 0);
	assert_int_equal(del(*state, "10.1.0.1/16", &e), 0);
	assert_int_equal(del(*state, "fd00::1/64", &e), 0);
	assert_int_equal(list(*state, "br0", 0).n, 0);
	assert_int_equal(del(*state, "10.1.0.1/16", &e), -1);
	assert_int_equal(e.os, EADDRNOTAVAIL);
	assert_string_equal(e.msg, "delete address 10.1.0.1/16: Cannot assign requested address");
}

static void the_own_end_of_a_point_to_point_address_is_reported(void **state)
{
	sh("ip addr add 10.5.0.1 peer 10.6.0.1/32 dev br0");
	assert_string_equal(list(*state, "br0", AF_INET).text, "10.5.0.1/32 ");
}

static void a_reader_may_stop(void **state)
{
	struct seen seen = {.stop_at = 1};
	struct err e = {};

	assert_int_equal(ifaddr_each(*state, 0, 0, note, &seen, &e), -1);
	assert_string_equal(e.msg, "enough");
	assert_int_equal(seen.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define conversation(test)                                                                         \
	cmocka_unit_test_setup_teardown(test, connect_to_kernel, conversation_end)
		conversation(addresses_come_back_with_their_length),
		conversation(the_broadcast_address_is_set_where_there_is_one),
		conversation(an_ipv6_address_skips_detection_of_duplicates_if_told_so),
		conversation(an_address_without_the_route_to_its_subnet),
		conversation(an_address_is_added_once),
		conversation(an_address_is_deleted_once),
		conversation(the_own_end_of_a_point_to_point_address_is_reported),
		conversation(a_reader_may_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
