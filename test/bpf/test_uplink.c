// SPDX-License-Identifier: Apache-2.0
/** Between pods and outside. */
#include <netinet/icmp6.h>
#include <netinet/in.h>

#include <string.h>

#include "programs.h"
#include "sandbox.h"
#include "test.h"

enum { SYN = 2, ACK = 16 };

/** A segment from outside to pod A's port 80. */
static struct frame incoming(int v6, uint16_t port, uint8_t flags)
{
	struct frame f = v6 ? frame6("2001:db8::9", "fd00::2", IPPROTO_TCP)
			    : frame4("192.0.2.9", "10.0.0.2", IPPROTO_TCP);

	frame_tcp(&f, port, 80, flags);
	memcpy(f.bytes, "\x02\0\0\0\x01\x04\x06\0\0\0\0\x09", 12); // the uplink's own MAC address
	return f;
}

static struct frame outgoing(const struct frame *f, uint8_t flags)
{
	struct frame r = frame_reply(f);

	r.bytes[r.l4 + 13] = flags;
	memcpy(r.bytes, "\x02\0\0\0\x01\x02\x02\0\0\0\0\x02", 12); // A and its gateway
	return r;
}

static void who_comes_from_outside_gets_in_past_the_stack(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct frame syn = incoming(v6, 1000, SYN), reply = outgoing(&syn, SYN | ACK);
		struct frame ack = incoming(v6, 1000, ACK);
		struct ct_entry e;

		assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &syn), REDIRECTED);
		assert_int_equal(programs_run(FROM_POD, POD_A, &reply), REDIRECTED);
		assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &ack), REDIRECTED);
		ack.bytes[5] = 9; // for another MAC address: heard, but not the node's
		assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &ack), PASSED);
		assert_true(programs_flow(&syn, &e));
		assert_int_not_equal(e.uplink, 0);
		assert_true(e.flags & CT_CONFIRMED);
	}
}

/** Who went out by the stack is answered through it. */
static void what_a_pod_asked_outside_comes_by_the_stack(void **state)
{
	struct frame reply = incoming(0, 1001, SYN | ACK), syn = outgoing(&reply, SYN);

	(void)state;
	assert_int_equal(programs_run(FROM_POD, POD_A, &syn), PASSED);
	assert_int_equal(programs_run(TO_UPLINK, UPLINK, &syn), PASSED);
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &reply), PASSED);
	assert_int_equal(programs_run(TO_POD, POD_A, &reply), PASSED);
}

/** From the pod it was for a service; what leaves is for who stands behind it. */
static void so_does_the_answer_of_who_stands_behind_a_service(void **state)
{
	struct frame to_service = frame4("10.0.0.2", "10.43.0.1", IPPROTO_UDP);
	struct frame translated = frame4("10.0.0.2", "192.0.2.9", IPPROTO_UDP), reply;

	(void)state;
	frame_ports(&to_service, 4000, 53);
	frame_ports(&translated, 4000, 5353);
	reply = frame_reply(&translated);
	memcpy(reply.bytes, "\x02\0\0\0\x01\x04\x06\0\0\0\0\x09", 12);
	assert_int_equal(programs_run(FROM_POD, POD_A, &to_service), PASSED);
	assert_int_equal(programs_run(TO_UPLINK, UPLINK, &translated), PASSED);
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &reply), PASSED);
}

/** For as long as somebody speaks, whoever it is, for minutes. */
static void and_it_does_for_as_long_as_they_talk(void **state)
{
	struct frame translated = frame4("10.0.0.2", "192.0.2.9", IPPROTO_UDP), reply;

	(void)state;
	for (uint16_t port = 4001; port <= 4002; port++) {
		frame_ports(&translated, port, 5353);
		reply = frame_reply(&translated);
		memcpy(reply.bytes, "\x02\0\0\0\x01\x04\x06\0\0\0\0\x09", 12);
		assert_int_equal(programs_run(TO_UPLINK, UPLINK, &translated), PASSED);
		for (int i = 0; i < 10; i++) {
			programs_age(&translated, 50);
			if (port == 4001)
				assert_int_equal(programs_run(TO_UPLINK, UPLINK, &translated),
						 PASSED);
			else
				assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &reply), PASSED);
		}
		assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &reply), PASSED);
	}
}

static void what_is_no_pods_is_left_alone(void **state)
{
	struct frame f = frame4("192.0.2.9", "192.0.2.1", IPPROTO_TCP),
		     strange = incoming(0, 9, SYN);
	struct frame arp = frame_arp(1, "192.0.2.9", "192.0.2.1"), promiscuous = strange;
	uint64_t before = programs_counted(DROP_NONE, DIR_FROM_UPLINK);

	(void)state;
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &f), PASSED);
	assert_int_equal(programs_run(TO_UPLINK, UPLINK, &f), PASSED);
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &arp), PASSED);
	promiscuous.bytes[5] = 9; // for another MAC address
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &promiscuous), PASSED);
	strange.bytes[L3] = 0x44; // malformed: the stack says what becomes of it
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &strange), PASSED);
	assert_int_equal(programs_counted(DROP_NONE, DIR_FROM_UPLINK), before);
}

static void a_connection_under_way_goes_by_the_stack(void **state)
{
	struct frame data = incoming(0, 1002, ACK);

	(void)state;
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &data), PASSED);
	assert_int_equal(programs_run(TO_POD, POD_A, &data), PASSED);
}

static void errors_from_outside_find_their_flow(void **state)
{
	struct frame syn = incoming(0, 1003, SYN), reply = outgoing(&syn, SYN | ACK), error;

	(void)state;
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &syn), REDIRECTED);
	error = frame_error("192.0.2.77", "10.0.0.2", 3, &reply); // of a router between
	memcpy(error.bytes, syn.bytes, 12);
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &error), REDIRECTED);
	frame_ports(&reply, 80, 1004);
	error = frame_error("192.0.2.77", "10.0.0.2", 3, &reply);
	memcpy(error.bytes, syn.bytes, 12);
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &error), PASSED);
}

/** Senders that are not behind the uplink: the stack, which knows all ways, is to judge them. */
static void who_is_elsewhere_does_not_get_past_the_stack(void **state)
{
	static const char *const senders[] = {"10.0.0.3",  "192.0.2.1", "127.0.0.1",
					      "224.0.0.1", "0.0.0.0",   "198.51.100.9"};
	struct frame direct = frame4("10.0.0.2", "10.0.0.3", IPPROTO_UDP), f;

	(void)state;
	frame_ports(&direct, 80, 1006); // what is between pods is no way in either
	assert_int_equal(programs_run(FROM_POD, POD_A, &direct), REDIRECTED);
	for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
		f = frame4(senders[i], "10.0.0.2", IPPROTO_UDP);
		frame_ports(&f, 1006, 80);
		memcpy(f.bytes, "\x02\0\0\0\x01\x04\x06\0\0\0\0\x09", 12);
		if (programs_run(FROM_UPLINK, UPLINK, &f) != PASSED)
			fail_msg("%s should be the stack's to judge", senders[i]);
	}
}

/** What comes by another interface all of a sudden, or has been translated: from then on so is all.
 */
static void a_flow_that_comes_by_the_stack_once_stays_there(void **state)
{
	struct frame syn = incoming(0, 1007, SYN), reply = outgoing(&syn, SYN | ACK);
	struct frame ack = incoming(0, 1007, ACK);

	(void)state;
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &syn), REDIRECTED);
	assert_int_equal(programs_run(FROM_POD, POD_A, &reply), REDIRECTED);
	assert_int_equal(programs_run(FROM_UPLINK, POD_B, &ack), PASSED);
	assert_int_equal(programs_run(TO_POD, POD_A, &ack), PASSED);
	assert_int_equal(programs_run(FROM_POD, POD_A, &reply), PASSED);
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &ack), PASSED);
}

/** Looked at again after a while: without a way there, or as long as it leads elsewhere. */
static void a_flow_goes_the_way_that_the_node_knows(void **state)
{
	struct frame syn = incoming(0, 1009, SYN), reply = outgoing(&syn, SYN | ACK);

	(void)state;
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &syn), REDIRECTED);
	assert_int_equal(programs_run(FROM_POD, POD_A, &reply), REDIRECTED);
	sh("ip route add blackhole 192.0.2.9/32");
	programs_age(&syn, 2);
	assert_int_equal(programs_run(FROM_POD, POD_A, &reply), PASSED);
	assert_int_equal(programs_run(FROM_POD, POD_A, &reply), PASSED);
	sh("ip route del blackhole 192.0.2.9/32");
	assert_int_equal(programs_run(FROM_POD, POD_A, &reply), REDIRECTED);
	sh("ip route add 192.0.2.9/32 dev poda");
	programs_age(&syn, 2);
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &syn), PASSED);
	assert_int_equal(programs_run(FROM_POD, POD_A, &reply), PASSED);
	sh("ip route del 192.0.2.9/32 dev poda"); // what the stack has taken over it keeps
	assert_int_equal(programs_run(FROM_POD, POD_A, &reply), PASSED);
}

/** A node that does not filter by the reverse path routes what says it is from another pod. */
static void nobody_outside_speaks_as_a_pod(void **state)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};

	(void)state;
	for (size_t i = 0; i < sizeof(protos); i++) {
		struct frame f = frame4("10.0.0.3", "10.0.0.2", protos[i]);

		frame_ports(&f, 1010, 80);
		programs_came_by(UPLINK);
		programs_drop(TO_POD, POD_A, &f, DROP_NOT_FROM_POD, "from outside");
		programs_came_by(POD_B);
		assert_int_equal(programs_run(TO_POD, POD_A, &f), PASSED);
		assert_int_equal(programs_run(TO_POD, POD_A, &f), PASSED);
		programs_came_by(UPLINK);
		programs_drop(TO_POD, POD_A, &f, DROP_NOT_FROM_POD, "in a flow that is known");
		programs_came_by(WHERE_MAX);
		assert_int_equal(programs_run(TO_POD, POD_A, &f), PASSED);
	}
}

static void an_isolated_pod_is_closed_to_its_predecessors_flows(void **state)
{
	struct frame syn = incoming(0, 1008, SYN);
	struct ct_entry flow;

	(void)state;
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &syn), REDIRECTED);
	assert_true(programs_flow(&syn, &flow));
	programs_heir(POD_A, flow.created, ENDPOINT_ISOLATED); // of the same tick
	programs_drop(FROM_UPLINK, UPLINK, &syn, DROP_ISOLATED, "a flow of the same tick");
	programs_heir(POD_A, 0, 0);
}

static void chained_pods_are_the_stacks(void **state)
{
	struct frame syn = incoming(0, 1005, SYN);

	(void)state;
	programs_set_flags(POD_A, ENDPOINT_CHAINED);
	assert_int_equal(programs_run(FROM_UPLINK, UPLINK, &syn), PASSED);
	programs_set_flags(POD_A, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_comes_from_outside_gets_in_past_the_stack),
		cmocka_unit_test(what_a_pod_asked_outside_comes_by_the_stack),
		cmocka_unit_test(so_does_the_answer_of_who_stands_behind_a_service),
		cmocka_unit_test(and_it_does_for_as_long_as_they_talk),
		cmocka_unit_test(what_is_no_pods_is_left_alone),
		cmocka_unit_test(a_connection_under_way_goes_by_the_stack),
		cmocka_unit_test(errors_from_outside_find_their_flow),
		cmocka_unit_test(who_is_elsewhere_does_not_get_past_the_stack),
		cmocka_unit_test(a_flow_that_comes_by_the_stack_once_stays_there),
		cmocka_unit_test(a_flow_goes_the_way_that_the_node_knows),
		cmocka_unit_test(nobody_outside_speaks_as_a_pod),
		cmocka_unit_test(an_isolated_pod_is_closed_to_its_predecessors_flows),
		cmocka_unit_test(chained_pods_are_the_stacks),
	};

	return cmocka_run_group_tests(tests, programs_load, programs_unload);
}
