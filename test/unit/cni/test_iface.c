// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "cni/iface.h"
#include "sandbox.h"
#include "test.h"

/** A call for a pod with an interface eth0, and the result it is to be configured by. */
struct attached {
	struct test_call c;
	struct cni_result r;
	json_t *doc;
};

static void attached_done(struct attached *a)
{
	fd_closep(&a->c.call.netns_fd);
	json_decref(a->doc);
	test_call_done(&a->c);
}

#define ATTACHED(name, json)                                                                       \
	_cleanup_(attached_done) struct attached name = {};                                        \
	attach(&name, json)

static void attach(struct attached *a, const char *json)
{
	struct err e = {};

	test_call_init(&a->c, "{'name': 'net'}");
	sh("ip netns add red && ip link add veth0 up type veth peer name eth0 address "
	   "02:00:00:00:00:05 netns red");
	a->c.call.netns = "/run/netns/red";
	a->c.call.netns_fd = open(a->c.call.netns, O_RDONLY | O_CLOEXEC);
	a->doc = json_of(json);
	if (cni_result_read(&a->r, a->doc, "result", CNI_1_1_0, &a->c.arena, &e) < 0)
		fail_msg("%s", e.msg);
	a->c.call.prev = &a->r;
}

static void addresses_and_routes_go_to_the_interface(void **state)
{
	ATTACHED(a, "{'ips': [{'address': '10.1.0.5/16', 'gateway': '10.1.0.1'}, {'address': "
		    "'fd00::5/64', 'gateway': 'fd00::1'}], 'routes': [{'dst': '0.0.0.0/0'}, "
		    "{'dst': '::/0'}, {'dst': '192.0.2.0/24', 'gw': '10.1.0.9', 'mtu': 1300, "
		    "'advmss': 1200, 'priority': 7, 'table': 100}]}");
	struct err e = {};

	(void)state;
	if (iface_configure(&a.c.call, &a.r, IFACE_NODAD, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	sh("ip -n red -o link show eth0 | grep -q ',UP'");
	sh("ip -n red -o addr show eth0 | grep -q '10.1.0.5/16 brd 10.1.255.255'");
	sh("ip -n red -o -6 addr show eth0 | grep 'fd00::5/64' | grep -q nodad");
	assert_int_equal(sh_status("ip -n red -6 addr show | grep -q tentative"), 1);
	sh("ip -n red route show | grep -q '^default via 10.1.0.1 dev eth0'");
	sh("ip -n red -6 route show | grep -q '^default via fd00::1 dev eth0'");
	sh("ip -n red route show table 100 | grep -q '^192.0.2.0/24 via 10.1.0.9 .*metric 7 mtu "
	   "1300 advmss 1200'");
	sh("ip netns exec red cat /proc/sys/net/ipv4/conf/eth0/arp_notify | grep -qx 1");
	sh("ip netns exec red cat /proc/sys/net/ipv6/conf/eth0/accept_dad | grep -qx 0");
	sh("ip netns exec red cat /proc/sys/net/ipv6/conf/eth0/keep_addr_on_down | grep -qx 1");
	assert_int_equal(iface_check(&a.c.call, true, &e), 0);
}

static void without_a_gateway_a_route_is_on_the_link(void **state)
{
	ATTACHED(a, "{'ips': [{'address': '10.1.0.5/16'}], 'routes': [{'dst': '0.0.0.0/0'}, "
		    "{'dst': '198.51.100.0/24', 'scope': 254}]}");
	struct err e = {};

	(void)state;
	assert_int_equal(iface_configure(&a.c.call, &a.r, IFACE_NODAD, &e), 0);
	sh("ip -n red route show | grep -q '^default dev eth0 scope link'");
	sh("ip -n red route show | grep -q '^198.51.100.0/24 dev eth0 scope host'");
	assert_int_equal(iface_check(&a.c.call, true, &e), 0);
}

static void ipv6_is_switched_on_where_it_is_needed(void **state)
{
	ATTACHED(a, "{'ips': [{'address': 'fd00::5/64'}]}");
	struct err e = {};

	(void)state;
	sh("ip netns exec red sysctl -qw net.ipv6.conf.all.disable_ipv6=1");
	if (iface_configure(&a.c.call, &a.r, IFACE_NODAD, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	sh("ip -n red -o -6 addr show eth0 | grep -q 'fd00::5/64'");
}

static void ipv6_stays_off_where_it_is_not(void **state)
{
	ATTACHED(a, "{'ips': [{'address': '10.1.0.5/16'}]}");
	struct err e = {};

	(void)state;
	sh("ip netns exec red sysctl -qw net.ipv6.conf.all.disable_ipv6=1");
	assert_int_equal(iface_configure(&a.c.call, &a.r, IFACE_NODAD, &e), 0);
	sh("ip netns exec red cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6 | grep -qx 1");
}

static void with_detection_of_duplicates_the_address_is_settled_on_return(void **state)
{
	ATTACHED(a, "{'ips': [{'address': 'fd00::5/64'}]}");
	struct err e = {};

	(void)state;
	assert_int_equal(iface_configure(&a.c.call, &a.r, IFACE_DAD, &e), 0);
	assert_int_equal(sh_status("ip -n red -6 addr show dev eth0 | grep -q tentative"), 1);
	sh("ip netns exec red cat /proc/sys/net/ipv6/conf/eth0/accept_dad | grep -qx 1");
}

static void a_duplicate_address_is_an_error(void **state)
{
	ATTACHED(a, "{'ips': [{'address': 'fd00::5/64'}]}");
	struct err e = {};

	(void)state;
	sh("ip addr add fd00::5/64 dev veth0 nodad");
	assert_int_equal(iface_configure(&a.c.call, &a.r, IFACE_DAD, &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	assert_string_equal(e.msg, "configure eth0 in the container: address fd00::5/64 is in use "
				   "by another host");
}

static void what_the_kernel_refuses_is_named(void **state)
{
	ATTACHED(a, "{'ips': [{'address': '10.1.0.5/16'}], 'routes': [{'dst': '192.0.2.0/24', "
		    "'gw': '10.99.0.1'}]}");
	struct err e = {};

	(void)state;
	assert_int_equal(iface_configure(&a.c.call, &a.r, IFACE_NODAD, &e), -1);
	assert_string_equal(e.msg, "configure eth0 in the container: add route 192.0.2.0/24 via "
				   "10.99.0.1: Network is unreachable");
	assert_string_equal(e.details, "kernel: Nexthop has invalid gateway");
}

static void an_interface_that_is_not_there_is_named(void **state)
{
	ATTACHED(a, "{'ips': [{'address': '10.1.0.5/16'}]}");
	struct err e = {};

	(void)state;
	a.c.call.at.ifname = "eth7";
	assert_int_equal(iface_configure(&a.c.call, &a.r, IFACE_NODAD, &e), -1);
	assert_non_null(strstr(e.msg, "configure eth7 in the container: "));
	assert_int_equal(iface_check(&a.c.call, false, &e), -1);
	assert_int_equal(e.code, ERR_MISMATCH);
	assert_string_equal(e.msg, "eth7 is missing in the container");
}

static void an_interface_is_brought_up_and_nothing_else(void **state)
{
	ATTACHED(a, "{}");
	struct err e = {};

	(void)state;
	assert_int_equal(iface_check(&a.c.call, false, &e), 0);
	assert_int_equal(iface_check(&a.c.call, true, &e), -1);
	assert_string_equal(e.msg, "eth0 in the container is down");
	assert_int_equal(iface_set_up(&a.c.call, &e), 0);
	assert_int_equal(iface_check(&a.c.call, true, &e), 0);
	assert_string_equal(sh_output("ip -n red -4 addr show dev eth0"), "");
}

static void check_names_every_difference(void **state)
{
	static const struct {
		const char *change, *msg;
	} rows[] = {
		{"ip -n red link set eth0 address 02:00:00:00:00:99",
		 "eth0 in the container has MAC address 02:00:00:00:00:99, not "
		 "02:00:00:00:00:05"},
		{"ip -n red link set eth0 address 02:00:00:00:00:05 && "
		 "ip -n red route del default",
		 "route 0.0.0.0/0 by eth0 is missing"},
		{"ip -n red route add default via 10.1.0.9", "route 0.0.0.0/0 by eth0 is missing"},
		{"ip -n red addr del 10.1.0.5/16 dev eth0 && "
		 "ip -n red addr add 10.1.0.5/24 dev eth0",
		 "address 10.1.0.5/16 is missing on eth0"},
		{"ip -n red link set eth0 down", "eth0 in the container is down"},
	};
	ATTACHED(a, "{'interfaces': [{'name': 'eth0', 'mac': '02:00:00:00:00:05', 'sandbox': "
		    "'/run/netns/red'}, {'name': 'veth0'}], 'ips': [{'address': '10.1.0.5/16', "
		    "'gateway': '10.1.0.1', 'interface': 0}, {'address': '10.9.9.9/16', "
		    "'interface': 1}], 'routes': [{'dst': '0.0.0.0/0'}]}");
	struct cni_result first = a.r;
	struct err e = {};

	(void)state;
	first.n_ips = 1;
	assert_int_equal(iface_configure(&a.c.call, &first, IFACE_NODAD, &e), 0);
	assert_int_equal(iface_check(&a.c.call, true, &e), 0); // the node's address is not its own
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		sh("%s", rows[i].change);
		assert_int_equal(iface_check(&a.c.call, true, &e), -1);
		assert_int_equal(e.code, ERR_MISMATCH);
		assert_string_equal(e.msg, rows[i].msg);
	}
}

static const struct mac peer = {{2, 0, 0, 0, 0, 1}};

static void on_a_point_to_point_link_everything_goes_through_the_gateway(void **state)
{
	ATTACHED(a, "{'interfaces': [{'name': 'eth0', 'sandbox': '/run/netns/red'}], 'ips': "
		    "[{'address': '10.1.0.5/16', 'gateway': '10.1.0.1', 'interface': 0}, "
		    "{'address': '10.1.0.6/16', 'gateway': '10.1.0.1', 'interface': 0}, "
		    "{'address': '10.2.0.5/32', 'gateway': '10.1.0.1', 'interface': 0}, "
		    "{'address': 'fd00::5/64', 'gateway': 'fd00::1', 'interface': 0}, "
		    "{'address': 'fd00::6/64', 'gateway': 'fd00::1', 'interface': 0}], "
		    "'routes': [{'dst': '0.0.0.0/0'}, {'dst': '192.0.2.0/24', 'gw': "
		    "'10.1.0.9'}]}");
	struct err e = {};
	struct mac mac;

	(void)state;
	if (iface_configure_p2p(&a.c.call, &a.r, &peer, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	assert_string_equal(sh_output("ip -n red route show | sed 's/ *$//' | sort"),
			    "10.1.0.0/16 via 10.1.0.1 dev eth0 src 10.1.0.5\n"
			    "10.1.0.1 dev eth0 scope link src 10.1.0.5\n"
			    "192.0.2.0/24 via 10.1.0.9 dev eth0 onlink\n"
			    "default via 10.1.0.1 dev eth0\n");
	assert_string_equal(sh_output("ip -n red -6 route show | grep ^fd00: | cut -d' ' -f1-7"),
			    "fd00::1 dev eth0 src fd00::5 metric 1024\n"
			    "fd00::/64 via fd00::1 dev eth0 src fd00::5\n");
	sh("ip -n red neigh show | grep -q '^10.1.0.1 .*02:00:00:00:00:01 PERMANENT'");
	sh("ip -n red neigh show | grep -q '^fd00::1 .*02:00:00:00:00:01 PERMANENT'");
	assert_int_equal(iface_check_p2p(&a.c.call, &peer, &mac, &e), 0);
	assert_int_equal(mac.bytes[5], 5);
}

static void routes_of_another_interface_are_not_shadowed(void **state)
{
	ATTACHED(a, "{'ips': [{'address': '10.1.0.5/16', 'gateway': '10.1.0.1'}]}");
	struct err e = {};

	(void)state;
	sh("ip -n red link add br1 up type bridge && ip -n red route add 10.1.0.1 dev br1");
	assert_int_equal(iface_configure_p2p(&a.c.call, &a.r, &peer, &e), -1);
	assert_string_equal(e.msg, "configure eth0 in the container: add route 10.1.0.1/32: File "
				   "exists");
}

static void check_names_what_a_point_to_point_link_lacks(void **state)
{
	static const struct {
		const char *change, *msg;
	} rows[] = {
		{"ip -n red neigh replace 10.1.0.1 lladdr 02:00:00:00:00:99 dev eth0",
		 "eth0 in the container: neighbour 10.1.0.1 has MAC address 02:00:00:00:00:99, not "
		 "02:00:00:00:00:01"},
		{"ip -n red neigh del 10.1.0.1 dev eth0",
		 "eth0 in the container: neighbour 10.1.0.1 is missing"},
		{"ip -n red route del 10.1.0.0/16",
		 "eth0 in the container: route 10.1.0.0/16 by eth0 is missing"},
		{"ip -n red route del 10.1.0.1",
		 "eth0 in the container: route 10.1.0.1/32 by eth0 is missing"},
		{"ip -n red link set eth0 down", "eth0 in the container is down"},
	};
	ATTACHED(a, "{'ips': [{'address': '10.1.0.5/16', 'gateway': '10.1.0.1'}]}");
	struct err e = {};
	struct mac mac;

	(void)state;
	assert_int_equal(iface_configure_p2p(&a.c.call, &a.r, &peer, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		sh("%s", rows[i].change);
		assert_int_equal(iface_check_p2p(&a.c.call, &peer, &mac, &e), -1);
		assert_int_equal(e.code, ERR_MISMATCH);
		assert_string_equal(e.msg, rows[i].msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(addresses_and_routes_go_to_the_interface),
		on_a_node(without_a_gateway_a_route_is_on_the_link),
		on_a_node(ipv6_is_switched_on_where_it_is_needed),
		on_a_node(ipv6_stays_off_where_it_is_not),
		on_a_node(with_detection_of_duplicates_the_address_is_settled_on_return),
		on_a_node(a_duplicate_address_is_an_error),
		on_a_node(what_the_kernel_refuses_is_named),
		on_a_node(an_interface_that_is_not_there_is_named),
		on_a_node(an_interface_is_brought_up_and_nothing_else),
		on_a_node(check_names_every_difference),
		on_a_node(on_a_point_to_point_link_everything_goes_through_the_gateway),
		on_a_node(routes_of_another_interface_are_not_shadowed),
		on_a_node(check_names_what_a_point_to_point_link_lacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
