// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "addresses.h"
#include "netlink/conversation.h"
#include "netlink/route.h"
#include "sandbox.h"
#include "test.h"

static int connect_to_kernel(void **state)
{
	return conversation_begin(
		state, NETLINK_ROUTE,
		"ip link add br0 up type bridge && ip link add br1 up type bridge && "
		"ip addr add 10.1.0.2/16 dev br0 && "
		"ip addr add fd00::2/64 dev br0 nodad");
}

/** A route by br0 as a user writes it; the gateway may be NULL. */
static struct route route(struct nl *nl, const char *dst, const char *gw)
{
	struct route r = {.dst = prefix_of(dst), .oif = nl_ifindex(nl, "br0"), .scope = -1};

	if (gw)
		r.gw = ip_of(gw);
	return r;
}

static int add(struct nl *nl, const struct route *r, struct err *e)
{
	struct nl_msg m = {};

	route_add(&m, r);
	return nl_call(nl, &m, e);
}

struct search {
	const struct route *want;
	struct route found;
	int n, seen;
};

static int match(const struct route *r, void *ctx, struct err *e)
{
	struct search *s = ctx;
	struct ipaddr net = prefix_first(&s->want->dst);

	(void)e;
	s->seen++;
	if (r->dst.len == s->want->dst.len && !ip_cmp(&r->dst.ip, &net)) {
		s->found = *r;
		s->n++;
	}
	return 0;
}

static struct route find(struct nl *nl, const struct route *want)
{
	struct search s = {.want = want};
	struct err e = {};

	assert_int_equal(route_each(nl, want->oif, want->dst.ip.family, match, &s, &e), 0);
	assert_int_equal(s.n, 1);
	return s.found;
}

static void a_route_comes_back_as_it_was_added(void **state)
{
	static const struct {
		const char *dst, *gw;
		int scope;
	} rows[] = {
		{"0.0.0.0/0", "10.1.0.1", RT_SCOPE_UNIVERSE},
		{"192.0.2.0/24", "10.1.0.1", RT_SCOPE_UNIVERSE},
		{"192.0.2.129/32", "10.1.0.1", RT_SCOPE_UNIVERSE},
		{"198.51.100.0/24", NULL, RT_SCOPE_LINK},
		{"::/0", "fd00::1", RT_SCOPE_UNIVERSE},
		{"2001:db8::/32", "fd00::1", RT_SCOPE_UNIVERSE},
		{"2001:db9::/32", NULL, RT_SCOPE_UNIVERSE},
	};
	struct nl *nl = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct route r = route(nl, rows[i].dst, rows[i].gw), back;
		struct err e = {};

		if (add(nl, &r, &e) < 0)
			fail_msg("%s: %s (%s)", rows[i].dst, e.msg, e.details);
		back = find(nl, &r);
		assert_int_equal(back.gw.family, r.gw.family);
		if (r.gw.family)
			assert_int_equal(ip_cmp(&back.gw, &r.gw), 0);
		assert_int_equal(back.scope, rows[i].scope);
		assert_int_equal(back.table, RT_TABLE_MAIN);
		assert_int_equal(back.oif, r.oif);
	}
}

static void priority_table_scope_mtu_and_advmss_are_kept(void **state)
{
	struct nl *nl = *state;
	struct route r = route(nl, "192.0.2.0/24", "10.1.0.1"), six, back;
	struct err e = {};

	r.priority = 77;
	r.table = 1000; // above what the header's byte can hold
	r.mtu = 1300;
	r.advmss = 1200;
	assert_int_equal(add(nl, &r, &e), 0);
	back = find(nl, &r);
	assert_int_equal(back.priority, 77);
	assert_int_equal(back.table, 1000);
	assert_int_equal(back.mtu, 1300);
	assert_int_equal(back.advmss, 1200);
	sh("ip route show table 1000 | grep -q "
	   "'192.0.2.0/24 via 10.1.0.1 dev br0 .*metric 77 mtu 1300 advmss 1200'");

	r = route(nl, "203.0.113.0/24", NULL);
	r.scope = RT_SCOPE_HOST;
	r.table = 100;
	r.mtu = 1280;
	assert_int_equal(add(nl, &r, &e), 0);
	assert_int_equal(find(nl, &r).scope, RT_SCOPE_HOST);
	assert_int_equal(find(nl, &r).mtu, 1280);
	assert_int_equal(find(nl, &r).advmss, 0);

	six = route(nl, "2001:db8::/32", "fd00::1");
	six.priority = 5;
	six.mtu = 1400;
	assert_int_equal(add(nl, &six, &e), 0);
	assert_int_equal(find(nl, &six).priority, 5);
	assert_int_equal(find(nl, &six).mtu, 1400);
}

static void host_bits_of_the_destination_are_cleared(void **state)
{
	struct nl *nl = *state;
	struct route r = route(nl, "192.0.2.77/24", "10.1.0.1");
	struct err e = {};

	assert_int_equal(add(nl, &r, &e), 0);
	sh("ip route show | grep -q '^192.0.2.0/24 via 10.1.0.1 '");
}

static void the_kernels_words_explain_a_refused_route(void **state)
{
	struct route r = route(*state, "192.0.2.0/24", "10.99.0.1");
	struct err e = {};

	assert_int_equal(add(*state, &r, &e), -1);
	assert_int_equal(e.os, ENETUNREACH);
	assert_string_equal(e.msg, "add route 192.0.2.0/24 via 10.99.0.1: Network is unreachable");
	assert_string_equal(e.details, "kernel: Nexthop has invalid gateway");
}

static void the_same_route_twice_is_eexist(void **state)
{
	struct nl *nl = *state;
	struct route r = route(nl, "192.0.2.0/24", "10.1.0.1");
	struct err e = {};

	assert_int_equal(add(nl, &r, &e), 0);
	assert_int_equal(add(nl, &r, &e), -1);
	assert_int_equal(e.os, EEXIST);
}

static void the_source_address_and_a_gateway_off_the_link_are_kept(void **state)
{
	struct nl *nl = *state;
	struct route r = route(nl, "192.0.2.0/24", "10.99.0.1"), back;
	struct err e = {};

	r.onlink = true;
	r.src = ip_of("10.1.0.2");
	assert_int_equal(add(nl, &r, &e), 0);
	back = find(nl, &r);
	assert_true(back.onlink);
	assert_int_equal(ip_cmp(&back.src, &r.src), 0);
	sh("ip route show | grep -q '^192.0.2.0/24 via 10.99.0.1 dev br0 src 10.1.0.2 onlink'");
}

static void a_sole_route_suffers_no_other_to_its_destination(void **state)
{
	static const char *const rows[] = {"192.0.2.1/32", "2001:db8::1/128"};
	struct nl *nl = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct route r = route(nl, rows[i], NULL), other = r;
		struct nl_msg m = {};
		struct err e = {};

		other.oif = nl_ifindex(nl, "br1");
		assert_int_equal(add(nl, &other, &e), 0);
		route_add_sole(&m, &r);
		assert_int_equal(nl_call(nl, &m, &e), -1);
		assert_int_equal(e.os, EEXIST);
		assert_int_equal(add(nl, &r, &e), 0); // the usual way they are two
	}
}

static void the_route_to_an_address_says_how_far_it_reaches(void **state)
{
	static const struct {
		const char *to, *ifname;
		int len;
		bool local;
	} rows[] = {
		{"10.1.0.9", "br0", 16, false},     {"10.1.0.77", "br1", 32, false},
		{"10.1.0.2", "br0", 32, true},      {"fd00::9", "br0", 64, false},
		{"2001:db8::1", "br1", 128, false}, {"fd00::2", "br0", 128, true},
	};
	struct nl *nl = *state;

	sh("ip route add 10.1.0.77 dev br1 && ip -6 route add 2001:db8::1 dev br1");
	// The kernel makes the local route of an IPv6 address a little later than the address.
	for (int i = 0; i < 200 && sh_status("ip -6 route show table local | grep -q fd00::2"); i++)
		sh("sleep 0.01");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ipaddr ip = ip_of(rows[i].to);
		struct route found;
		struct err e = {};

		assert_int_equal(route_to(nl, &ip, &found, &e), 0);
		assert_int_equal(found.oif, nl_ifindex(nl, rows[i].ifname));
		assert_int_equal(found.dst.len, rows[i].len);
		assert_int_equal(found.local, rows[i].local);
	}
}

static void no_route_to_an_address_is_no_error(void **state)
{
	static const char *const rows[] = {"203.0.113.1", "192.0.2.1", "2001:db8::1"};

	sh("ip route add blackhole 192.0.2.0/24");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct route found = {.oif = 7};
		struct ipaddr ip = ip_of(rows[i]);
		struct err e = {};

		assert_int_equal(route_to(*state, &ip, &found, &e), 0);
		assert_int_equal(found.oif, 0);
	}
}

static void only_unicast_routes_of_the_interface_are_listed(void **state)
{
	struct route connected = route(*state, "10.1.0.0/16", NULL);
	struct search s = {.want = &connected}, other = {.want = &connected};
	struct err e = {};

	sh("ip addr add 10.2.0.2/16 dev br1 && ip route add 10.1.0.0/24 dev br1 && "
	   "ip route add blackhole 192.0.2.0/24 && ip route add 198.51.100.0/24 via 10.1.9.1");
	assert_int_equal(route_each(*state, connected.oif, AF_INET, match, &s, &e), 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.seen, 2); // neither the local and broadcast ones nor those of br1
	assert_int_equal(route_each(*state, nl_ifindex(*state, "br1"), AF_INET, match, &other, &e),
			 0);
	assert_int_equal(other.n, 0);
	assert_int_equal(other.seen, 2);
}

/** The names of the interfaces by which the default routes leave, each with a space behind it. */
static const char *defaults(struct nl *nl)
{
	static char names[ROUTE_DEFAULTS * IFNAMSIZ];
	int oifs[ROUTE_DEFAULTS];
	struct err e = {};
	size_t n = 99;

	names[0] = '\0';
	assert_int_equal(route_defaults(nl, oifs, &n, &e), 0);
	for (size_t i = 0; i < n; i++) {
		char name[IFNAMSIZ];

		assert_non_null(if_indextoname((unsigned int)oifs[i], name));
		strcat(strcat(names, name), " ");
	}
	return names;
}

static void the_default_routes_are_those_in_use(void **state)
{
	struct nl *nl = *state;

	sh("ip addr add 10.2.0.2/16 dev br1 && ip route add 192.0.2.0/24 via 10.1.0.1 && "
	   "ip route add blackhole 0.0.0.0/8 metric 9 table 77");
	assert_string_equal(defaults(nl), "");
	sh("ip route add default via 10.1.0.1 metric 100 && "
	   "ip route add default via 10.2.0.1 metric 200");
	assert_string_equal(defaults(nl), "br0 ");
	sh("ip -6 route add default via fd00::1");
	assert_string_equal(defaults(nl), "br0 "); // each once
	sh("ip route del default via 10.1.0.1");
	assert_string_equal(defaults(nl), "br1 br0 ");
	sh("ip -6 route del default && ip route replace default metric 200 "
	   "nexthop via 10.1.0.1 nexthop via 10.2.0.1");
	assert_string_equal(defaults(nl), "br0 br1 ");
	sh("ip route replace blackhole default metric 1 && ip route del default metric 200");
	assert_string_equal(defaults(nl), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define conversation(test)                                                                         \
	cmocka_unit_test_setup_teardown(test, connect_to_kernel, conversation_end)
		conversation(a_route_comes_back_as_it_was_added),
		conversation(priority_table_scope_mtu_and_advmss_are_kept),
		conversation(host_bits_of_the_destination_are_cleared),
		conversation(the_kernels_words_explain_a_refused_route),
		conversation(the_same_route_twice_is_eexist),
		conversation(the_source_address_and_a_gateway_off_the_link_are_kept),
		conversation(a_sole_route_suffers_no_other_to_its_destination),
		conversation(the_route_to_an_address_says_how_far_it_reaches),
		conversation(no_route_to_an_address_is_no_error),
		conversation(the_default_routes_are_those_in_use),
		conversation(only_unicast_routes_of_the_interface_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
