// SPDX-License-Identifier: Apache-2.0
/** Maps, and rules that translate by them: what nft(8) reads, and what the kernel does. */
#include <errno.h>
#include <string.h>

#include "netlink/conversation.h"
#include "netlink/nft_rule.h"
#include "sandbox.h"
#include "test.h"

#define NAME "edgeway_test"

static const struct nft_table TABLE = {NFT_FAMILY_INET, NAME};
enum { TCP = 6, UDP = 17, DST_NAT = 0x20 };

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_NETFILTER, NULL);
}

static struct ipaddr ip(const char *text)
{
	struct ipaddr out = {};

	assert_null(ip_parse(&out, text));
	return out;
}

/** "[ADDRESS .] PROTO . PORT : TARGET . PORT" */
static struct nft_elem mapping(const char *address, uint8_t proto, uint16_t port,
			       const char *target, uint16_t to)
{
	struct ipaddr from = address ? ip(address) : (struct ipaddr){}, dst = ip(target);
	struct nft_elem elem = {.data = nft_key_ip(&dst), .comment = "whose it is"};

	if (address)
		nft_key_put_ip(&elem.key, &from);
	nft_key_put_proto(&elem.key, proto);
	nft_key_put_port(&elem.key, port);
	nft_key_put_port(&elem.data, to);
	return elem;
}

static void put_maps(struct nl_msg *m)
{
	static const struct nft_set sets[] = {
		{"ports4", {{NFT_PROTO, NFT_PORT}}, {{NFT_IPV4, NFT_PORT}}},
		{"ports6", {{NFT_PROTO, NFT_PORT}}, {{NFT_IPV6, NFT_PORT}}},
		{"addr4", {{NFT_IPV4, NFT_PROTO, NFT_PORT}}, {{NFT_IPV4, NFT_PORT}}},
		{"targets6", {{NFT_IPV6, NFT_PROTO, NFT_PORT}}, {}},
	};
	static const struct nft_chain chains[] = {
		{"mapped", NULL, 0, 0},
		{"prerouting", "nat", NFT_HOOK_PREROUTING, -100},
		{"output", "nat", NFT_HOOK_OUTPUT, -100},
		{"postrouting", "nat", NFT_HOOK_POSTROUTING, 100},
		{"forward", "filter", NFT_HOOK_FORWARD, 0},
	};

	nft_table_add(m, &TABLE, 0);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		nft_set_add(m, &TABLE, &sets[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		nft_chain_add(m, &TABLE, &chains[i]);
}

static void put_rules(struct nl_msg *m)
{
	const struct prefix loopback = {{.family = AF_INET, .bytes = {127}}, 8};

	nft_rule(m, &TABLE, "mapped") {
		nft_match_local(m, NFT_CMP_NEQ);
		nft_return(m);
	}
	nft_rule(m, &TABLE, "mapped") {
		nft_match_family(m, AF_INET);
		nft_dnat_by(m, AF_INET, "addr4", NFT_IP_DADDR, NFT_L4PROTO, NFT_DPORT);
	}
	nft_rule(m, &TABLE, "mapped") {
		nft_match_family(m, AF_INET);
		nft_dnat_by(m, AF_INET, "ports4", NFT_L4PROTO, NFT_DPORT);
	}
	nft_rule(m, &TABLE, "mapped") {
		nft_match_family(m, AF_INET6);
		nft_dnat_by(m, AF_INET6, "ports6", NFT_L4PROTO, NFT_DPORT);
	}
	nft_rule(m, &TABLE, "prerouting")
		nft_jump(m, "mapped");
	nft_rule(m, &TABLE, "output")
		nft_jump(m, "mapped");
	nft_rule(m, &TABLE, "postrouting") {
		nft_match_ct(m, NFT_CT_STATUS, DST_NAT);
		nft_match_family(m, AF_INET);
		nft_match_prefix(m, NFT_SOURCE, NFT_CMP_EQ, &loopback);
		nft_masquerade(m);
	}
	nft_rule(m, &TABLE, "postrouting") {
		nft_match_family(m, AF_INET6);
		nft_match_in(m, "targets6", NFT_IP6_DADDR, NFT_L4PROTO, NFT_DPORT);
		nft_masquerade(m);
	}
	nft_rule(m, &TABLE, "forward") {
		nft_match_ct(m, NFT_CT_STATE, NFT_CT_ESTABLISHED | NFT_CT_RELATED);
		nft_accept(m);
	}
	nft_rule(m, &TABLE, "forward") {
		nft_match_ifname(m, NFT_IIFNAME, NFT_CMP_NEQ, "lo");
		nft_match_ifname(m, NFT_OIFNAME, NFT_CMP_EQ, "veth*");
		nft_drop(m);
	}
}

static void put_elements(struct nl_msg *m)
{
	struct nft_elem elem = mapping(NULL, TCP, 8080, "10.1.0.5", 80);

	nft_elem_add(m, &TABLE, "ports4", &elem);
	elem = mapping("192.0.2.1", UDP, 53, "10.1.0.6", 5353);
	nft_elem_add(m, &TABLE, "addr4", &elem);
	elem = mapping(NULL, TCP, 8080, "fd00::5", 80);
	nft_elem_add(m, &TABLE, "ports6", &elem);
}

static void commit_all(struct nl *nl)
{
	struct nl_msg m = {};
	struct err e = {};

	nft_batch_begin(&m, 0);
	put_maps(&m);
	put_rules(&m);
	put_elements(&m);
	nft_batch_end(&m);
	if (nl_call(nl, &m, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

static void maps_and_rules_read_in_nft_as_they_are_meant(void **state)
{
	static const char *const lines[] = {
		"type inet_proto . inet_service : ipv4_addr . inet_service\n",
		"elements = { tcp . 8080 comment \"whose it is\" : 10.1.0.5 . 80 }\n",
		"elements = { 192.0.2.1 . udp . 53 comment \"whose it is\" : 10.1.0.6 . 5353 }\n",
		"elements = { tcp . 8080 comment \"whose it is\" : fd00::5 . 80 }\n",
		"\t\tfib daddr type != local return\n",
		"\t\tdnat ip to ip daddr . meta l4proto . th dport map @addr4\n",
		"\t\tmeta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports4\n",
		"\t\tmeta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @ports6\n",
		"\t\tjump mapped\n",
		"\t\tct status dnat ip saddr 127.0.0.0/8 masquerade\n",
		"\t\tip6 daddr . meta l4proto . th dport @targets6 masquerade\n",
		"\t\tct state established,related accept\n",
		"\t\tiifname != \"lo\" oifname \"veth*\" drop\n",
	};
	const char *listed;

	commit_all(*state);
	listed = sh_output("nft list ruleset");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (!strstr(listed, lines[i]))
			fail_msg("no %s in:\n%s", lines[i], listed);
	sh("nft list ruleset > /run/before && nft flush ruleset && nft -f /run/before && "
	   "nft list ruleset > /run/after && diff /run/before /run/after");
}

static void an_element_comes_back_with_its_data(void **state)
{
	const struct nft_elem want = mapping(NULL, TCP, 8080, "10.1.0.5", 80);
	struct nft_elem got = {};
	struct err e = {};

	commit_all(*state);
	if (nft_elem_get(*state, &TABLE, "ports4", &want.key, &got, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	assert_string_equal(got.comment, "whose it is");
	assert_int_equal(got.data.len, want.data.len);
	assert_memory_equal(got.data.bytes, want.data.bytes, want.data.len);
}

static void connections_go_where_the_map_says(void **state)
{
	commit_all(*state);
	sh("ip link set lo up && ip netns add pod && ip link add br0 up type bridge && "
	   "ip addr add 10.1.0.1/16 dev br0 && ip addr add fd00::1/64 dev br0 nodad && "
	   "ip link add pod up master br0 type veth peer name eth0 netns pod && "
	   "ip -n pod addr add 10.1.0.5/16 dev eth0 && "
	   "ip -n pod addr add fd00::5/64 dev eth0 nodad && ip -n pod link set eth0 up");
	sh("ip netns exec pod python3 -c \"import socket\n"
	   "s = socket.create_server(('::', 80), family=socket.AF_INET6, dualstack_ipv6=True)\n"
	   "print('ready', flush=True)\n"
	   "for _ in range(2): s.accept()[0].sendall(b'here')\" > /run/ready & echo $! > /run/pid; "
	   "for i in $(seq 50); do [ -s /run/ready ] && break; sleep 0.1; done");
	sh("python3 -c \"import socket\n"
	   "for a in '10.1.0.1', 'fd00::1':\n"
	   "    assert socket.create_connection((a, 8080), 5).recv(4) == b'here', a\"");
	sh("kill $(cat /run/pid) 2> /run/kill || grep 'No such process' /run/kill");
}

/** More refusals than the socket has room for. */
static void a_batch_that_is_refused_thousands_of_times_ends(void **state)
{
	bool exists = true;
	struct nl_msg m = {};
	struct err e = {};

	nft_batch_begin(&m, 0);
	for (int i = 0; i < 3000; i++)
		nft_elem_del(&m, &TABLE, "nosuch", &(struct nft_key){.len = 4, .text = "it"});
	nft_batch_end(&m);
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_int_equal(e.os, ENOENT);
	assert_int_equal(nft_exists(*state, &TABLE, NULL, &exists, &e),
			 0); // the socket still works
	assert_false(exists);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define with_kernel(test) cmocka_unit_test_setup_teardown(test, connect_to_kernel, conversation_end)
		with_kernel(maps_and_rules_read_in_nft_as_they_are_meant),
		with_kernel(an_element_comes_back_with_its_data),
		with_kernel(connections_go_where_the_map_says),
		with_kernel(a_batch_that_is_refused_thousands_of_times_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
