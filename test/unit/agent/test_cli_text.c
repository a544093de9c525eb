// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "cli/text.h"
#include "test.h"

static void spans_have_two_units(void **state)
{
	static const struct {
		double seconds;
		const char *text;
	} rows[] = {{-1, "now"},      {0.9, "now"},           {1, "1s"},        {59.9, "59s"},
		    {60, "1m00s"},    {3599, "59m59s"},       {3600, "1h00m"},  {86399, "23h59m"},
		    {86400, "1d00h"}, {7200 * 1.07, "2h08m"}, {1e8, "1157d09h"}};
	char buf[TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(text_age(rows[i].seconds, buf), rows[i].text);
}

static void sizes_have_a_unit_that_fits(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {{0, "0 B"},
		    {1023, "1023 B"},
		    {1024, "1.0 KiB"},
		    {1536, "1.5 KiB"},
		    {1048575, "1.0 MiB"},
		    {1 << 20, "1.0 MiB"},
		    {UINT64_C(5) << 30, "5.0 GiB"},
		    {UINT64_MAX, "16.0 EiB"}};
	char buf[TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(text_bytes(rows[i].bytes, buf), rows[i].text);
}

static void an_end_is_an_address_and_a_port(void **state)
{
	char buf[TEXT_SIZE];

	(void)state;
	assert_string_equal(text_end("10.9.0.2", 80, buf), "10.9.0.2:80");
	assert_string_equal(text_end("fd00::2", 80, buf), "[fd00::2]:80");
	assert_string_equal(text_end("fd00::2", 0, buf), "fd00::2");
	assert_string_equal(text_end("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, buf),
			    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void a_time_of_the_kernel_is_one_of_the_calendar(void **state)
{
	char buf[TEXT_SIZE];

	(void)state;
	assert_string_equal(text_time(1, 0, buf), "1970-01-01T00:00:00.000000001Z");
	assert_string_equal(text_time(5000000007, INT64_C(1795340113000000000), buf),
			    "2026-11-22T09:35:18.000000007Z");
}

static void what_this_version_does_not_know_is_a_number(void **state)
{
	char buf[TEXT_SIZE];

	(void)state;
	assert_string_equal(text_reason(DROP_SRC_MAC, buf).name, "SRC_MAC");
	assert_string_equal(text_reason(DROP_SRC_MAC, buf).label, "source MAC");
	assert_string_equal(text_reason(DROP_MAX, buf).name + 1,
			    text_reason(DROP_MAX, buf).label + 1);
	assert_string_equal(text_reason(4711, buf).name, "#4711");
	assert_string_equal(text_direction(DIR_TO_UPLINK, buf), "to-uplink");
	assert_string_equal(text_direction(DIR_MAX, buf), "#4");
	assert_string_equal(text_proto(132, buf), "sctp");
	assert_string_equal(text_proto(3, buf), "#3");
	assert_string_equal(text_proto(255, buf), "#255");
	assert_string_equal(text_flow(FLOW_GOES_ON, buf), "goes-on");
	assert_string_equal(text_flow(9, buf), "#9");
}

static void flags_of_tcp_are_listed(void **state)
{
	char buf[TEXT_SIZE];

	(void)state;
	assert_string_equal(text_tcp_flags(0, buf), "");
	assert_string_equal(text_tcp_flags(0x12, buf), "SYN,ACK");
	assert_string_equal(text_tcp_flags(0xff, buf), "FIN,SYN,RST,PSH,ACK,URG,ECE,CWR");
}

static void a_connection_has_one_state(void **state)
{
	static const struct {
		unsigned int flags, proto;
		const char *text;
	} rows[] = {
		{0, 6, "syn"},
		{CT_REPLIED, 6, "opening"},
		{CT_REPLIED | CT_CONFIRMED, 6, "established"},
		{CT_CONFIRMED | CT_PICKED_UP, 6, "picked-up"},
		{CT_REPLIED | CT_CONFIRMED | CT_LOW_FIN, 6, "closing"},
		{CT_CONFIRMED | CT_LOW_FIN | CT_HIGH_FIN, 6, "closed"},
		{CT_CONFIRMED | CT_LOW_FIN | CT_RESET, 6, "reset"},
		{0, 17, "unanswered"},
		{CT_REPLIED | CT_RESET, 17, "answered"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(text_ct_state(rows[i].flags, rows[i].proto), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_have_two_units),
		cmocka_unit_test(sizes_have_a_unit_that_fits),
		cmocka_unit_test(an_end_is_an_address_and_a_port),
		cmocka_unit_test(a_time_of_the_kernel_is_one_of_the_calendar),
		cmocka_unit_test(what_this_version_does_not_know_is_a_number),
		cmocka_unit_test(flags_of_tcp_are_listed),
		cmocka_unit_test(a_connection_has_one_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
