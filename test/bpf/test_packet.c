// SPDX-License-Identifier: Apache-2.0
/** Frames that are no good, and those that only look so. */
#include <netinet/icmp6.h>
#include <netinet/in.h>

#include <stdbool.h>
#include <string.h>

#include "programs.h"
#include "test.h"

static struct frame udp4(void)
{
	struct frame f = frame4("10.0.0.2", "10.0.0.9", IPPROTO_UDP);

	frame_ports(&f, 1000, 2000);
	return f;
}

static struct frame udp6(void)
{
	struct frame f = frame6("fd00::2", "fd00::9", IPPROTO_UDP);

	frame_ports(&f, 1000, 2000);
	return f;
}

/** Cut anywhere a frame is too short, and nothing worse. The kernel runs none without an IP header.
 */
static void no_length_is_too_short_to_be_read(void **state)
{
	struct frame frames[] = {udp4(), udp6(), frame4("10.0.0.2", "10.0.0.9", IPPROTO_TCP),
				 frame_arp(1, "10.0.0.2", "10.0.0.9")};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct frame f = frames[i];
		size_t least = f.l4 ? f.l4 : L3;

		for (f.len--; f.len >= least; f.len--)
			programs_drop(FROM_POD, POD_A, &f, DROP_SHORT, "cut");
	}
}

static void lengths_and_versions_must_agree(void **state)
{
	static const struct {
		const char *what;
		bool v6;
		struct patch patch;
		enum drop_reason reason;
	} rows[] = {
		{"version 5", false, {L3, 1, "\x55"}, DROP_MALFORMED},
		{"version 4 as IPv6", true, {L3, 1, "\x45"}, DROP_MALFORMED},
		{"header of 16 bytes", false, {L3, 1, "\x44"}, DROP_MALFORMED},
		{"total length below the header's", false, {L3 + 2, 2, "\x00\x13"}, DROP_MALFORMED},
		{"total length above the frame's", false, {L3 + 2, 2, "\x05\x00"}, DROP_SHORT},
		{"payload length above the frame's", true, {L3 + 4, 2, "\x05\x00"}, DROP_SHORT},
		{"options beyond the end", false, {L3, 1, "\x4f"}, DROP_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = rows[i].v6 ? udp6() : udp4();

		frame_patch(&f, &rows[i].patch);
		programs_drop(FROM_POD, POD_A, &f, rows[i].reason, rows[i].what);
	}
}

/** @f with IPv4 options of @len bytes, a multiple of 4. */
static struct frame with_options(const char *options, size_t len)
{
	struct frame f = udp4();

	memmove(f.bytes + f.l4 + len, f.bytes + f.l4, f.len - f.l4);
	memcpy(f.bytes + f.l4, options, len);
	f.l4 = (uint8_t)(f.l4 + len);
	f.len += len;
	f.bytes[L3] = (uint8_t)(0x45 + len / 4);
	f.bytes[L3 + 3] = (uint8_t)(f.len - L3);
	return f;
}

static void the_sender_does_not_choose_the_way(void **state)
{
	struct frame strict = with_options("\x89\x07\x04\x0a\x00\x00\x03\x00", 8),
		     loose = with_options("\x01\x83\x07\x04\x0a\x00\x00\x03", 8),
		     alert = with_options("\x94\x04\x00\x00", 4),
		     end = with_options("\x00\x89\x07\x04", 4),
		     endless = with_options("\x94\x00\x00\x00", 4), type0 = udp6(), type2 = udp6();

	(void)state;
	programs_drop(FROM_POD, POD_A, &strict, DROP_SOURCE_ROUTE, "strict");
	programs_drop(FROM_POD, POD_A, &loose, DROP_SOURCE_ROUTE, "loose, behind a no-op");
	assert_int_equal(programs_run(FROM_POD, POD_A, &alert), PASSED);
	assert_int_equal(programs_run(FROM_POD, POD_A, &end), PASSED);
	programs_drop(FROM_POD, POD_A, &endless, DROP_MALFORMED, "an option of no length");
	frame_extension(&type0, IPPROTO_ROUTING);
	programs_drop(FROM_POD, POD_A, &type0, DROP_SOURCE_ROUTE, "IPv6, type 0");
	frame_extension(&type2, IPPROTO_ROUTING);
	type2.bytes[type2.l4 - 6] = 2;
	assert_int_equal(programs_run(FROM_POD, POD_A, &type2), PASSED);
}

static void extension_headers_are_looked_through(void **state)
{
	struct frame f = udp6();
	struct ct_entry flow;

	(void)state;
	frame_extension(&f, IPPROTO_HOPOPTS);
	frame_extension(&f, IPPROTO_DSTOPTS);
	assert_int_equal(programs_run(FROM_POD, POD_A, &f), PASSED);
	f = udp6();
	assert_true(programs_flow(&f, &flow)); // with the ports from behind them
	frame_ports(&f, 68, 2000);
	for (int i = 0; i < 7; i++)
		frame_extension(&f, IPPROTO_DSTOPTS);
	programs_drop(FROM_POD, POD_A, &f, DROP_EXTENSIONS, "seven of them");
}

static void later_fragments_belong_to_the_first(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct frame first = v6 ? frame6("fd00::2", "fd00::3", IPPROTO_UDP)
					: frame4("10.0.0.2", "10.0.0.3", IPPROTO_UDP);
		struct frame whole = first, later = first, stray = first;
		unsigned int flows;

		frame_ports(&whole, 1234, 53);
		first = whole;
		frame_fragment(&first, 77, 0, 1);
		frame_fragment(&later, 77, 1, 0);
		frame_fragment(&stray, 78, 1, 0);
		programs_drop(FROM_POD, POD_A, &later, DROP_FRAGMENT, "before the first");
		assert_int_equal(programs_run(FROM_POD, POD_A, &first), REDIRECTED);
		flows = programs_flows();
		assert_int_equal(programs_run(FROM_POD, POD_A, &later), REDIRECTED);
		assert_int_equal(programs_flows(), flows);
		programs_drop(FROM_POD, POD_A, &stray, DROP_FRAGMENT, "of no first");
	}
}

static void protocols_without_ports_are_tracked_too(void **state)
{
	struct frame gre = frame4("10.0.0.2", "10.0.0.3", IPPROTO_GRE);
	struct ct_entry flow;

	(void)state;
	assert_int_equal(programs_run(FROM_POD, POD_A, &gre), REDIRECTED);
	assert_true(programs_flow(&gre, &flow));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_length_is_too_short_to_be_read),
		cmocka_unit_test(lengths_and_versions_must_agree),
		cmocka_unit_test(the_sender_does_not_choose_the_way),
		cmocka_unit_test(extension_headers_are_looked_through),
		cmocka_unit_test(later_fragments_belong_to_the_first),
		cmocka_unit_test(protocols_without_ports_are_tracked_too),
	};

	return cmocka_run_group_tests(tests, programs_load, programs_unload);
}
