// SPDX-License-Identifier: Apache-2.0
/** What who listens hears; and that an old connection is taken over as it was. */
#include <netinet/in.h>

#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "programs.h"
#include "test.h"

enum { FIN = 1, SYN = 2, ACK = 16 };

static struct frame segment(uint16_t port, uint8_t flags)
{
	struct frame f = frame4("10.0.0.2", "10.0.0.3", IPPROTO_TCP);

	frame_tcp(&f, port, 80, flags);
	return f;
}

static struct frame answer(const struct frame *f, uint8_t flags)
{
	struct frame r = frame_reply(f);

	r.bytes[r.l4 + 13] = flags;
	memcpy(r.bytes, "\x02\0\0\0\x01\x03\x02\0\0\0\0\x03", 12);
	return r;
}

static void nobody_listens_and_nothing_is_said(void **state)
{
	struct frame syn = segment(1000, SYN);
	struct event e;

	(void)state;
	programs_listen(0, 1000);
	assert_int_equal(programs_run(FROM_POD, POD_A, &syn), REDIRECTED);
	assert_false(programs_event(&e));
}

static void a_flow_is_told_by_its_changes(void **state)
{
	struct frame syn = segment(1001, SYN), ack = segment(1001, ACK),
		     fin = segment(1001, FIN | ACK);
	struct frame reply = answer(&syn, SYN | ACK);
	struct event e;

	(void)state;
	programs_listen(EVENT_FLOWS, 1000);
	(void)programs_run(FROM_POD, POD_A, &syn);
	assert_true(programs_event(&e));
	assert_int_equal(e.kind, EVENT_FLOWS);
	assert_int_equal(e.what, FLOW_NEW);
	assert_int_equal(e.dir, DIR_OUT_OF_POD);
	assert_int_equal(e.ifindex, if_nametoindex("poda"));
	assert_int_equal(e.proto, IPPROTO_TCP);
	assert_memory_equal(e.src.bytes + 12, "\x0a\x00\x00\x02", 4);
	assert_memory_equal(e.dst.bytes + 12, "\x0a\x00\x00\x03", 4);
	assert_memory_equal(&e.dport, "\x00\x50", 2);
	(void)programs_run(FROM_POD, POD_B, &reply);
	assert_true(programs_event(&e));
	assert_int_equal(e.what, FLOW_REPLIED);
	for (int i = 0; i < 100; i++)
		(void)programs_run(FROM_POD, POD_A, &ack);
	assert_false(programs_event(&e)); // within five seconds nothing new
	programs_age(&ack, 1);
	(void)programs_run(FROM_POD, POD_A, &fin);
	assert_true(programs_event(&e));
	assert_int_equal(e.what, FLOW_CLOSED);
	programs_listen(0, 0);
}

static void drops_are_told_with_their_reason(void **state)
{
	struct frame f = frame4("10.0.0.9", "10.0.0.3", IPPROTO_UDP);
	struct event e;

	(void)state;
	programs_listen(EVENT_DROPS, 1000);
	assert_int_equal(programs_run(FROM_POD, POD_A, &f), DROPPED);
	assert_true(programs_event(&e));
	assert_int_equal(e.kind, EVENT_DROPS);
	assert_int_equal(e.what, DROP_SRC_IP4);
	programs_listen(EVENT_FLOWS, 1000);
	assert_int_equal(programs_run(FROM_POD, POD_A, &f), DROPPED);
	assert_false(programs_event(&e));
	programs_listen(0, 0);
}

/** What is too much is counted, and said with the next. */
static void no_more_is_said_than_was_asked_for(void **state)
{
	struct frame f = frame4("10.0.0.9", "10.0.0.3", IPPROTO_UDP);
	unsigned int heard = 0;
	struct event e;

	(void)state;
	programs_listen(EVENT_DROPS, 5);
	(void)sleep(2); // what has been said in this second counts
	for (int i = 0; i < 100; i++)
		(void)programs_run(FROM_POD, POD_A, &f);
	while (programs_event(&e))
		heard++;
	assert_true(heard >= 5 && heard <= 20); // the second, or the CPU, may have changed
	programs_listen(EVENT_DROPS, 1000);
	for (int i = 0; i < 100 && !e.lost; i++) {
		(void)programs_run(FROM_POD, POD_A, &f);
		(void)programs_event(&e);
	}
	assert_true(e.lost > 0);
	programs_listen(0, 0);
}

static void a_connection_is_taken_over_once(void **state)
{
	struct frame syn = segment(1002, SYN), carried = {};
	struct ct_entry old = {}, new;

	(void)state;
	(void)programs_run(TO_POD, POD_B, &syn);
	assert_true(programs_flow(&syn, &old));
	old.tuple.low_port ^= 0x0100; // another
	old.tuple.high_port ^= 0x0100;
	carried.len = L3 + sizeof(old);
	memcpy(carried.bytes + L3, &old, sizeof(old));
	carried.bytes[12] = 0x88; // no type that the kernel looks into
	carried.bytes[13] = 0xb5;
	for (int i = 0; i < 2; i++) {
		unsigned int flows = programs_flows();

		assert_int_equal(programs_run(CARRY, UPLINK, &carried), 0);
		assert_int_equal(programs_flows(), flows + !i);
	}
	frame_ports(&syn, 1002 ^ 1, 80 ^ 1);
	assert_true(programs_flow(&syn, &new));
	assert_int_equal(new.flags, old.flags);
	assert_int_equal(new.created, old.created);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_listens_and_nothing_is_said),
		cmocka_unit_test(a_flow_is_told_by_its_changes),
		cmocka_unit_test(drops_are_told_with_their_reason),
		cmocka_unit_test(no_more_is_said_than_was_asked_for),
		cmocka_unit_test(a_connection_is_taken_over_once),
	};

	return cmocka_run_group_tests(tests, programs_load, programs_unload);
}
