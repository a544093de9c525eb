// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/conversation.h"
#include "netlink/link.h"
#include "sandbox.h"
#include "test.h"

static const struct mac BRIDGE_MAC = {{2, 0, 0, 0, 0, 1}}, HOST_MAC = {{2, 0, 0, 0, 0, 2}},
			POD_MAC = {{2, 0, 0, 0, 0, 3}};

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_ROUTE, NULL);
}

static struct link get(struct nl *nl, const char *name)
{
	struct link link = {};
	struct err e = {};

	if (link_get(nl, name, &link, &e) < 0)
		fail_msg("%s", e.msg);
	return link;
}

static int add_bridge(struct nl *nl, const char *name)
{
	struct nl_msg m = {};

	link_add_bridge(&m, &(struct link_bridge){.name = name, .mac = BRIDGE_MAC});
	must_call(nl, &m);
	return nl_ifindex(nl, name);
}

/** A veth pair from here into a new pod. */
static void add_veth(struct nl *nl, const char *name, const char *pod_name, int master,
		     uint32_t mtu)
{
	_cleanup_(fd_closep) int ns = pod(pod_name);
	struct nl_msg m = {};

	link_add_veth(&m, &(struct link_veth){.name = name,
					      .peer_name = "eth0",
					      .peer_ns = ns,
					      .master = master,
					      .mac = HOST_MAC,
					      .peer_mac = POD_MAC,
					      .mtu = mtu});
	must_call(nl, &m);
}

static void an_interface_is_found_by_name_and_by_index(void **state)
{
	struct link lo = get(*state, "lo"), same = {};
	struct err e = {};

	assert_int_equal(lo.index, 1);
	assert_string_equal(lo.name, "lo");
	assert_string_equal(lo.kind, "");
	assert_true(lo.flags & IFF_LOOPBACK);
	assert_true(mac_is_zero(&lo.mac));
	assert_int_equal(lo.mtu, 65536);
	assert_int_equal(link_get_index(*state, 1, &same, &e), 0);
	assert_memory_equal(&same, &lo, sizeof(lo));
}

static void what_is_not_there_is_enodev(void **state)
{
	struct link link = {.index = 99};
	struct err e = {};

	assert_int_equal(link_get(*state, "nowhere", &link, &e), -1);
	assert_int_equal(e.os, ENODEV);
	assert_string_equal(e.msg, "find interface nowhere: No such device");
	assert_int_equal(link_get_index(*state, 4711, &link, &e), -1);
	assert_int_equal(e.os, ENODEV);
	assert_int_equal(link.index, 99);
}

static void a_bridge_keeps_its_mac_whoever_joins(void **state)
{
	struct nl *nl = *state;
	int index = add_bridge(nl, "br0");
	struct link bridge = get(nl, "br0");

	assert_int_equal(bridge.index, index);
	assert_string_equal(bridge.kind, "bridge");
	assert_memory_equal(&bridge.mac, &BRIDGE_MAC, sizeof(BRIDGE_MAC));
	assert_false(bridge.flags & IFF_UP);
	add_veth(nl, "veth0", "red", index, 0);
	sh("ip link set veth0 address 00:00:00:00:00:01"); // a bridge takes the lowest by itself
	bridge = get(nl, "br0");
	assert_memory_equal(&bridge.mac, &BRIDGE_MAC, sizeof(BRIDGE_MAC));
}

static void a_bridge_can_be_given_an_mtu(void **state)
{
	struct nl_msg m = {};

	link_add_bridge(&m, &(struct link_bridge){.name = "br0", .mac = BRIDGE_MAC, .mtu = 1400});
	must_call(*state, &m);
	assert_int_equal(get(*state, "br0").mtu, 1400);
}

static void the_second_of_a_name_is_refused(void **state)
{
	struct nl_msg m = {};
	struct err e = {};

	(void)add_bridge(*state, "br0");
	link_add_bridge(&m, &(struct link_bridge){.name = "br0", .mac = BRIDGE_MAC});
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_int_equal(e.os, EEXIST);
	assert_string_equal(e.msg, "add bridge br0: File exists");
}

/** As it is laid out in memory: not every kernel has VLAN interfaces (CONFIG_VLAN_8021Q). */
static void a_vlan_interface_is_asked_for_above_another(void **state)
{
	const struct {
		struct nlmsghdr h;
		struct ifinfomsg link;
		struct nlattr name_attr;
		char name[8];
		struct nlattr lower_attr;
		uint32_t lower;
		struct nlattr info;
		struct nlattr kind_attr;
		char kind[8]; ///< the attribute has "vlan" and its NUL; padding follows
		struct nlattr data;
		struct nlattr vlan_attr;
		uint16_t vlan, padding;
	} expected = {
		.h = {sizeof(expected), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL, 0,
		      0},
		.name_attr = {NLA_HDRLEN + 8, IFLA_IFNAME},
		.name = "br0.100",
		.lower_attr = {NLA_HDRLEN + 4, IFLA_LINK},
		.lower = 7,
		.info = {NLA_HDRLEN + 24, IFLA_LINKINFO},
		.kind_attr = {NLA_HDRLEN + 5, IFLA_INFO_KIND},
		.kind = "vlan",
		.data = {NLA_HDRLEN + 8, IFLA_INFO_DATA},
		.vlan_attr = {NLA_HDRLEN + 2, IFLA_VLAN_ID},
		.vlan = 100,
	};
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	(void)state;
	link_add_vlan(&m, "br0.100", 7, 100);
	assert_string_equal(m.label[0], "add VLAN interface br0.100");
	assert_int_equal(m.len, sizeof(expected));
	assert_memory_equal(m.buf, &expected, sizeof(expected));
}

static void a_veth_pair_waits_to_be_brought_up_at_both_ends(void **state)
{
	struct nl *nl = *state;
	int bridge = add_bridge(nl, "br0");
	struct link host;

	add_veth(nl, "veth0", "red", bridge, 1400);
	host = get(nl, "veth0");
	assert_string_equal(host.kind, "veth");
	assert_int_equal(host.master, bridge);
	assert_int_equal(host.mtu, 1400);
	assert_false(host.flags & IFF_UP);
	assert_false(host.operational);
	assert_memory_equal(&host.mac, &HOST_MAC, sizeof(HOST_MAC));
	sh("ip -n red -o link show eth0 | grep -q 'mtu 1400.*link/ether 02:00:00:00:00:03'");
	assert_int_equal(sh_status("ip -n red -o link show eth0 | grep -q ',UP'"), 1);
	sh("test %d = \"$(ip -n red -o link | sed -n 's/^\\([0-9]*\\): eth0.*/\\1/p')\"",
	   host.peer);

	sh("ip link set veth0 up && ip -n red link set eth0 up");
	for (int i = 0; i < 200 && !get(nl, "veth0").operational; i++)
		sh("sleep 0.01");
	assert_true(get(nl, "veth0").operational);
}

static void a_pairs_other_end_is_known_by_its_namespace_and_index(void **state)
{
	_cleanup_(fd_closep) int far = pod("far");
	struct link near = {}, here = {};
	int nsid = 0, index;
	struct err e = {};

	assert_int_equal(link_nsid(*state, far, &nsid, &e), 0);
	assert_int_equal(nsid, -1); // until something connects them
	sh("ip link add here type veth peer name near && ip link set near netns far");
	index = atoi(sh_output("ip netns exec far cat /sys/class/net/near/ifindex"));
	assert_int_equal(link_get(*state, "here", &near, &e), 0);
	assert_int_equal(link_nsid(*state, far, &nsid, &e), 0);
	assert_true(nsid >= 0);
	assert_int_equal(near.peer, index);
	assert_int_equal(near.peer_nsid, nsid);

	sh("ip link add one type veth peer name other");
	assert_int_equal(link_get(*state, "one", &here, &e), 0);
	assert_int_equal(here.peer, nl_ifindex(*state, "other"));
	assert_int_equal(here.peer_nsid, -1);
}

static void a_peer_whose_name_is_taken_leaves_neither_end(void **state)
{
	_cleanup_(fd_closep) int ns = pod("red");
	struct nl_msg m = {};
	struct err e = {};

	sh("ip -n red link add eth0 type bridge");
	link_add_veth(&m, &(struct link_veth){.name = "veth0",
					      .peer_name = "eth0",
					      .peer_ns = ns,
					      .mac = HOST_MAC,
					      .peer_mac = POD_MAC});
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_int_equal(e.os, EEXIST);
	assert_string_equal(e.msg, "add veth veth0 with peer eth0: File exists");
	assert_int_equal(nl_ifindex(*state, "veth0"), 0); // neither end is left
}

static void flags_mac_and_alias_are_set(void **state)
{
	static const struct mac mac = {{2, 0, 0, 0, 0, 9}};
	struct nl *nl = *state;
	int index = add_bridge(nl, "br0");
	struct nl_msg m = {};
	char alias[255];
	struct link link;

	memset(alias, 'a', 254); // all that the kernel takes with its NUL
	alias[254] = '\0';
	link_set_flags(&m, index, IFF_PROMISC, IFF_UP | IFF_PROMISC);
	link_set_mac(&m, index, &mac);
	link_set_alias(&m, "br0", alias);
	must_call(nl, &m);
	link = get(nl, "br0");
	assert_false(link.flags & IFF_UP);
	assert_true(link.flags & IFF_PROMISC);
	assert_memory_equal(&link.mac, &mac, sizeof(mac));
	assert_string_equal(link.alias, alias);
	link_set_flags(&m, index, IFF_UP, IFF_UP);
	must_call(nl, &m);
	link = get(nl, "br0");
	assert_true(link.flags & IFF_UP && link.flags & IFF_PROMISC); // the mask guards the rest
}

static void mtu_and_queue_length_are_set_and_seen(void **state)
{
	struct nl *nl = *state;
	int index = add_bridge(nl, "br0");
	struct nl_msg m = {};
	struct link link;

	link_set_mtu(&m, index, 1400);
	link_set_txqlen(&m, index, 77);
	must_call(nl, &m);
	link = get(nl, "br0");
	assert_int_equal(link.mtu, 1400);
	assert_int_equal(link.txqlen, 77);
	link_set_txqlen(&m, index, 0);
	must_call(nl, &m);
	assert_int_equal(get(nl, "br0").txqlen, 0);
}

static void an_interface_may_do_without_a_link_local_address(void **state)
{
	struct nl *nl = *state;
	int index = add_bridge(nl, "br0");
	struct nl_msg m = {};

	add_veth(nl, "veth0", "red", index, 0);
	sh("ip -n red link set eth0 up");
	link_set_no_ipv6_address(&m, nl_ifindex(nl, "veth0"));
	link_set_flags(&m, nl_ifindex(nl, "veth0"), IFF_UP, IFF_UP);
	must_call(nl, &m);
	for (int i = 0; i < 200 && !get(nl, "veth0").operational; i++)
		sh("sleep 0.01");
	sh("ip -d link show veth0 | grep -q 'addrgenmode none'");
	assert_string_equal(sh_output("ip -6 addr show dev veth0"), "");
}

static void want_of_ipv6_hides_no_other_refusal(void **state)
{
	struct nl *nl = *state;
	int index = add_bridge(nl, "br0");
	struct nl_msg m = {};
	struct err e = {};

	sh("ip link set br0 mtu 1279");
	link_set_no_ipv6_address(&m, index);
	link_set_flags(&m, index, IFF_UP, IFF_UP);
	must_call(nl, &m);
	assert_true(get(nl, "br0").flags & IFF_UP);
	link_set_no_ipv6_address(&m, index);
	link_set_flags(&m, 12345, IFF_UP, IFF_UP);
	assert_int_equal(nl_call(nl, &m, &e), -1);
	assert_string_equal(e.msg, "set interface 12345 up: No such device");
}

static void labels_say_what_was_tried(void **state)
{
	static const struct mac mac = {{2, 0, 0, 0, 0, 9}};
	struct nl_msg m = {};
	struct err e = {};

	link_set_flags(&m, 4711, IFF_UP, IFF_UP);
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_string_equal(e.msg, "set interface 4711 up: No such device");
	link_set_flags(&m, 4711, 0, IFF_UP);
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_string_equal(e.msg, "set interface 4711 down: No such device");
	link_set_mac(&m, 4711, &mac);
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_string_equal(
		e.msg, "set MAC address of interface 4711 to 02:00:00:00:00:09: No such device");
	link_set_mtu(&m, 4711, 1400);
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_string_equal(e.msg, "set MTU of interface 4711 to 1400: No such device");
	link_set_txqlen(&m, 4711, 7);
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_string_equal(e.msg,
			    "set transmit queue length of interface 4711 to 7: No such device");
	link_del(&m, "nowhere");
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_string_equal(e.msg, "delete interface nowhere: No such device");
}

struct seen {
	char names[200];
	int stop_at, n;
};

static int note(const struct link *link, void *ctx, struct err *e)
{
	struct seen *seen = ctx;
	size_t n = strlen(seen->names);

	(void)snprintf(seen->names + n, sizeof(seen->names) - n, "%s ", link->name);
	return ++seen->n == seen->stop_at ? err_set(e, ERR_CONFIG, "enough") : 0;
}

static void all_interfaces_or_the_ports_of_one_are_listed(void **state)
{
	struct seen all = {}, ports = {}, none = {}, some = {.stop_at = 2};
	struct nl *nl = *state;
	int bridge = add_bridge(nl, "br0"), other = add_bridge(nl, "br1");
	struct err e = {};

	add_veth(nl, "veth0", "red", bridge, 0);
	add_veth(nl, "veth1", "blue", bridge, 0);
	add_veth(nl, "veth2", "green", 0, 0);
	assert_int_equal(link_each(nl, 0, note, &all, &e), 0);
	assert_string_equal(all.names, "lo br0 br1 veth0 veth1 veth2 ");
	assert_int_equal(link_each(nl, bridge, note, &ports, &e), 0);
	assert_string_equal(ports.names, "veth0 veth1 ");
	assert_int_equal(link_each(nl, other, note, &none, &e), 0);
	assert_string_equal(none.names, "");
	assert_int_equal(link_each(nl, 0, note, &some, &e), -1);
	assert_string_equal(e.msg, "enough");
}

static void deleting_one_end_takes_both(void **state)
{
	struct nl *nl = *state;
	struct nl_msg m = {};

	add_veth(nl, "veth0", "red", 0, 0);
	add_veth(nl, "veth1", "blue", 0, 0);
	link_del(&m, "veth0");
	link_del_index(&m, nl_ifindex(nl, "veth1"));
	link_del_index(&m, nl_ifindex(nl, "veth1")); // gone by then
	must_call(nl, &m);
	assert_int_equal(nl_ifindex(nl, "veth0") + nl_ifindex(nl, "veth1"), 0);
	assert_int_not_equal(sh_status("ip -n red link show eth0 2>&1"), 0);
}

static void an_ifb_is_made_down_with_its_mac_and_mtu(void **state)
{
	struct nl *nl = *state;
	struct nl_msg m = {};
	struct link ifb;

	link_add_ifb(&m, "ifb9", &HOST_MAC, 1400);
	must_call(nl, &m);
	ifb = get(nl, "ifb9");
	assert_string_equal(ifb.kind, "ifb");
	assert_int_equal(ifb.mtu, 1400);
	assert_false(ifb.flags & IFF_UP);
	assert_memory_equal(&ifb.mac, &HOST_MAC, sizeof(HOST_MAC));
}

static void undoing_a_link_twice_is_no_error(void **state)
{
	struct nl *nl = *state;
	int index = add_bridge(nl, "br0");
	struct err e = {};

	assert_int_equal(undo_link_del(nl, index, &e), 0);
	assert_int_equal(nl_ifindex(nl, "br0"), 0);
	assert_int_equal(undo_link_del(nl, index, &e), 0);
	assert_int_equal(undo_link_del(nl, 1, &e), -1); // lo cannot be deleted
	assert_string_equal(e.msg, "delete interface 1: Operation not supported");
}

static void an_interface_moves_under_another_name(void **state)
{
	_cleanup_(fd_closep) int ns = pod("mover");
	struct nl_msg m = {};

	sh("ip link add m0 up type veth peer name m1 && ip link set m0 alias mark");
	link_move(&m, nl_ifindex(*state, "m0"), ns, "net1");
	must_call(*state, &m);
	assert_int_equal(nl_ifindex(*state, "m0"), 0);
	sh("ip -n mover link show dev net1 | grep -q 'state DOWN'");
	sh("ip -n mover link show dev net1 | grep -q 'alias mark'");
}

static void a_name_that_is_taken_there_leaves_it_there_with_the_old_one(void **state)
{
	_cleanup_(fd_closep) int ns = pod("full");
	struct nl_msg m = {};
	struct err e = {};

	sh("ip link add f0 type veth peer name f1 && ip -n full link add eth0 type bridge");
	link_move(&m, nl_ifindex(*state, "f0"), ns, "eth0");
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_int_equal(e.os, EEXIST);
	sh("ip -n full link show dev f0");
}

static void name_and_alias_are_set_and_the_alias_is_taken_away(void **state)
{
	struct nl_msg m = {};
	int index;

	sh("ip link add n0 type veth peer name n1");
	index = nl_ifindex(*state, "n0");
	link_set_name(&m, index, "renamed");
	link_set_alias_index(&m, index, "edgeway n/c/eth0 (n0)");
	must_call(*state, &m);
	assert_string_equal(get(*state, "renamed").alias, "edgeway n/c/eth0 (n0)");
	link_set_alias_index(&m, index, "");
	must_call(*state, &m);
	assert_string_equal(get(*state, "renamed").alias, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define conversation(test)                                                                         \
	cmocka_unit_test_setup_teardown(test, connect_to_kernel, conversation_end)
		conversation(an_interface_is_found_by_name_and_by_index),
		conversation(what_is_not_there_is_enodev),
		conversation(a_bridge_keeps_its_mac_whoever_joins),
		conversation(a_bridge_can_be_given_an_mtu),
		conversation(the_second_of_a_name_is_refused),
		cmocka_unit_test(a_vlan_interface_is_asked_for_above_another),
		conversation(a_veth_pair_waits_to_be_brought_up_at_both_ends),
		conversation(a_pairs_other_end_is_known_by_its_namespace_and_index),
		conversation(a_peer_whose_name_is_taken_leaves_neither_end),
		conversation(flags_mac_and_alias_are_set),
		conversation(mtu_and_queue_length_are_set_and_seen),
		conversation(an_interface_may_do_without_a_link_local_address),
		conversation(want_of_ipv6_hides_no_other_refusal),
		conversation(labels_say_what_was_tried),
		conversation(all_interfaces_or_the_ports_of_one_are_listed),
		conversation(deleting_one_end_takes_both),
		conversation(an_ifb_is_made_down_with_its_mac_and_mtu),
		conversation(undoing_a_link_twice_is_no_error),
		conversation(an_interface_moves_under_another_name),
		conversation(a_name_that_is_taken_there_leaves_it_there_with_the_old_one),
		conversation(name_and_alias_are_set_and_the_alias_is_taken_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
