// SPDX-License-Identifier: Apache-2.0
/**
 * The short way of packets whose flow is known. It leads where the long way does, and nothing is
 * let through on it for being of such a flow.
 */
#include <netinet/in.h>

#include <string.h>

#include "programs.h"
#include "test.h"

enum base { TCP4, TCP6, UDP4, UDP6, BASES };
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

#define AT(at, bytes)                                                                              \
	{                                                                                          \
		at, sizeof(bytes) - 1, bytes                                                       \
	}

/** A packet of a connection of A with B. */
static struct frame packet(enum base base, uint16_t port)
{
	uint8_t proto = base == TCP4 || base == TCP6 ? IPPROTO_TCP : IPPROTO_UDP;
	struct frame f = base == TCP4 || base == UDP4 ? frame4("10.0.0.2", "10.0.0.3", proto)
						      : frame6("fd00::2", "fd00::3", proto);

	if (proto == IPPROTO_TCP)
		frame_tcp(&f, port, 80, ACK);
	else
		frame_ports(&f, port, 80);
	return f;
}

static struct frame answer(const struct frame *f)
{
	struct frame r = frame_reply(f);

	memcpy(r.bytes, "\x02\0\0\0\x01\x03\x02\0\0\0\0\x03", 12); // B and its gateway
	return r;
}

/** So that the next packet, either way, takes the short way. */
static struct frame known(enum base base, uint16_t port)
{
	struct frame f = packet(base, port), first = f, r = answer(&f);

	if (base == TCP4 || base == TCP6) {
		first.bytes[f.l4 + 13] = SYN;
		r.bytes[f.l4 + 13] = SYN | ACK;
	}
	assert_int_equal(programs_run(FROM_POD, POD_A, &first), REDIRECTED);
	assert_int_equal(programs_run(FROM_POD, POD_B, &r), REDIRECTED);
	assert_int_equal(programs_run(FROM_POD, POD_A, &f), REDIRECTED);
	return f;
}

struct row {
	const char *what;
	enum base base;
	enum drop_reason reason;
	struct patch patch;
	size_t len; ///< if not 0 the frame is cut to it
};

static const struct row rows[] = {
	{"another MAC address", TCP4, DROP_SRC_MAC, AT(11, "\x03"), 0},
	{"another MAC address, IPv6", TCP6, DROP_SRC_MAC, AT(11, "\x03"), 0},
	{"another MAC address, UDP", UDP4, DROP_SRC_MAC, AT(8, "\x01"), 0},
	{"another IPv4 address", TCP4, DROP_SRC_IP4, AT(L3 + 15, "\x03"), 0},
	{"another IPv6 address", TCP6, DROP_SRC_IP6, AT(L3 + 23, "\x03"), 0},
	{"IPv5", TCP4, DROP_MALFORMED, AT(L3, "\x55"), 0},
	{"a header too short", TCP4, DROP_MALFORMED, AT(L3, "\x44"), 0},
	{"IPv7", TCP6, DROP_MALFORMED, AT(L3, "\x70"), 0},
	{"shorter than its header", UDP4, DROP_MALFORMED, AT(L3 + 2, "\x00\x13"), 0},
	{"longer than the frame", UDP4, DROP_SHORT, AT(L3 + 2, "\x02\x00"), 0},
	{"longer than the frame, IPv6", UDP6, DROP_SHORT, AT(L3 + 4, "\x02\x00"), 0},
	{"cut in its TCP header", TCP4, DROP_SHORT, AT(L3 + 2, "\x00\x1e"), L3 + 30},
	{"cut in its UDP header", UDP4, DROP_SHORT, AT(L3 + 2, "\x00\x1a"), L3 + 26},
	{"a later fragment", UDP4, DROP_FRAGMENT, AT(L3 + 6, "\x00\x10"), 0},
	{"to clients of DHCP", UDP4, DROP_DHCP_SERVER, AT(L4 + 2, "\x00\x44"), 0},
	{"to clients of DHCPv6", UDP6, DROP_DHCP_SERVER, AT(L4 + 2, "\x02\x22"), 0},
	{"a VLAN", TCP4, DROP_ETHERTYPE, AT(12, "\x81\x00"), 0},
};

static void nothing_is_let_through_for_its_flow(void **state)
{
	(void)state;
	for (enum base base = 0; base < BASES; base++)
		(void)known(base, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = packet(rows[i].base, 1000);

		assert_int_equal(programs_run(FROM_POD, POD_A, &f), REDIRECTED);
		frame_patch(&f, &rows[i].patch);
		if (rows[i].len)
			f.len = rows[i].len;
		programs_drop(FROM_POD, POD_A, &f, rows[i].reason, rows[i].what);
	}
}

/** Nor for what is like a flow of the other family, or of another pod. */
static void nor_for_looking_like_another_flow(void **state)
{
	struct frame f = known(TCP4, 1001), mapped = packet(TCP6, 1001);

	(void)state;
	memset(mapped.bytes + L3 + 8, 0, 32);
	memcpy(mapped.bytes + L3 + 18, "\xff\xff\x0a\x00\x00\x02", 6);
	memcpy(mapped.bytes + L3 + 34, "\xff\xff\x0a\x00\x00\x03", 6);
	programs_drop(FROM_POD, POD_A, &mapped, DROP_MALFORMED, "IPv4 addresses in IPv6");
	programs_drop(FROM_POD, POD_B, &f, DROP_SRC_MAC, "from another pod");
	memcpy(f.bytes + 6, "\x02\0\0\0\0\x03", 6);
	programs_drop(FROM_POD, POD_B, &f, DROP_SRC_IP4, "from another pod by its own MAC address");
}

static void what_a_pod_may_do_is_asked_anew_once_it_changes(void **state)
{
	(void)state;
	for (enum base base = 0; base < BASES; base++) {
		struct frame f = known(base, 1002), r = answer(&f);

		programs_set_flags(POD_B, ENDPOINT_ISOLATED);
		programs_drop(FROM_POD, POD_A, &f, DROP_ISOLATED, "to who is isolated now");
		programs_drop(FROM_POD, POD_B, &r, DROP_ISOLATED, "from who is isolated now");
		programs_set_flags(POD_B, 0);
		assert_int_equal(programs_run(FROM_POD, POD_A, &f), REDIRECTED);
		programs_set_flags(POD_A, ENDPOINT_ISOLATED);
		programs_drop(FROM_POD, POD_A, &f, DROP_ISOLATED, "from who is isolated now");
		programs_set_flags(POD_A, 0);
	}
}

/** A packet counts once, whichever way it goes. */
static void every_packet_is_counted(void **state)
{
	struct frame f = known(TCP4, 1003), fin = f, again = f;
	uint64_t before = programs_counted(DROP_NONE, DIR_OUT_OF_POD);
	struct ct_entry e;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(programs_run(FROM_POD, POD_A, &f), REDIRECTED);
	programs_age(&f, 5);
	for (int i = 0; i < 10; i++)
		assert_int_equal(programs_run(FROM_POD, POD_A, &f), REDIRECTED);
	fin.bytes[f.l4 + 13] |= 1;
	assert_int_equal(programs_run(FROM_POD, POD_A, &fin), REDIRECTED);
	assert_int_equal(programs_counted(DROP_NONE, DIR_OUT_OF_POD), before + 21);
	assert_true(programs_flow(&f, &e)); // what changes a flow does so on any way
	assert_true(e.flags & (CT_LOW_FIN | CT_HIGH_FIN));
	again.bytes[f.l4 + 13] = SYN;
	assert_int_equal(programs_run(FROM_POD, POD_A, &again), REDIRECTED);
	assert_true(programs_flow(&f, &e));
	assert_false(e.flags & (CT_LOW_FIN | CT_HIGH_FIN | CT_CONFIRMED));
}

static uint32_t flags_of(const struct frame *f)
{
	struct ct_entry e;

	assert_true(programs_flow(f, &e));
	return e.flags;
}

/** Where the node's stack is between them, each end's packets are seen by another program. */
static void what_comes_by_the_stack_changes_its_flow_too(void **state)
{
	static const uint8_t end[] = {FIN | ACK, RST | ACK};

	(void)state;
	for (size_t i = 0; i < sizeof(end); i++) {
		struct frame to = frame4("10.0.0.2", "192.0.2.9", IPPROTO_TCP), from;

		frame_tcp(&to, (uint16_t)(1004 + i), 80, SYN);
		from = frame_reply(&to);
		assert_int_equal(programs_run(FROM_POD, POD_A, &to), PASSED);
		programs_came_by(UPLINK);
		from.bytes[from.l4 + 13] = SYN | ACK;
		assert_int_equal(programs_run(TO_POD, POD_A, &from), PASSED);
		assert_true(flags_of(&to) & CT_REPLIED);
		to.bytes[to.l4 + 13] = ACK;
		assert_int_equal(programs_run(FROM_POD, POD_A, &to), PASSED);
		assert_true(flags_of(&to) & CT_CONFIRMED);
		from.bytes[from.l4 + 13] = end[i];
		assert_int_equal(programs_run(TO_POD, POD_A, &from), PASSED);
		assert_true(flags_of(&to) & (CT_LOW_FIN | CT_HIGH_FIN | CT_RESET));
		programs_came_by(WHERE_MAX);
	}
}

/** Or the node's silent connections with an isolated pod would be over after two minutes. */
static void what_the_node_says_does_too(void **state)
{
	struct frame to = frame4("192.0.2.1", "10.0.0.2", IPPROTO_TCP), from;

	(void)state;
	frame_tcp(&to, 1006, 80, SYN);
	from = frame_reply(&to);
	memcpy(from.bytes, "\x02\0\0\0\x01\x02\x02\0\0\0\0\x02", 12); // A and its gateway
	from.bytes[from.l4 + 13] = SYN | ACK;
	programs_set_flags(POD_A, ENDPOINT_ISOLATED);
	assert_int_equal(programs_run(TO_POD, POD_A, &to), PASSED);
	assert_int_equal(programs_run(FROM_POD, POD_A, &from), PASSED);
	to.bytes[to.l4 + 13] = from.bytes[from.l4 + 13] = ACK;
	assert_int_equal(programs_run(TO_POD, POD_A, &to), PASSED);
	assert_true(flags_of(&to) & CT_CONFIRMED);
	programs_age(&to, 300);
	assert_int_equal(programs_run(FROM_POD, POD_A, &from), PASSED);
	programs_set_flags(POD_A, 0);
}

/** Only the node itself may speak in a flow of its own, and to an isolated pod it has no other. */
static void nobody_else_speaks_as_the_node(void **state)
{
	struct frame f = frame4("192.0.2.1", "10.0.0.2", IPPROTO_UDP);

	(void)state;
	frame_ports(&f, 1007, 53);
	programs_set_flags(POD_A, ENDPOINT_ISOLATED);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(programs_run(TO_POD, POD_A, &f), PASSED);
		programs_came_by(UPLINK);
		programs_drop(TO_POD, POD_A, &f, DROP_ISOLATED, "from outside, as the node");
		programs_came_by(POD_B);
		programs_drop(TO_POD, POD_A, &f, DROP_ISOLATED, "from a pod, as the node");
		programs_came_by(WHERE_MAX);
	}
	programs_set_flags(POD_A, 0);
}

/** Before what is read of an entry, and behind it; behind the epoch, before what is to hold in it.
 */
static void what_keeps_reads_in_order_is_a_barrier(void **state)
{
	(void)state;
	for (enum program program = FROM_POD; program <= TO_UPLINK; program++) {
		int epoch = program != TO_UPLINK; // which remembers nobody's place

		assert_int_equal(programs_barriers(program, false), 2 + epoch);
		assert_int_equal(programs_barriers(program, true), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_let_through_for_its_flow),
		cmocka_unit_test(nor_for_looking_like_another_flow),
		cmocka_unit_test(what_a_pod_may_do_is_asked_anew_once_it_changes),
		cmocka_unit_test(every_packet_is_counted),
		cmocka_unit_test(what_comes_by_the_stack_changes_its_flow_too),
		cmocka_unit_test(what_the_node_says_does_too),
		cmocka_unit_test(nobody_else_speaks_as_the_node),
		cmocka_unit_test(what_keeps_reads_in_order_is_a_barrier),
	};

	return cmocka_run_group_tests(tests, programs_load, programs_unload);
}
