// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "cni/veth.h"
#include "sandbox.h"
#include "test.h"

static const struct mac M5 = {{2, 0, 0, 0, 0, 5}};

/** A call for the pod red, on a node with the bridges br0 and br1. */
struct attached {
	struct test_call c;
	struct nl *nl;
	char name[IFNAMSIZ]; ///< of the node's end
};

static void attached_done(struct attached *a)
{
	nl_closep(&a->nl);
	fd_closep(&a->c.call.netns_fd);
	test_call_done(&a->c);
}

static void attach(struct attached *a)
{
	struct err e = {};

	test_call_init(&a->c, "{'name': 'net'}");
	sh("ip link add br0 up type bridge && ip link add br1 up type bridge");
	a->c.call.netns_fd = pod("red");
	a->nl = nl_open(NETLINK_ROUTE, &e);
	assert_non_null(a->nl);
	attachment_host_name(&a->c.call.at, a->name);
}

#define ATTACHED(name)                                                                             \
	_cleanup_(attached_done) struct attached name = {};                                        \
	attach(&name)

/** The pair as a port of br0, marked, with both ends up. */
static void make_pair(struct attached *a)
{
	const struct veth veth = {.master = nl_ifindex(a->nl, "br0"), .mac = M5};
	struct err e = {};
	int index = 0;

	if (veth_add(&a->c.call, a->nl, &veth, &index, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	assert_int_equal(index, nl_ifindex(a->nl, a->name));
	sh("ip link set %s up alias 'edgeway net/c1/eth0' && ip -n red link set eth0 up", a->name);
}

static int links_of_kind(const char *kind)
{
	return atoi(sh_output("ip -o link show type %s | wc -l", kind));
}

static void the_pair_is_made_in_both_namespaces_and_is_down(void **state)
{
	struct err e = {};
	struct link link = {};
	int index = 0;
	ATTACHED(a);
	const struct veth veth = {nl_ifindex(a.nl, "br0"), 1400, M5};

	(void)state;
	assert_int_equal(veth_add(&a.c.call, a.nl, &veth, &index, &e), 0);
	assert_int_equal(link_get_index(a.nl, index, &link, &e), 0);
	assert_string_equal(link.name, a.name);
	assert_string_equal(link.kind, "veth");
	assert_int_equal(link.master, veth.master);
	assert_int_equal(link.mtu, 1400);
	assert_false(link.flags & IFF_UP);
	assert_string_equal(link.alias, "edgeway net/c1/eth0");
	assert_memory_not_equal(link.mac.bytes, M5.bytes, sizeof(M5.bytes));
	sh("ip -n red -o link show eth0 | grep 'mtu 1400' | grep -q 02:00:00:00:00:05");
	assert_int_equal(sh_status("ip -n red -o link show eth0 | grep -q ',UP'"), 1);
}

static void without_a_bridge_and_mtu_it_has_none_and_the_kernels(void **state)
{
	struct err e = {};
	struct link link = {};
	int index = 0;
	ATTACHED(a);

	(void)state;
	assert_int_equal(veth_add(&a.c.call, a.nl, &(struct veth){.mac = M5}, &index, &e), 0);
	assert_int_equal(link_get_index(a.nl, index, &link, &e), 0);
	assert_int_equal(link.master, 0);
	assert_int_equal(link.mtu, 1500);
}

static void which_of_the_names_was_taken_is_said_and_nothing_made(void **state)
{
	const struct veth veth = {.mac = M5};
	struct err e = {};
	char msg[64];
	int index = -7;
	ATTACHED(a);

	(void)state;
	sh("ip -n red link add eth0 type bridge");
	assert_int_equal(veth_add(&a.c.call, a.nl, &veth, &index, &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	assert_string_equal(e.msg,
			    "container veth name (\"eth0\") already exists in the container");
	assert_int_equal(links_of_kind("veth"), 0);

	sh("ip -n red link del eth0 && ip link add %s type bridge", a.name);
	assert_int_equal(veth_add(&a.c.call, a.nl, &veth, &index, &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	(void)snprintf(msg, sizeof(msg), "%s exists already on the node", a.name);
	assert_string_equal(e.msg, msg);
	assert_string_equal(e.details, "left by an earlier ADD for this container: DEL removes it");
	assert_int_equal(index, -7);
	assert_int_equal(links_of_kind("veth"), 0);
	assert_int_equal(sh_status("ip -n red link show eth0 2>&1"), 1);
}

static void what_the_kernel_refuses_is_said_in_its_words(void **state)
{
	struct err e = {};
	int index;
	ATTACHED(a);

	(void)state;
	assert_int_equal(
		veth_add(&a.c.call, a.nl, &(struct veth){.master = 4711, .mac = M5}, &index, &e),
		-1);
	assert_int_equal(e.code, ERR_KERNEL);
	assert_int_equal(links_of_kind("veth"), 0);
}

static void one_waits_until_the_nodes_end_is_up(void **state)
{
	struct link host = {};
	struct err e = {};
	ATTACHED(a);

	(void)state;
	make_pair(&a);
	assert_int_equal(veth_wait_up(&a.c.call, a.nl, &host, &e), 0);
	assert_true(host.operational);
	assert_string_equal(host.name, a.name);
	assert_int_equal(host.mtu, 1500);
	sh("ip -o link show %s | grep -q '%02x:%02x:%02x:%02x:%02x:%02x'", a.name,
	   host.mac.bytes[0], host.mac.bytes[1], host.mac.bytes[2], host.mac.bytes[3],
	   host.mac.bytes[4], host.mac.bytes[5]);

	sh("ip -n red link set eth0 down");
	sh("(sleep 0.3; ip -n red link set eth0 up) >/run/late 2>&1 &");
	assert_int_equal(veth_wait_up(&a.c.call, a.nl, &host, &e), 0);
	assert_true(host.operational);
}

static void one_does_not_wait_for_ever(void **state)
{
	struct link host = {};
	struct err e = {};
	char msg[64];
	ATTACHED(a);

	(void)state;
	make_pair(&a);
	sh("ip -n red link set eth0 down");
	sh("until ip link show %s | grep -q 'state \\(DOWN\\|LOWERLAYERDOWN\\)'; do sleep 0.05; "
	   "done",
	   a.name);
	assert_int_equal(veth_wait_up(&a.c.call, a.nl, &host, &e), -1);
	(void)snprintf(msg, sizeof(msg), "%s does not come up", a.name);
	assert_string_equal(e.msg, msg);
	sh("ip link del %s", a.name);
	assert_int_equal(veth_wait_up(&a.c.call, a.nl, &host, &e), -1);
	assert_int_equal(e.os, ENODEV);
}

static void the_pair_is_deleted_wherever_its_other_end_is(void **state)
{
	struct err e = {};
	ATTACHED(a);

	(void)state;
	make_pair(&a);
	assert_int_equal(veth_del(&a.c.call, a.nl, "br0", &e), 0);
	assert_int_equal(links_of_kind("veth"), 0);
	assert_int_equal(sh_status("ip -n red link show eth0 2>&1"), 1);
	assert_int_equal(veth_del(&a.c.call, a.nl, "br0", &e), 0); // nothing left to do

	make_pair(&a);
	fd_closep(&a.c.call.netns_fd); // the runtime may not know the namespace any more
	assert_int_equal(veth_del(&a.c.call, a.nl, "br0", &e), 0);
	assert_int_equal(links_of_kind("veth"), 0);
	assert_int_equal(veth_del(&a.c.call, a.nl, "br0", &e), 0);
}

static void a_pair_that_another_plugin_named_is_deleted(void **state)
{
	static const char *const masters[] = {"br0", NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(masters); i++) {
		struct err e = {};

		assert_int_equal(sandbox(NULL), 0);
		ATTACHED(a);
		sh("ip link add vethabc %s type veth peer name eth0 netns red",
		   masters[i] ? "master br0" : "");
		if (veth_del(&a.c.call, a.nl, masters[i], &e) < 0)
			fail_msg("%s (%s)", e.msg, e.details);
		assert_int_equal(links_of_kind("veth"), 0);
	}
}

static int found(struct attached *a, struct link *host)
{
	struct err e = {};

	if (veth_find(&a->c.call, a->nl, host, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	return host->index;
}

static void the_nodes_end_is_found_by_name_or_from_inside(void **state)
{
	struct link host;
	ATTACHED(a);

	(void)state;
	assert_int_equal(found(&a, &host), 0); // there is none
	sh("ip link add foreign mtu 1400 type veth peer name eth0 netns red");
	assert_int_equal(found(&a, &host), nl_ifindex(a.nl, "foreign"));
	assert_string_equal(host.name, "foreign");
	assert_int_equal(host.mtu, 1400);
	fd_closep(&a.c.call.netns_fd);
	assert_int_equal(found(&a, &host), 0); // without the namespace there is no way to it
	sh("ip link set foreign name %s", a.name);
	assert_int_equal(found(&a, &host), nl_ifindex(a.nl, a.name));
	assert_int_equal(host.mtu, 1400);
}

static void what_is_no_pair_has_no_end_on_the_node(void **state)
{
	struct link host;
	ATTACHED(a);

	(void)state;
	sh("ip -n red link add eth0 type bridge");
	assert_int_equal(found(&a, &host), 0);
	sh("ip -n red link del eth0 && ip -n red link add eth0 type veth peer name eth1");
	assert_int_equal(found(&a, &host), 0);
}

/** What looks like the foreign pair of this call, but is somebody else's. */
static void what_is_not_surely_the_attachments_pair_is_left_alone(void **state)
{
	static const struct {
		const char *prepare, *master;
	} rows[] = {
		{"ip link add x0 master br1 type veth peer name eth0 netns red", "br0"},
		{"ip link add x0 type veth peer name eth0 netns red", "br0"},
		{"ip link add x0 master br0 type veth peer name eth0 netns red", NULL},
		{"ip link add x0 master br0 type veth peer name eth0 netns red", "nosuch"},
		{"ip link add x0 master br0 type veth peer name eth9 netns red", "br0"},
		{"ip link add x0 master br0 type veth peer name eth0 netns red && "
		 "ip link set x0 alias 'edgeway net/c1/eth1'",
		 "br0"},
		{"ip link add x0 master br0 type veth peer name x1 && "
		 "ip -n red link add eth0 type bridge",
		 "br0"},
		// The indices match, but count in other namespaces: eth0 of red has its other end
		// in green, and that of x0 is in blue. The node knows red.
		{"ip link add known type veth peer name known netns red && ip netns add green && "
		 "ip netns add blue && ip -n green link add g0 index 50 type veth peer name eth0 "
		 "index 60 netns red && ip link add x0 index 50 master br0 type veth peer name "
		 "eth0 index 60 netns blue",
		 "br0"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {};

		assert_int_equal(sandbox(NULL), 0);
		ATTACHED(a);
		sh("%s", rows[i].prepare);
		if (veth_del(&a.c.call, a.nl, rows[i].master, &e) < 0)
			fail_msg("%s: %s (%s)", rows[i].prepare, e.msg, e.details);
		if (sh_status("ip link show x0") != 0)
			fail_msg("deleted: %s", rows[i].prepare);
	}
}

static void gc_deletes_what_is_not_listed_of_its_network(void **state)
{
	static const struct cni_valid valid[] = {{"c1", "eth0"}};
	struct err e = {};
	ATTACHED(a);

	(void)state;
	make_pair(&a);
	sh("for i in 1 2 3 4; do ip link add v$i type veth peer name p$i netns red; done; "
	   "ip link set v1 alias 'edgeway net/c2/eth0' master br0; " // goes
	   "ip link set v2 alias 'edgeway net/c1/eth1'; "            // goes, though on no bridge
	   "ip link set v3 alias 'edgeway other/c2/eth0'; "
	   "ip link set br1 alias 'edgeway net/c2/eth0'");
	a.c.call.verb = CNI_GC;
	a.c.call.valid = valid;
	a.c.call.n_valid = 1;
	assert_int_equal(veth_gc(&a.c.call, a.nl, &e), 0);
	sh("ip link show %s && ip link show v3 && ip link show v4 && ip link show br1", a.name);
	assert_int_equal(links_of_kind("veth"), 3);
	a.c.call.n_valid = 0;
	assert_int_equal(veth_gc(&a.c.call, a.nl, &e), 0);
	assert_int_equal(links_of_kind("veth"), 2);
	assert_int_equal(veth_gc(&a.c.call, a.nl, &e), 0); // nothing to do
}

static void check_says_what_is_wrong_with_the_nodes_end(void **state)
{
	static const struct {
		const char *change, *wrong;
	} rows[] = {
		{"ip link set $end down", "is down"},
		{"ip link set $end nomaster", "is not a port of br0"},
		{"ip link set $end master br1", "is not a port of br0"},
		{"ip link del $end", "is missing on the node"},
	};
	struct cni_result prev = {};
	struct link bridge = {}, out = {};
	struct err e = {};
	ATTACHED(a);

	(void)state;
	make_pair(&a);
	a.c.call.prev = &prev;
	assert_int_equal(link_get(a.nl, "br0", &bridge, &e), 0);
	assert_int_equal(veth_check(&a.c.call, a.nl, &bridge, &out, &e), 0);
	assert_string_equal(out.name, a.name);
	assert_int_equal(out.index, nl_ifindex(a.nl, a.name));
	assert_int_equal(veth_check(&a.c.call, a.nl, NULL, &out, &e), 0); // whatever bridge
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char msg[64];

		sh("end=%s; %s", a.name, rows[i].change);
		assert_int_equal(veth_check(&a.c.call, a.nl, &bridge, &out, &e), -1);
		assert_int_equal(e.code, ERR_MISMATCH);
		(void)snprintf(msg, sizeof(msg), "%s %s", a.name, rows[i].wrong);
		assert_string_equal(e.msg, msg);
	}
}

static void the_mac_address_is_compared_with_the_nodes_end_of_prev_result(void **state)
{
	struct cni_iface ifaces[] = {
		{.name = "veth7", .mac = "02:00:00:00:00:09", .sandbox = "/run/netns/red"},
		{.name = "veth7", .mac = "02:00:00:00:00:AB"},
	};
	struct cni_result prev = {.ifaces = ifaces, .n_ifaces = 2};
	struct link link = {.name = "veth7", .mac = {{2, 0, 0, 0, 0, 0xab}}};
	const struct cni_call call = {.prev = &prev};
	struct err e = {};

	(void)state;
	assert_int_equal(veth_check_mac(&call, &link, &e), 0); // in whatever case
	link.mac = M5;
	assert_int_equal(veth_check_mac(&call, &link, &e), -1);
	assert_int_equal(e.code, ERR_MISMATCH);
	assert_string_equal(e.msg,
			    "veth7 has MAC address 02:00:00:00:00:05, not 02:00:00:00:00:AB");
	ifaces[1].mac = "";
	assert_int_equal(veth_check_mac(&call, &link, &e), 0); // not reported
	prev.n_ifaces = 1;
	assert_int_equal(veth_check_mac(&call, &link, &e), 0); // not listed
}

static void the_most_specific_request_for_a_mac_address_counts(void **state)
{
	static const struct {
		const char *conf, *args;
		uint8_t last;
	} rows[] = {
		{"{}", "MAC=02:00:00:00:00:01", 1},
		{"{'args': {'cni': {'mac': '02:00:00:00:00:02'}}}", "MAC=02:00:00:00:00:01", 2},
		{"{'args': {'cni': {'mac': '02:00:00:00:00:02'}}, 'runtimeConfig': {'mac': "
		 "'02:00:00:00:00:03'}}",
		 "MAC=02:00:00:00:00:01", 3},
		{"{'runtimeConfig': {'mac': ''}}", "IgnoreUnknown=1;MAC=02:00:00:00:00:01", 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(test_call_done) struct test_call c;
		struct mac mac = {};
		struct err e = {};

		test_call_init(&c, rows[i].conf);
		c.call.args = rows[i].args;
		assert_int_equal(veth_choose_mac(&c.call, &mac, &e), 0);
		assert_memory_equal(mac.bytes, ((uint8_t[]){2, 0, 0, 0, 0, rows[i].last}), 6);
	}
}

static void without_a_request_the_mac_address_is_random(void **state)
{
	_cleanup_(test_call_done) struct test_call c;
	struct mac one, other;
	struct err e = {};

	(void)state;
	test_call_init(&c, "{}");
	assert_int_equal(veth_choose_mac(&c.call, &one, &e), 0);
	assert_int_equal(veth_choose_mac(&c.call, &other, &e), 0);
	assert_int_equal(one.bytes[0] & 3, 2); // unicast, locally administered
	assert_memory_not_equal(one.bytes, other.bytes, sizeof(one.bytes));
	c.call.args = "MAC=nonsense";
	assert_int_equal(veth_choose_mac(&c.call, &one, &e), -1);
	assert_int_equal(e.code, ERR_ENV);
	assert_memory_equal(e.msg, "CNI_ARGS: MAC=nonsense: ", 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(the_pair_is_made_in_both_namespaces_and_is_down),
		on_a_node(without_a_bridge_and_mtu_it_has_none_and_the_kernels),
		on_a_node(which_of_the_names_was_taken_is_said_and_nothing_made),
		on_a_node(what_the_kernel_refuses_is_said_in_its_words),
		on_a_node(one_waits_until_the_nodes_end_is_up),
		on_a_node(one_does_not_wait_for_ever),
		on_a_node(the_pair_is_deleted_wherever_its_other_end_is),
		cmocka_unit_test(a_pair_that_another_plugin_named_is_deleted),
		on_a_node(the_nodes_end_is_found_by_name_or_from_inside),
		on_a_node(what_is_no_pair_has_no_end_on_the_node),
		cmocka_unit_test(what_is_not_surely_the_attachments_pair_is_left_alone),
		on_a_node(gc_deletes_what_is_not_listed_of_its_network),
		on_a_node(check_says_what_is_wrong_with_the_nodes_end),
		cmocka_unit_test(the_mac_address_is_compared_with_the_nodes_end_of_prev_result),
		cmocka_unit_test(the_most_specific_request_for_a_mac_address_counts),
		cmocka_unit_test(without_a_request_the_mac_address_is_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
