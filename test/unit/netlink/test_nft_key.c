// SPDX-License-Identifier: Apache-2.0
/** Keys of elements: their bytes, and that nft(8) reads and writes the same. */
#include <string.h>

#include "netlink/conversation.h"
#include "netlink/nft.h"
#include "sandbox.h"
#include "test.h"

#define NAME "edgeway_test"

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_NETFILTER, NULL);
}

static void a_key_is_the_address_as_it_is_on_the_wire(void **state)
{
	const struct ipaddr v4 = {.family = AF_INET, .bytes = {10, 1, 0, 5}};
	const struct ipaddr v6 = {.family = AF_INET6, .bytes = {0xfd, [15] = 5}};
	struct nft_key key = nft_key_ip(&v4);

	(void)state;
	assert_int_equal(key.len, 4);
	assert_memory_equal(key.bytes, v4.bytes, 4);
	assert_string_equal(key.text, "10.1.0.5");
	key = nft_key_ip(&v6);
	assert_int_equal(key.len, 16);
	assert_memory_equal(key.bytes, v6.bytes, 16);
	assert_string_equal(key.text, "fd00::5");
}

static void sets_of_ports_and_their_mac_addresses_are_what_nft_lists(void **state)
{
	const struct nft_table table = {NFT_FAMILY_BRIDGE, NAME};
	const struct nft_chain chain = {"pre", "filter", NFT_HOOK_PREROUTING, -300};
	const struct mac mac = {{2, 0, 0, 0, 0, 7}};
	struct nft_elem port = {.key = nft_key_ifname("veth1"), .comment = "a port"};
	struct nft_elem bound = {.key = nft_key_ifname("veth1"), .comment = "bound"};
	struct nft_elem back = {};
	struct nl_msg m = {};
	struct err e = {};

	nft_key_put_mac(&bound.key, &mac);
	nft_batch_begin(&m, 0);
	nft_table_add(&m, &table, 0);
	nft_chain_add(&m, &table, &chain);
	nft_set_add(&m, &table, &(struct nft_set){"ports", {{NFT_IFNAME}}, {}}, 0);
	nft_set_add(&m, &table, &(struct nft_set){"macs", {{NFT_IFNAME, NFT_ETHER}}, {}}, 0);
	nft_elem_add(&m, &table, "ports", &port);
	nft_elem_add(&m, &table, "macs", &bound);
	nft_batch_end(&m);
	must_call(*state, &m);
	assert_string_equal(sh_output("nft list ruleset"),
			    "table bridge " NAME " {\n"
			    "\tset ports {\n"
			    "\t\ttype ifname\n"
			    "\t\telements = { \"veth1\" comment \"a port\" }\n"
			    "\t}\n\n"
			    "\tset macs {\n"
			    "\t\ttype ifname . ether_addr\n"
			    "\t\telements = { \"veth1\" . 02:00:00:00:00:07 comment \"bound\" }\n"
			    "\t}\n\n"
			    "\tchain pre {\n"
			    "\t\ttype filter hook prerouting priority dstnat; policy accept;\n"
			    "\t}\n"
			    "}\n");
	assert_string_equal(bound.key.text, "veth1 . 02:00:00:00:00:07");
	// Written by nft, they are found by our keys.
	sh("nft list ruleset > /run/before && nft flush ruleset && nft -f /run/before");
	assert_int_equal(nft_elem_get(*state, &table, "ports", &port.key, &back, &e), 0);
	assert_string_equal(back.comment, "a port");
	assert_int_equal(nft_elem_get(*state, &table, "macs", &bound.key, &back, &e), 0);
	assert_string_equal(back.comment, "bound");
}

static void a_name_that_is_too_long_for_an_interface_is_cut(void **state)
{
	const struct mac mac = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	struct nft_key key = nft_key_ifname("abcdefghijklmnopqrst");

	(void)state;
	assert_int_equal(key.len, 16);
	assert_memory_equal(key.bytes, "abcdefghijklmno", 16);
	assert_string_equal(key.text, "abcdefghijklmno");
	nft_key_put_mac(&key, &mac);
	assert_int_equal(key.len, 24);
	assert_memory_equal(key.bytes, "abcdefghijklmno\0\xff\xff\xff\xff\xff\xff\0", 24);
	assert_string_equal(key.text, "abcdefghijklmno . ff:ff:ff:ff:ff:ff");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_the_address_as_it_is_on_the_wire),
		cmocka_unit_test(a_name_that_is_too_long_for_an_interface_is_cut),
		cmocka_unit_test_setup_teardown(
			sets_of_ports_and_their_mac_addresses_are_what_nft_lists, connect_to_kernel,
			conversation_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
