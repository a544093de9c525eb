// SPDX-License-Identifier: Apache-2.0
/** Connections: which way they go, what state they are in, when they end, who makes room. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdio.h>
#include <string.h>

#include "programs.h"
#include "test.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

/** A segment of A's connection to B's port 80, or of another family, or by another port. */
static struct frame segment(int v6, uint16_t port, uint8_t flags)
{
	struct frame f = v6 ? frame6("fd00::2", "fd00::3", IPPROTO_TCP)
			    : frame4("10.0.0.2", "10.0.0.3", IPPROTO_TCP);

	frame_tcp(&f, port, 80, flags);
	return f;
}

static struct frame answer(const struct frame *f, uint8_t flags)
{
	struct frame r = frame_reply(f);

	r.bytes[r.l4 + 13] = flags;
	memcpy(r.bytes, "\x02\0\0\0\x01\x03\x02\0\0\0\0\x03", 12); // B and its gateway
	return r;
}

static uint32_t flags_of(const struct frame *f)
{
	struct ct_entry e;

	assert_true(programs_flow(f, &e));
	// Who is lower is by chance; and what came by nowhere is the node's.
	return e.flags & ~(uint32_t)(CT_HIGH_BEGAN | CT_NODE);
}

/** The handshake of a connection of A with B, by the direct way. */
static struct frame established(int v6, uint16_t port)
{
	struct frame syn = segment(v6, port, SYN), ack = segment(v6, port, ACK);
	struct frame reply = answer(&syn, SYN | ACK);

	assert_int_equal(programs_run(FROM_POD, POD_A, &syn), REDIRECTED);
	assert_int_equal(programs_run(FROM_POD, POD_B, &reply), REDIRECTED);
	assert_int_equal(programs_run(FROM_POD, POD_A, &ack), REDIRECTED);
	return ack;
}

static void a_connection_goes_from_pod_to_pod(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct frame syn = segment(v6, 1000, SYN), ack = segment(v6, 1000, ACK);
		struct frame reply = answer(&syn, SYN | ACK);
		unsigned int flows = programs_flows();

		assert_int_equal(programs_run(FROM_POD, POD_A, &syn), REDIRECTED);
		assert_int_equal(flags_of(&syn), 0);
		assert_int_equal(programs_run(FROM_POD, POD_B, &reply), REDIRECTED);
		assert_int_equal(flags_of(&syn), CT_REPLIED);
		assert_int_equal(programs_run(FROM_POD, POD_A, &ack), REDIRECTED);
		assert_int_equal(flags_of(&syn), CT_REPLIED | CT_CONFIRMED);
		assert_int_equal(programs_flows(), flows + 1);
	}
}

/** A service's address was translated into B's: the answer goes back the way it came. */
static void what_came_through_the_stack_goes_back_through_it(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct frame syn = segment(v6, 1001, SYN), reply = answer(&syn, SYN | ACK);

		assert_int_equal(programs_run(TO_POD, POD_B, &syn), PASSED);
		assert_true(flags_of(&syn) & CT_STACK);
		assert_int_equal(programs_run(FROM_POD, POD_B, &reply), PASSED);
		assert_int_equal(programs_run(TO_POD, POD_A, &reply), PASSED);
	}
}

/** A socket with a port of its own may ask B itself first, and then a service that is B. */
static void so_does_what_went_another_way_before(void **state)
{
	struct frame udp = frame4("10.0.0.2", "10.0.0.3", IPPROTO_UDP), answered;

	(void)state;
	frame_ports(&udp, 997, 53);
	answered = answer(&udp, 0);
	assert_int_equal(programs_run(FROM_POD, POD_A, &udp), REDIRECTED);
	assert_int_equal(programs_run(FROM_POD, POD_B, &answered), REDIRECTED);
	assert_int_equal(programs_run(TO_POD, POD_B, &udp), PASSED);
	assert_int_equal(programs_run(FROM_POD, POD_B, &answered), PASSED);
}

static void udp_and_icmp_do_too(void **state)
{
	struct frame udp = frame4("10.0.0.2", "10.0.0.3", IPPROTO_UDP), answered;
	struct frame ping = frame4("10.0.0.2", "10.0.0.3", IPPROTO_ICMP), pong;

	(void)state;
	frame_ports(&udp, 999, 53);
	answered = answer(&udp, 0);
	assert_int_equal(programs_run(TO_POD, POD_B, &udp), PASSED);
	assert_int_equal(programs_run(FROM_POD, POD_B, &answered), PASSED);
	frame_icmp(&ping, 8, 77);
	pong = frame4("10.0.0.3", "10.0.0.2", IPPROTO_ICMP);
	frame_icmp(&pong, 0, 77);
	memcpy(pong.bytes, "\x02\0\0\0\x01\x03\x02\0\0\0\0\x03", 12);
	assert_int_equal(programs_run(TO_POD, POD_B, &ping), PASSED);
	assert_int_equal(programs_run(FROM_POD, POD_B, &pong), PASSED);
	frame_icmp(&ping, 8, 78);
	frame_icmp(&pong, 0, 78);
	assert_int_equal(programs_run(FROM_POD, POD_A, &ping), REDIRECTED);
	assert_int_equal(programs_run(FROM_POD, POD_B, &pong), REDIRECTED);
}

/** Whatever was there may have been translated: TCP under way goes through the stack. */
static void a_connection_under_way_is_picked_up_by_the_stack(void **state)
{
	struct frame data = segment(0, 1002, ACK), back = answer(&data, ACK);

	(void)state;
	assert_int_equal(programs_run(FROM_POD, POD_A, &data), PASSED);
	assert_int_equal(flags_of(&data), CT_STACK | CT_PICKED_UP);
	assert_int_equal(programs_run(FROM_POD, POD_B, &back), PASSED);
	assert_int_equal(flags_of(&data), CT_STACK | CT_PICKED_UP | CT_REPLIED | CT_CONFIRMED);
}

static void errors_go_the_way_of_what_they_are_about(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		const char *a = v6 ? "fd00::2" : "10.0.0.2", *b = v6 ? "fd00::3" : "10.0.0.3";
		struct frame direct = established(v6, 1003), syn = segment(v6, 1004, SYN), error;

		error = frame_error(b, a, v6 ? 1 : 3, &direct);
		memcpy(error.bytes, "\x02\0\0\0\x01\x03\x02\0\0\0\0\x03", 12);
		assert_int_equal(programs_run(FROM_POD, POD_B, &error), REDIRECTED);
		assert_int_equal(programs_run(TO_POD, POD_B, &syn), PASSED);
		error = frame_error(b, a, v6 ? 1 : 3, &syn);
		memcpy(error.bytes, "\x02\0\0\0\x01\x03\x02\0\0\0\0\x03", 12);
		assert_int_equal(programs_run(FROM_POD, POD_B, &error), PASSED);
		syn = segment(v6, 1005, SYN); // nobody's
		error = frame_error(b, a, v6 ? 1 : 3, &syn);
		memcpy(error.bytes, "\x02\0\0\0\x01\x03\x02\0\0\0\0\x03", 12);
		assert_int_equal(programs_run(FROM_POD, POD_B, &error), PASSED);
		assert_false(programs_flow(&syn, &(struct ct_entry){}));
	}
}

/** A flow between two of them opens no way for either's errors to a third. */
static void errors_about_flows_of_others_go_by_the_stack(void **state)
{
	struct frame syn = established(0, 1020),
		     error = frame_error("10.0.0.3", "10.0.0.2", 3, &syn);
	struct frame other = frame_error("10.0.0.3", "192.0.2.9", 3, &syn);

	(void)state;
	memcpy(error.bytes, "\x02\0\0\0\x01\x03\x02\0\0\0\0\x03", 12);
	memcpy(other.bytes, error.bytes, 12);
	assert_int_equal(programs_run(FROM_POD, POD_B, &error), REDIRECTED);
	assert_int_equal(programs_run(FROM_POD, POD_B, &other), PASSED);
	programs_set_flags(POD_B, ENDPOINT_ISOLATED);
	programs_drop(FROM_POD, POD_B, &other, DROP_ISOLATED, "an error about a flow of others");
	programs_set_flags(POD_B, 0);
}

static void a_port_may_be_used_again(void **state)
{
	struct frame ack = established(0, 1006), fin = segment(0, 1006, FIN | ACK), end, syn;

	(void)state;
	end = answer(&fin, FIN | ACK);
	assert_int_equal(programs_run(FROM_POD, POD_A, &fin), REDIRECTED);
	assert_int_equal(programs_run(FROM_POD, POD_B, &end), REDIRECTED);
	assert_int_equal(flags_of(&ack) & (CT_LOW_FIN | CT_HIGH_FIN), CT_LOW_FIN | CT_HIGH_FIN);
	syn = segment(0, 1006, SYN); // now to a service, whose address is translated
	assert_int_equal(programs_run(TO_POD, POD_B, &syn), PASSED);
	assert_int_equal(flags_of(&syn), CT_STACK);
	ack = established(0, 1007);
	end = answer(&ack, RST);
	assert_int_equal(programs_run(FROM_POD, POD_B, &end), REDIRECTED);
	syn = segment(0, 1007, SYN);
	assert_int_equal(programs_run(FROM_POD, POD_A, &syn), REDIRECTED);
	assert_int_equal(flags_of(&syn), 0);
}

static void what_is_long_over_is_forgotten(void **state)
{
	struct frame syn = segment(0, 1008, SYN), back = answer(&syn, SYN | ACK), late;
	struct frame udp = frame4("10.0.0.2", "10.0.0.3", IPPROTO_UDP), ack;

	(void)state;
	assert_int_equal(programs_run(TO_POD, POD_B, &syn), PASSED);
	assert_int_equal(programs_run(FROM_POD, POD_B, &back), PASSED);
	programs_age(&syn, 121);
	assert_int_equal(programs_run(FROM_POD, POD_A, &syn), REDIRECTED); // it begins anew
	ack = established(0, 1009);
	programs_age(&ack, 4 * 86400); // five days are not over
	assert_int_equal(programs_run(FROM_POD, POD_A, &ack), REDIRECTED);
	programs_age(&ack, 402401);
	late = answer(&ack, ACK);
	assert_int_equal(programs_run(FROM_POD, POD_B, &late), PASSED);
	assert_true(flags_of(&ack) & CT_PICKED_UP);
	frame_ports(&udp, 998, 53);
	assert_int_equal(programs_run(TO_POD, POD_B, &udp), PASSED);
	programs_age(&udp, 61);
	assert_int_equal(programs_run(FROM_POD, POD_A, &udp), REDIRECTED);
}

/** Whoever has the address now has nothing of what his predecessor began. */
static void connections_end_with_the_pod(void **state)
{
	struct frame syn = segment(0, 1010, SYN), ack = segment(0, 1010, ACK);
	struct ct_entry flow;

	(void)state;
	assert_int_equal(programs_run(FROM_POD, POD_A, &syn), REDIRECTED);
	assert_true(programs_flow(&syn, &flow));
	programs_heir(POD_A, flow.created + 1, 0);
	assert_int_equal(programs_run(FROM_POD, POD_A, &ack), PASSED);
	assert_int_equal(flags_of(&ack), CT_STACK | CT_PICKED_UP);
	programs_heir(POD_A, 0, 0);
	ack = established(0, 1014); // and nothing of it is the receiver's successor's
	assert_true(programs_flow(&ack, &flow));
	programs_heir(POD_B, flow.created + 1, 0);
	assert_int_equal(programs_run(FROM_POD, POD_A, &ack), PASSED);
	assert_int_equal(flags_of(&ack), CT_STACK | CT_PICKED_UP);
	programs_heir(POD_B, 0, 0);
}

/** Nothing goes in or out of a pod that waits for its policy, but answers to what the node asks. */
static void an_isolated_pod_is_alone(void **state)
{
	struct frame syn = segment(0, 1011, SYN), back = answer(&syn, SYN | ACK), group, local;
	struct frame outside = syn;

	(void)state;
	programs_set_flags(POD_B, ENDPOINT_ISOLATED);
	programs_drop(FROM_POD, POD_A, &syn, DROP_ISOLATED, "another pod");
	outside.bytes[5] = 4; // to the uplink's MAC address
	programs_drop(FROM_UPLINK, UPLINK, &outside, DROP_ISOLATED, "from outside");
	programs_drop(FROM_POD, POD_B, &back, DROP_ISOLATED, "unasked");
	group = frame4("10.0.0.3", "224.0.0.251", IPPROTO_UDP);
	memcpy(group.bytes, "\x01\0\x5e\0\0\xfb\x02\0\0\0\0\x03", 12);
	programs_drop(FROM_POD, POD_B, &group, DROP_ISOLATED, "to a group");
	local = frame6("fe80::ff:fe00:3", "fe80::1", IPPROTO_UDP);
	memcpy(local.bytes, "\x02\0\0\0\x01\x03\x02\0\0\0\0\x03", 12);
	programs_drop(FROM_POD, POD_B, &local, DROP_ISOLATED, "by its link-local address");
	programs_came_by(UPLINK);
	programs_drop(TO_POD, POD_B, &syn, DROP_ISOLATED, "passed on by the node");
	programs_came_by(WHERE_MAX);
	assert_int_equal(programs_run(TO_POD, POD_B, &syn), PASSED);
	assert_int_equal(programs_run(FROM_POD, POD_B, &back), PASSED);
	programs_set_flags(POD_B, 0);
}

/** What others have begun with whoever had the address before leads nobody to an isolated pod. */
static void nobody_gets_to_an_isolated_pod_by_its_predecessors_flows(void **state)
{
	struct frame ack = established(0, 1013), back = answer(&ack, ACK);
	struct frame udp = frame4("10.0.0.2", "10.0.0.3", IPPROTO_UDP);
	struct ct_entry flow;

	(void)state;
	frame_ports(&udp, 1013, 53);
	assert_int_equal(programs_run(FROM_POD, POD_A, &udp), REDIRECTED);
	assert_true(programs_flow(&udp, &flow));
	programs_heir(POD_B, flow.created + 1, ENDPOINT_ISOLATED);
	programs_drop(FROM_POD, POD_A, &udp, DROP_ISOLATED, "UDP to a successor");
	programs_drop(FROM_POD, POD_A, &udp, DROP_ISOLATED, "UDP to a successor, again");
	programs_heir(POD_B, flow.created, ENDPOINT_ISOLATED); // at about the same time
	programs_drop(FROM_POD, POD_A, &udp, DROP_ISOLATED, "UDP to one of the same tick");
	programs_drop(FROM_POD, POD_A, &ack, DROP_ISOLATED, "TCP to one of the same tick");
	programs_drop(FROM_POD, POD_B, &back, DROP_ISOLATED, "out of one of the same tick");
	programs_heir(POD_B, 0, 0);
}

/** Behind a bridge frames are the bridge's: it may keep ports apart. */
static void chained_pods_take_no_short_way(void **state)
{
	struct frame syn = segment(0, 1012, SYN);

	(void)state;
	programs_set_flags(POD_B, ENDPOINT_CHAINED);
	assert_int_equal(programs_run(FROM_POD, POD_A, &syn), PASSED);
	assert_int_equal(flags_of(&syn), CT_STACK);
	programs_set_flags(POD_B, 0);
}

static void what_is_not_the_pods_does_not_go_in(void **state)
{
	struct frame f = frame4("10.0.0.2", "10.0.0.3", IPPROTO_UDP);

	(void)state;
	programs_drop(TO_POD, POD_A, &f, DROP_NOT_MINE, "another pod's address");
	f = frame4("10.0.0.2", "10.0.0.77", IPPROTO_UDP);
	programs_drop(TO_POD, POD_A, &f, DROP_NOT_MINE, "nobody's");
}

/** The @i-th of as many flows as one likes. */
static struct frame flow(unsigned int i)
{
	char ip[32];
	struct frame f;

	(void)snprintf(ip, sizeof(ip), "172.16.%u.%u", i >> 16, i >> 8 & 255);
	f = frame4("10.0.0.2", ip, IPPROTO_UDP);
	frame_ports(&f, (uint16_t)(i & 255), 4000);
	return f;
}

enum { OFFERED = 1000000, LIVE = 2000, ASLEEP = 4 };

/**
 * A million flows that nobody answers, and two thousand that are alive: these stay, each of them,
 * and the table is no larger than it was. So do those that slept for minutes, of which the node's
 * stack knows nothing: every fourth.
 */
static void a_flood_displaces_nobody_who_is_alive(void **state)
{
	unsigned int lost = 0;

	(void)state;
	for (uint16_t i = 0; i < LIVE; i++) {
		struct frame ack = established(i & 1, (uint16_t)(20000 + i));

		if (i % ASLEEP == 0)
			programs_age(&ack, 300);
	}
	for (unsigned int i = 0; i < OFFERED; i++) {
		struct frame f = flow(i);

		assert_int_equal(programs_run(FROM_POD, POD_A, &f), PASSED);
	}
	assert_true(programs_flows() <= CT_BUCKETS * CT_WAYS);
	for (uint16_t i = 0; i < LIVE; i++) {
		struct frame ack = segment(i & 1, (uint16_t)(20000 + i), ACK);

		lost += programs_run(FROM_POD, POD_A, &ack) != REDIRECTED;
	}
	assert_int_equal(lost, 0);
	(void)printf("# %u flows of a million offered are kept, in %zu bytes\n", programs_flows(),
		     CT_BUCKETS * sizeof(struct ct_bucket));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_goes_from_pod_to_pod),
		cmocka_unit_test(what_came_through_the_stack_goes_back_through_it),
		cmocka_unit_test(so_does_what_went_another_way_before),
		cmocka_unit_test(udp_and_icmp_do_too),
		cmocka_unit_test(a_connection_under_way_is_picked_up_by_the_stack),
		cmocka_unit_test(errors_go_the_way_of_what_they_are_about),
		cmocka_unit_test(errors_about_flows_of_others_go_by_the_stack),
		cmocka_unit_test(a_port_may_be_used_again),
		cmocka_unit_test(what_is_long_over_is_forgotten),
		cmocka_unit_test(connections_end_with_the_pod),
		cmocka_unit_test(an_isolated_pod_is_alone),
		cmocka_unit_test(nobody_gets_to_an_isolated_pod_by_its_predecessors_flows),
		cmocka_unit_test(chained_pods_take_no_short_way),
		cmocka_unit_test(what_is_not_the_pods_does_not_go_in),
		cmocka_unit_test(a_flood_displaces_nobody_who_is_alive),
	};

	return cmocka_run_group_tests(tests, programs_load, programs_unload);
}
