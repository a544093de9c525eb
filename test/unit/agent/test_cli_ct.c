// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <string.h>

#include "addresses.h"
#include "cli/ct.h"
#include "node/datapath.h"
#include "test.h"

static const uint64_t NOW = UINT64_C(100000) << 30;

static struct ct_entry entry(uint8_t proto, uint32_t flags)
{
	struct ipaddr low = ip_of("10.9.0.2"), high = ip_of("10.9.0.3");

	return (struct ct_entry){
		.tuple = {.low = datapath_address(&low),
			  .high = datapath_address(&high),
			  .low_port = htons(1111),
			  .high_port = htons(22),
			  .proto = proto},
		.flags = flags,
		.seen = CT_SECONDS(NOW) - 10,
		.created = CT_TICKS(NOW) - 160,
	};
}

static const char *text(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static double real(const json_t *row, const char *key)
{
	return json_real_value(json_object_get(row, key));
}

static void the_source_is_who_began(void **state)
{
	struct ct_entry low = entry(6, 0), high = entry(6, CT_HIGH_BEGAN);
	json_auto_t *a = ct_describe(&low, NOW), *b = ct_describe(&high, NOW);

	(void)state;
	assert_string_equal(text(a, "source"), "10.9.0.2");
	assert_int_equal(json_integer_value(json_object_get(a, "source_port")), 1111);
	assert_string_equal(text(b, "source"), "10.9.0.3");
	assert_int_equal(json_integer_value(json_object_get(b, "source_port")), 22);
	assert_string_equal(text(b, "destination"), "10.9.0.2");
}

static void times_are_seconds(void **state)
{
	struct ct_entry udp = entry(17, 0);
	json_auto_t *row = ct_describe(&udp, NOW);

	(void)state;
	// 10 units of 2^30 ns, 160 of 2^26 ns, and 60 - 10 until it expires
	assert_float_equal(real(row, "idle_seconds"), 10.737, 0.0005);
	assert_float_equal(real(row, "age_seconds"), 10.737, 0.0005);
	assert_float_equal(real(row, "expires_in_seconds"), 53.687, 0.0005);
}

static void a_packet_of_the_next_moment_is_of_now(void **state)
{
	struct ct_entry udp = entry(17, 0);
	json_auto_t *row = NULL;

	(void)state;
	udp.seen = CT_SECONDS(NOW) + 1; // while we walked
	udp.created = CT_TICKS(NOW) + 1;
	row = ct_describe(&udp, NOW);
	assert_float_equal(real(row, "idle_seconds"), 0, 0);
	assert_float_equal(real(row, "age_seconds"), 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_source_is_who_began),
		cmocka_unit_test(times_are_seconds),
		cmocka_unit_test(a_packet_of_the_next_moment_is_of_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
