// SPDX-License-Identifier: Apache-2.0
/** Elements that have lost their records; test_ruleset.c has what is removed by them. */
#include "node/rules.h"
#include "sandbox.h"
#include "test.h"

static const struct attachment C1 = {"net", "c1", "eth0"}, C2 = {"net", "c2", "eth0"},
			       OTHER = {"other", "c1", "eth1"};

static void what_has_lost_its_record_is_searched_for_if_that_is_wished(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5 10.1.0.6, red 10.2.0.5");
	rules_add(&C2, "blue 10.1.0.7, green 10.3.0.7");
	sh("rm -r /run/edgeway && nft add element inet edgeway_test blue "
	   "'{ 10.1.0.9, 10.1.0.10 comment \"theirs\" }'");
	rules_del(&C1, false);
	assert_int_equal(lines_with("elements"), 3);
	rules_del(&C1, true);
	assert_string_equal(
		addresses_in_sets(),
		"10.1.0.10 comment theirs\",10.1.0.7 net/c2/eth0,10.3.0.7 net/c2/eth0,");
	rules_del(&C2, true);
	assert_string_equal(addresses_in_sets(), "10.1.0.10 comment theirs\",");
	assert_int_equal(lines_with("10[.]1[.]0[.]9"), 1);
	assert_false(file_exists("/run/edgeway"));
}

/** Far more than the kernel lists in one go. */
static void many_that_have_lost_their_records_are_found(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5");
	sh("rm -r /run/edgeway && for i in $(seq 2000); do echo \"add element inet edgeway_test "
	   "blue "
	   "{ 10.2.$((i / 250)).$((i %% 250)) comment \\\"edgeway net/c$((i %% 2))/eth0\\\" }\"; "
	   "done | "
	   "nft -f -");
	rules_del(&C1, true);
	assert_string_equal(sh_output("nft list ruleset | grep -o comment | wc -l"), "1000\n");
	rules_gc("/none/", true);
	assert_int_equal(lines_with("comment"), 0);
}

static void gc_finds_what_has_lost_its_record(void **state)
{
	(void)state;
	rules_gc("/none/", true); // without a table
	rules_add(&C1, "blue 10.1.0.5, red 10.2.0.5");
	rules_add(&OTHER, "red 10.2.0.6");
	sh("rm -r /run/edgeway");
	rules_add(&C2, "blue 10.1.0.6");
	rules_gc("/c2/", false);
	assert_int_equal(lines_with("10.2.0.5"), 1);
	rules_gc("/c2/", true);
	assert_string_equal(addresses_in_sets(), "10.1.0.6 net/c2/eth0,10.2.0.6 other/c1/eth1,");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(what_has_lost_its_record_is_searched_for_if_that_is_wished),
		on_a_node(many_that_have_lost_their_records_are_found),
		on_a_node(gc_finds_what_has_lost_its_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
