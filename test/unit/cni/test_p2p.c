// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "addresses.h"
#include "calls.h"
#include "cni/p2p.h"
#include "sandbox.h"
#include "test.h"

static const struct mac M5 = {{2, 0, 0, 0, 0, 5}};

/** A node with the pair v0 and a call whose result has two addresses with one gateway each. */
struct connected {
	struct test_call c;
	struct nl *nl;
	struct link host;
	struct cni_ip ips[3];
	struct cni_result r;
};

static void connected_done(struct connected *x)
{
	nl_closep(&x->nl);
	test_call_done(&x->c);
}

static void init(struct connected *x)
{
	static const char *const rows[][2] = {{"10.1.0.5/24", "10.1.0.1"},
					      {"10.1.0.6/24", "10.1.0.1"},
					      {"fd00::5/128", "fe80::1"}};
	struct err e = {};

	test_call_init(&x->c, "{'name': 'net'}");
	sh("ip link add v0 type veth peer name v1");
	x->nl = nl_open(NETLINK_ROUTE, &e);
	assert_int_equal(link_get(x->nl, "v0", &x->host, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		x->ips[i] = (struct cni_ip){prefix_of(rows[i][0]), ip_of(rows[i][1]), -1};
	x->r = (struct cni_result){.ips = x->ips, .n_ips = ARRAY_SIZE(x->ips)};
	x->c.call.prev = &x->r;
}

#define CONNECTED(name)                                                                            \
	_cleanup_(connected_done) struct connected name = {};                                      \
	init(&name)

static void connect_host(struct connected *x)
{
	struct err e = {};

	if (p2p_connect(x->nl, &x->host, &x->r, &M5, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

static void the_nodes_side_is_complete(void **state)
{
	struct err e = {};
	CONNECTED(x);

	(void)state;
	connect_host(&x);
	assert_string_equal(sh_output("ip -4 -o addr show dev v0 | awk '{ print $4 }' | xargs"),
			    "10.1.0.1/32\n");
	sh("ip -6 -o addr show dev v0 | grep -q 'fe80::1/128'");
	assert_string_equal(sh_output("ip route show dev v0 | awk '{ print $1 }' | xargs"),
			    "10.1.0.5 10.1.0.6\n");
	sh("ip -6 route show dev v0 | grep -q '^fd00::5 '");
	assert_string_equal(sh_output("ip neigh show dev v0 nud permanent | "
				      "grep -c 'lladdr 02:00:00:00:00:05'"),
			    "3\n");
	assert_string_equal(sh_output("cat /proc/sys/net/ipv6/conf/v0/accept_ra"), "0\n");
	assert_int_equal(p2p_check(&x.c.call, x.nl, &x.host, &M5, &e), 0);
}

static void who_has_an_address_already_is_named(void **state)
{
	struct err e = {};
	CONNECTED(x);

	(void)state;
	assert_int_equal(p2p_refuse_taken(x.nl, &x.r, 0, &e), 0);
	sh("ip link add br0 up type bridge && ip link set br0 alias 'edgeway net/c2/eth0' && "
	   "ip -6 route add fd00::5 dev br0");
	assert_int_equal(p2p_refuse_taken(x.nl, &x.r, 0, &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	assert_string_equal(e.msg, "a route to fd00::5 exists already, by interface br0");
	assert_string_equal(e.details, "br0 is edgeway net/c2/eth0");
	assert_int_equal(p2p_refuse_taken(x.nl, &x.r, nl_ifindex(x.nl, "br0"), &e), 0);
	assert_int_equal(p2p_connect(x.nl, &x.host, &x.r, &M5, &e), -1); // as when it comes late
	assert_int_equal(e.code, ERR_EXISTS);
	sh("ip route flush dev v0 && ip addr add 10.1.0.6/32 dev br0");
	assert_int_equal(p2p_refuse_taken(x.nl, &x.r, 0, &e), -1);
	assert_string_equal(e.msg, "address 10.1.0.6 is the node's own, on interface br0");
}

static void check_names_what_is_missing(void **state)
{
	static const struct {
		const char *damage, *says;
	} rows[] = {
		{"ip addr del 10.1.0.1/32 dev v0", "gateway address 10.1.0.1 is missing on v0"},
		{"ip route del 10.1.0.6", "route 10.1.0.6/32 by v0 is missing"},
		{"ip neigh del fd00::5 dev v0", "v0: neighbour fd00::5 is missing"},
	};
	struct err e = {};
	CONNECTED(x);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		sh("ip addr flush dev v0; ip route flush dev v0; ip -6 route flush dev v0");
		connect_host(&x);
		sh("%s", rows[i].damage);
		assert_int_equal(p2p_check(&x.c.call, x.nl, &x.host, &M5, &e), -1);
		assert_int_equal(e.code, ERR_MISMATCH);
		assert_string_equal(e.msg, rows[i].says);
	}
}

static void forwarding_is_switched_on_for_the_families_there_are(void **state)
{
	struct err e = {};
	CONNECTED(x);

	(void)state;
	x.r.n_ips = 2;
	assert_int_equal(p2p_ensure_forwarding(&x.r, &e), 0);
	assert_string_equal(sh_output("cat /proc/sys/net/ipv4/ip_forward "
				      "/proc/sys/net/ipv6/conf/all/forwarding"),
			    "1\n0\n");
	x.r.n_ips = 3;
	assert_int_equal(p2p_ensure_forwarding(&x.r, &e), 0);
	assert_string_equal(sh_output("cat /proc/sys/net/ipv6/conf/all/forwarding"), "1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(the_nodes_side_is_complete),
		on_a_node(who_has_an_address_already_is_named),
		on_a_node(check_names_what_is_missing),
		on_a_node(forwarding_is_switched_on_for_the_families_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
