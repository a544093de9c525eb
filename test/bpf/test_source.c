// SPDX-License-Identifier: Apache-2.0
/** What a pod may not send: each kind of frame stays inside, for its own reason. */
#include <netinet/icmp6.h>
#include <netinet/in.h>

#include <string.h>

#include "programs.h"
#include "test.h"

enum base { UDP4, UDP6, TCP4, ARP_ASK, ARP_TELL, ASK, TELL, ROUTERS };

static struct frame base(enum base what)
{
	struct frame f;

	switch (what) {
	case UDP4:
		f = frame4("10.0.0.2", "10.0.0.9", IPPROTO_UDP);
		break;
	case UDP6:
		f = frame6("fd00::2", "fd00::9", IPPROTO_UDP);
		break;
	case TCP4:
		f = frame4("10.0.0.2", "10.0.0.9", IPPROTO_TCP);
		break;
	case ARP_ASK:
		return frame_arp(1, "10.0.0.2", "10.0.0.9");
	case ARP_TELL:
		return frame_arp(2, "10.0.0.2", "10.0.0.9");
	case ASK:
		return frame_nd(ND_NEIGHBOR_SOLICIT, "fd00::2", "ff02::1:ff00:9", "fd00::9");
	case TELL:
		return frame_nd(ND_NEIGHBOR_ADVERT, "fd00::2", "fd00::9", "fd00::2");
	default:
		return frame_nd(ND_ROUTER_SOLICIT, "fe80::ff:fe00:2", "ff02::2", "::");
	}
	frame_ports(&f, 1000, 2000);
	return f;
}

#define AT(at, bytes)                                                                              \
	{                                                                                          \
		at, sizeof(bytes) - 1, bytes                                                       \
	}

struct row {
	const char *what;
	enum base base;
	enum drop_reason reason; ///< DROP_NONE: it may
	struct patch patches[3];
	size_t len; ///< if not 0 the frame is cut to it
};

static const struct row rows[] = {
	{"itself, IPv4", UDP4, DROP_NONE, {}, 0},
	{"itself, IPv6", UDP6, DROP_NONE, {}, 0},
	{"its neighbour's MAC, IPv4", UDP4, DROP_SRC_MAC, {AT(11, "\x03")}, 0},
	{"its neighbour's MAC, IPv6", UDP6, DROP_SRC_MAC, {AT(11, "\x03")}, 0},
	{"a group's MAC", UDP4, DROP_SRC_MAC, {AT(6, "\xff\xff\xff\xff\xff\xff")}, 0},
	{"its neighbour's MAC, ARP", ARP_ASK, DROP_SRC_MAC, {AT(11, "\x03")}, 0},
	{"its neighbour's address", UDP4, DROP_SRC_IP4, {AT(L3 + 15, "\x03")}, 0},
	{"an address outside", UDP4, DROP_SRC_IP4, {AT(L3 + 12, "\x08\x08\x08\x08")}, 0},
	{"the node's loopback", UDP4, DROP_SRC_IP4, {AT(L3 + 12, "\x7f\x00\x00\x01")}, 0},
	{"no address", UDP4, DROP_SRC_IP4, {AT(L3 + 12, "\0\0\0\0")}, 0},
	{"a broadcast address", UDP4, DROP_SRC_IP4, {AT(L3 + 12, "\xff\xff\xff\xff")}, 0},
	{"its neighbour's address, IPv6", UDP6, DROP_SRC_IP6, {AT(L3 + 23, "\x03")}, 0},
	{"no address, IPv6", UDP6, DROP_SRC_IP6, {AT(L3 + 8, "\0\0"), AT(L3 + 23, "\0")}, 0},
	{"another's link-local address",
	 UDP6,
	 DROP_SRC_IP6,
	 {AT(L3 + 8, "\xfe\x80"), AT(L3 + 16, "\x00\x00\x00\xff\xfe\x00\x00\x03")},
	 0},
	{"its link-local address",
	 UDP6,
	 DROP_NONE,
	 {AT(L3 + 8, "\xfe\x80"), AT(L3 + 16, "\x00\x00\x00\xff\xfe\x00\x00\x02")},
	 0},
	{"its own IPv4 address in IPv6",
	 UDP6,
	 DROP_MALFORMED,
	 {AT(L3 + 8, "\0\0"), AT(L3 + 18, "\xff\xff\x0a\x00\x00\x02")},
	 0},
	{"asks by ARP", ARP_ASK, DROP_NONE, {}, 0},
	{"answers by ARP", ARP_TELL, DROP_NONE, {}, 0},
	{"asks whether an address is free", ARP_ASK, DROP_NONE, {AT(L3 + 14, "\0\0\0\0")}, 0},
	{"ARP for its neighbour", ARP_TELL, DROP_ARP, {AT(L3 + 17, "\x03")}, 0},
	{"ARP for the gateway", ARP_TELL, DROP_ARP, {AT(L3 + 14, "\xa9\xfe\x01\x01")}, 0},
	{"ARP that says another MAC", ARP_TELL, DROP_ARP, {AT(L3 + 13, "\x03")}, 0},
	{"ARP of other hardware", ARP_ASK, DROP_ARP, {AT(L3 + 1, "\x06")}, 0},
	{"ARP of another protocol", ARP_ASK, DROP_ARP, {AT(L3 + 2, "\x86\xdd")}, 0},
	{"ARP with long addresses", ARP_ASK, DROP_ARP, {AT(L3 + 5, "\x10")}, 0},
	{"ARP cut short", ARP_ASK, DROP_SHORT, {}, L3 + 20},
	{"solicits", ASK, DROP_NONE, {}, 0},
	{"solicits with another MAC", ASK, DROP_ND, {AT(L4 + 31, "\x03")}, 0},
	{"detects that its address is taken",
	 ASK,
	 DROP_NONE,
	 {AT(L3 + 8, "\0\0"), AT(L3 + 23, "\0"), AT(L4 + 23, "\x02")},
	 0},
	{"detects for its neighbour",
	 ASK,
	 DROP_ND,
	 {AT(L3 + 8, "\0\0"), AT(L3 + 23, "\0"), AT(L4 + 23, "\x03")},
	 0},
	{"advertises", TELL, DROP_NONE, {}, 0},
	{"advertises its neighbour", TELL, DROP_ND, {AT(L4 + 23, "\x03")}, 0},
	{"advertises another MAC", TELL, DROP_ND, {AT(L4 + 31, "\x03")}, 0},
	{"an advertisement cut short", TELL, DROP_SHORT, {AT(L3 + 5, "\x0c")}, L3 + 52},
	{"looks for routers", ROUTERS, DROP_NONE, {}, 0},
	{"says it is a router", ROUTERS, DROP_ROUTER, {AT(L4, "\x86")}, 0},
	{"redirects", ROUTERS, DROP_ROUTER, {AT(L4, "\x89")}, 0},
	{"is a DHCP server", UDP4, DROP_DHCP_SERVER, {AT(L4, "\x00\x43\x00\x44")}, 0},
	{"is one by another port", UDP4, DROP_DHCP_SERVER, {AT(L4, "\x03\xe8\x00\x44")}, 0},
	{"is a DHCP client", UDP4, DROP_NONE, {AT(L4, "\x00\x44\x00\x43")}, 0},
	{"is a DHCPv6 server", UDP6, DROP_DHCP_SERVER, {AT(L4, "\x02\x23\x02\x22")}, 0},
	{"the same ports by TCP", TCP4, DROP_NONE, {AT(L4, "\x00\x43\x00\x44")}, 0},
	{"a VLAN", UDP4, DROP_ETHERTYPE, {AT(12, "\x81\x00")}, 0},
	{"two VLANs", UDP4, DROP_ETHERTYPE, {AT(12, "\x88\xa8")}, 0},
	{"LLDP", UDP4, DROP_ETHERTYPE, {AT(12, "\x88\xcc")}, 0},
	{"a length in place of a type", UDP4, DROP_ETHERTYPE, {AT(12, "\x00\x20")}, 0},
	{"PPPoE", UDP4, DROP_ETHERTYPE, {AT(12, "\x88\x64")}, 0},
};

static void every_frame_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = base(rows[i].base);

		for (size_t j = 0; j < 3 && rows[i].patches[j].len; j++)
			frame_patch(&f, &rows[i].patches[j]);
		if (rows[i].len)
			f.len = rows[i].len;
		if (rows[i].reason != DROP_NONE)
			programs_drop(FROM_POD, POD_A, &f, rows[i].reason, rows[i].what);
		else if (programs_run(FROM_POD, POD_A, &f) != PASSED)
			fail_msg("%s: should pass", rows[i].what);
	}
}

static void an_interface_that_nobody_set_up_passes_nothing(void **state)
{
	struct frame f = base(UDP4), arp = base(ARP_ASK);

	(void)state;
	programs_drop(FROM_POD, UPLINK, &f, DROP_NO_ENDPOINT, "IPv4");
	programs_drop(FROM_POD, UPLINK, &arp, DROP_NO_ENDPOINT, "ARP");
	programs_drop(TO_POD, UPLINK, &f, DROP_NO_ENDPOINT, "IPv4, the other way");
}

/** Options before the one that says another MAC address; and so many that nobody looks. */
static void options_hide_no_mac(void **state)
{
	static const char nonce[] = "\x0e\x01\0\0\0\0\0";

	(void)state;
	for (int others = 0; others <= 4; others++) {
		struct frame f = base(ASK);
		struct patch len = {L3 + 5, 1, (char[]){(char)(32 + 8 * others)}};

		memmove(f.bytes + f.l4 + 24 + 8 * others, f.bytes + f.l4 + 24, 8);
		for (int i = 0; i < others; i++)
			memcpy(f.bytes + f.l4 + 24 + 8 * i, nonce, 8);
		f.len += 8 * (size_t)others;
		frame_patch(&f, &len);
		if (others < 4)
			assert_int_equal(programs_run(FROM_POD, POD_A, &f), PASSED);
		f.bytes[f.l4 + 24 + 8 * others + 7] = 3;
		programs_drop(FROM_POD, POD_A, &f, DROP_ND, "another's MAC in a later option");
	}
}

static void fragments_hide_no_advertisement(void **state)
{
	struct frame f = base(TELL), router = base(ROUTERS);

	(void)state;
	frame_fragment(&f, 5, 0, 1);
	programs_drop(FROM_POD, POD_A, &f, DROP_ND, "an advertisement in fragments");
	frame_patch(&router, &(struct patch){L4, 1, "\x86"});
	frame_extension(&router, IPPROTO_DSTOPTS);
	programs_drop(FROM_POD, POD_A, &router, DROP_ROUTER, "behind an extension header");
}

/** Else the rest of it would be taken for another flow's, or none's. */
static void nobody_says_what_anothers_fragments_are_of(void **state)
{
	struct frame first = frame4("10.0.0.3", "10.0.0.2", IPPROTO_UDP), rest;
	struct ct_entry flow;

	(void)state;
	frame_ports(&first, 1100, 53);
	rest = first;
	frame_fragment(&first, 77, 0, 1);
	frame_fragment(&rest, 77, 1, 0);
	programs_drop(FROM_POD, POD_A, &first, DROP_SRC_IP4, "a fragment of its neighbour's");
	memcpy(rest.bytes, "\x02\0\0\0\x01\x03\x02\0\0\0\0\x03", 12);
	programs_drop(FROM_POD, POD_B, &rest, DROP_FRAGMENT, "the neighbour's own, first unseen");
	memcpy(first.bytes, rest.bytes, 12);
	assert_int_equal(programs_run(FROM_POD, POD_B, &first), REDIRECTED);
	assert_int_equal(programs_run(FROM_POD, POD_B, &rest), REDIRECTED);
	assert_true(programs_flow(&first, &flow));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_is_judged),
		cmocka_unit_test(an_interface_that_nobody_set_up_passes_nothing),
		cmocka_unit_test(options_hide_no_mac),
		cmocka_unit_test(fragments_hide_no_advertisement),
		cmocka_unit_test(nobody_says_what_anothers_fragments_are_of),
	};

	return cmocka_run_group_tests(tests, programs_load, programs_unload);
}
