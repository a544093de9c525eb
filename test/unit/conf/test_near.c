// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "conf/near.h"
#include "test.h"

static const struct conf_field fields[] = {
	{.key = "bridge"},
	{.key = "isGateway"},
	{.key = "isDefaultGateway"},
	{.key = "mtu"},
	{.key = "ipMasq"},
	{.key = "ipMask"},
	{.key = "vlan"},
	conf_end,
};

static void a_slip_or_two_lead_to_the_key(void **state)
{
	static const struct {
		const char *typed, *meant;
	} rows[] = {
		{"bridge", "bridge"},
		{"BRIDGE", "bridge"},
		{"brige", "bridge"},
		{"bridgee", "bridge"},
		{"bridgd", "bridge"},
		{"birdge", "bridge"},
		{"isGatway", "isGateway"},
		{"isdefaultgatewy", "isDefaultGateway"},
		{"mtx", "mtu"},
		{"ipmasc", "ipMasq"}, // as near as ipMask: the first of the table
		{"mt", "mtu"},
		{"mx", NULL},
		{"tum", NULL},
		{"lan", "vlan"},
		{"plans", NULL},
		{"", NULL},
		{"colour", NULL},
		{"bri", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct conf_field *near = conf_nearest(fields, rows[i].typed);
		const char *found = near ? near->key : NULL;

		if (!found != !rows[i].meant || (found && strcmp(found, rows[i].meant) != 0))
			fail_msg("\"%s\": %s, not %s", rows[i].typed, found, rows[i].meant);
	}
}

static void keys_of_any_length_are_compared_without_harm(void **state)
{
	char key[500];

	(void)state;
	for (size_t n = 1; n < sizeof(key); n++) {
		memset(key, 'b', n);
		key[n] = '\0';
		assert_null(conf_nearest(fields, key));
	}
	assert_null(conf_nearest(NULL, "bridge"));
	assert_null(conf_nearest(fields, "\xff\xfe\x80"));
}

static void a_long_key_of_the_table_is_passed_over(void **state)
{
	char key[200];
	const struct conf_field table[] = {{.key = key}, {.key = "bridge"}, conf_end};

	(void)state;
	memset(key, 'x', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	assert_null(conf_nearest(table, "xx"));
	assert_string_equal(conf_nearest(table, "bridg")->key, "bridge");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slip_or_two_lead_to_the_key),
		cmocka_unit_test(keys_of_any_length_are_compared_without_harm),
		cmocka_unit_test(a_long_key_of_the_table_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
