// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "addresses.h"
#include "netlink/conversation.h"
#include "netlink/nft_rule.h"
#include "sandbox.h"
#include "test.h"

#define NAME "edgeway_test"

static const struct nft_table TABLE = {NFT_FAMILY_INET, NAME};
static const struct nft_chain POSTROUTING = {"postrouting", "nat", NFT_HOOK_POSTROUTING, 100};

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_NETFILTER, NULL);
}

static struct nft_key key(const char *text)
{
	struct prefix p = prefix_of(text);

	return nft_key_ip(&p.ip);
}

/** A table with both sets and an empty chain, in an open batch. */
static void begin(struct nl_msg *m)
{
	nft_batch_begin(m, 0);
	nft_table_add(m, &TABLE, 0);
	nft_set_add(m, &TABLE, &(struct nft_set){"pods4", {{NFT_IPV4}}, {}}, 0);
	nft_set_add(m, &TABLE, &(struct nft_set){"pods6", {{NFT_IPV6}}, {}}, 0);
	nft_chain_add(m, &TABLE, &POSTROUTING);
}

static void commit(struct nl *nl, struct nl_msg *m)
{
	nft_batch_end(m);
	must_call(nl, m);
}

/** One rule that masquerades what comes from @set but goes beyond @beyond. */
static void put_rule(struct nl_msg *m, int family, const char *set, const char *beyond)
{
	struct prefix p = prefix_of(beyond);

	nft_rule(m, &TABLE, "postrouting") {
		nft_match_family(m, family);
		nft_match_in(m, set, nft_address(NFT_SOURCE, family));
		nft_match_prefix(m, NFT_DESTINATION, NFT_CMP_NEQ, &p);
		nft_masquerade(m);
	}
}

static void rules_read_in_nft_as_they_are_meant(void **state)
{
	static const struct {
		int family;
		const char *beyond, *rule;
	} rows[] = {
		{AF_INET, "10.1.0.0/16", "ip saddr @pods4 ip daddr != 10.1.0.0/16 masquerade"},
		{AF_INET, "10.1.2.3/20", // host bits do not count
		 "ip saddr @pods4 ip daddr != 10.1.0.0/20 masquerade"},
		{AF_INET, "10.1.2.3/32", "ip saddr @pods4 ip daddr != 10.1.2.3 masquerade"},
		{AF_INET, "224.0.0.0/4", "ip saddr @pods4 ip daddr != 224.0.0.0/4 masquerade"},
		{AF_INET6, "fd00::/64", "ip6 saddr @pods6 ip6 daddr != fd00::/64 masquerade"},
		{AF_INET6, "fd00::7/128", "ip6 saddr @pods6 ip6 daddr != fd00::7 masquerade"},
		{AF_INET6, "ff00::/8", "ip6 saddr @pods6 ip6 daddr != ff00::/8 masquerade"},
		{AF_INET6, "fd00::/57", "ip6 saddr @pods6 ip6 daddr != fd00::/57 masquerade"},
	};
	struct nl_msg m = {};
	const char *listed;

	begin(&m);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		put_rule(&m, rows[i].family, rows[i].family == AF_INET ? "pods4" : "pods6",
			 rows[i].beyond);
	commit(*state, &m);
	listed = sh_output("nft list ruleset");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char line[128];
		const char *found;

		(void)snprintf(line, sizeof(line), "\t\t%s\n", rows[i].rule);
		found = strstr(listed, line);
		if (!found)
			fail_msg("no \"%s\" in, or not in order:\n%s", rows[i].rule, listed);
		listed = found;
	}
}

static void the_destination_can_be_in_the_set_too(void **state)
{
	struct nl_msg m = {};
	struct prefix p = prefix_of("10.9.0.0/16");

	begin(&m);
	nft_rule(&m, &TABLE, "postrouting") {
		nft_match_family(&m, AF_INET);
		nft_match_in(&m, "pods4", NFT_IP_DADDR);
		nft_match_prefix(&m, NFT_SOURCE, NFT_CMP_NEQ, &p);
		nft_masquerade(&m);
	}
	commit(*state, &m);
	sh("nft list ruleset | grep -q 'ip daddr @pods4 ip saddr != 10.9.0.0/16 masquerade'");
}

static void nft_loads_the_rules_it_lists(void **state)
{
	struct nl_msg m = {};

	begin(&m);
	put_rule(&m, AF_INET, "pods4", "10.1.0.0/16");
	put_rule(&m, AF_INET6, "pods6", "fd00::/64");
	commit(*state, &m);
	sh("nft list ruleset > /run/before && nft flush ruleset && nft -f /run/before && "
	   "nft list ruleset > /run/after && diff /run/before /run/after");
}

/**
 * A bridge's table that drops what comes from a port in "ports" without being in "macs", or goes to
 * a link-local group.
 */
static void put_port_rule(struct nl_msg *m)
{
	const struct nft_table table = {NFT_FAMILY_BRIDGE, NAME};
	const struct nft_chain chain = {"prerouting", "filter", NFT_HOOK_PREROUTING, -300};

	nft_table_add(m, &table, 0);
	nft_chain_add(m, &table, &chain);
	nft_set_add(m, &table, &(struct nft_set){"ports", {{NFT_IFNAME}}, {}}, 0);
	nft_set_add(m, &table, &(struct nft_set){"macs", {{NFT_IFNAME, NFT_ETHER}}, {}}, 0);
	nft_rule(m, &table, "prerouting") {
		nft_match_in(m, "ports", NFT_IIFNAME);
		nft_match_link_local_group(m);
		nft_drop(m);
	}
	nft_rule(m, &table, "prerouting") {
		nft_match_in(m, "ports", NFT_IIFNAME);
		nft_match_not_in(m, "macs", NFT_IIFNAME, NFT_ETHER_SADDR);
		nft_drop(m);
	}
}

static void rules_on_ports_read_as_they_are_meant_and_load_back(void **state)
{
	struct nl_msg m = {};

	nft_batch_begin(&m, 0);
	put_port_rule(&m);
	commit(*state, &m);
	assert_non_null(strstr(sh_output("nft list ruleset"),
			       "\t\tiifname @ports ether daddr & ff:ff:ff:ff:ff:f0 == "
			       "01:80:c2:00:00:00 drop\n"
			       "\t\tiifname @ports iifname . ether saddr != @macs drop\n"));
	sh("nft list ruleset > /run/before && nft flush ruleset && nft -f /run/before && "
	   "nft list ruleset > /run/after && diff /run/before /run/after");
}

static void frames_are_dropped_by_these_rules(void **state)
{
	const struct nft_table table = {NFT_FAMILY_BRIDGE, NAME};
	const struct nft_elem port = {.key = nft_key_ifname("pod")};
	struct nft_elem bound = {.key = nft_key_ifname("pod")};
	struct nl_msg m = {};

	nft_key_put_mac(&bound.key, &(struct mac){{2, 0, 0, 0, 0, 5}});
	sh("ip netns add pod && ip link add br0 up type bridge && ip addr add 10.1.0.1/16 dev br0 "
	   "&& ip link add pod up master br0 type veth peer name eth0 address 02:00:00:00:00:05 "
	   "netns pod && ip -n pod addr add 10.1.0.5/16 dev eth0 && ip -n pod link set eth0 up");
	sh("ip netns exec pod ping -c1 -W5 -n 10.1.0.1");
	nft_batch_begin(&m, 0);
	put_port_rule(&m);
	nft_elem_add(&m, &table, "ports", &port);
	commit(*state, &m);
	assert_int_not_equal(sh_status("ip netns exec pod ping -c1 -W1 -n 10.1.0.1"), 0);
	nft_batch_begin(&m, 0);
	nft_elem_add(&m, &table, "macs", &bound);
	commit(*state, &m);
	sh("ip netns exec pod ping -c1 -W5 -n 10.1.0.1");
	sh("ip -n pod link set eth0 address 02:00:00:00:00:06");
	assert_int_not_equal(sh_status("ip netns exec pod ping -c1 -W1 -n 10.1.0.1"), 0);
}

/** A pod behind this node, an outside beyond it, and the pod's two kinds of addresses. */
static void build_a_node(void)
{
	sh("ip netns add pod && ip netns add out && "
	   "ip link add pod up type veth peer name eth0 netns pod && "
	   "ip link add out up type veth peer name eth0 netns out && "
	   "for ns in pod out; do ip -n $ns link set eth0 up; ip -n $ns link set lo up; done && "
	   "ip addr add 10.1.0.1/16 dev pod && ip addr add fd01::1/64 dev pod nodad && "
	   "ip addr add 10.2.0.1/16 dev out && ip addr add fd02::1/64 dev out nodad && "
	   "ip -n pod addr add 10.1.0.5/16 dev eth0 && "
	   "ip -n pod addr add fd01::5/64 dev eth0 nodad && "
	   "ip -n pod route add default via 10.1.0.1 && "
	   "ip -n pod route add default via fd01::1 && "
	   "ip -n out addr add 10.2.0.9/16 dev eth0 && "
	   "ip -n out addr add fd02::9/64 dev eth0 nodad && "
	   "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
}

static void packets_are_masqueraded_by_these_rules(void **state)
{
	struct nl_msg m = {};

	build_a_node();
	// The outside knows no way back to the pod, so an answer proves the node's address.
	assert_int_not_equal(sh_status("ip netns exec pod ping -c1 -W1 -n 10.2.0.9"), 0);
	begin(&m);
	put_rule(&m, AF_INET, "pods4", "10.1.0.0/16");
	put_rule(&m, AF_INET6, "pods6", "fd01::/64");
	nft_elem_add(&m, &TABLE, "pods4",
		     &(struct nft_elem){.key = key("10.1.0.5/32"), .comment = "pod"});
	nft_elem_add(&m, &TABLE, "pods6",
		     &(struct nft_elem){.key = key("fd01::5/128"), .comment = "pod"});
	commit(*state, &m);
	sh("ip netns exec pod ping -c1 -W5 -n 10.2.0.9");
	sh("ip netns exec pod ping -6 -c1 -W5 -n fd02::9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define conversation(test)                                                                         \
	cmocka_unit_test_setup_teardown(test, connect_to_kernel, conversation_end)
		conversation(rules_read_in_nft_as_they_are_meant),
		conversation(the_destination_can_be_in_the_set_too),
		conversation(nft_loads_the_rules_it_lists),
		conversation(rules_on_ports_read_as_they_are_meant_and_load_back),
		conversation(frames_are_dropped_by_these_rules),
		conversation(packets_are_masqueraded_by_these_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
