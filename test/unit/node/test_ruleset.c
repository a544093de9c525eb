// SPDX-License-Identifier: Apache-2.0
/** What holds for every kind of rules, with a kind that is simple and can do all (rules.h). */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "node/rules.h"
#include "node/ruleset.h"
#include "sandbox.h"
#include "test.h"

static const struct attachment C1 = {"net", "c1", "eth0"}, C2 = {"net", "c2", "eth0"},
			       OTHER = {"other", "c1", "eth1"};

/** The first missing line, or "". */
static const char *missing(const struct attachment *a, const char *text)
{
	static char kept[RULES_LINE];
	_cleanup_(freep) char *copy = strdup(text);
	const char *lines[RULES_LINES], *line = "unset";
	struct err e = {};
	RULES(rules, &rules_kind);

	if (ruleset_check(&rules->set, a, lines, rules_split(copy, lines), &line, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	(void)snprintf(kept, sizeof(kept), "%s", line ? line : "");
	return kept;
}

static void resync(void)
{
	struct err e = {};
	RULES(rules, &rules_kind);

	if (ruleset_resync(&rules->set, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

/** The DEL is killed between putting its record away and cleaning nf_tables. */
static void kill_dels(void)
{
	sh("mv /run/edgeway/test/* /run/edgeway/test.gone");
}

static void a_line_stands_for_all_of_its_elements(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5 10.1.0.6, red 10.2.0.5");
	assert_string_equal(addresses_in_sets(), "10.1.0.5 net/c1/eth0,10.1.0.6 net/c1/eth0,"
						 "10.2.0.5 net/c1/eth0,");
	assert_int_equal(lines_with("drop"), 2);
	rules_del(&C1, false);
	assert_string_equal(addresses_in_sets(), "");
}

static void a_further_attachment_is_elements_and_no_rule(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5");
	rules_add(&C2, "blue 10.1.0.6");
	assert_string_equal(addresses_in_sets(), "10.1.0.5 net/c1/eth0,10.1.0.6 net/c2/eth0,");
	assert_int_equal(lines_with("drop"), 1);
}

static void a_new_set_comes_once_with_its_rule_and_nothing_is_lost(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5");
	rules_add(&OTHER, "red 10.2.0.6, red 10.2.0.7");
	rules_add(&C2, "blue 10.1.0.6, green 10.3.0.6");
	assert_string_equal(addresses_in_sets(),
			    "10.1.0.5 net/c1/eth0,10.1.0.6 net/c2/eth0,10.2.0.6 other/c1/eth1,"
			    "10.2.0.7 other/c1/eth1,10.3.0.6 net/c2/eth0,");
	assert_int_equal(lines_with("drop"), 3);
}

static void deleting_needs_no_more_than_the_attachments_name(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5, red 10.2.0.5");
	rules_add(&C2, "blue 10.1.0.6");
	rules_del(&C1, false);
	assert_string_equal(addresses_in_sets(), "10.1.0.6 net/c2/eth0,");
	assert_string_equal(sh_output("ls /run/edgeway/test | wc -l"), "1\n");
	rules_del(&C1, false);
	rules_del(&C2, false);
	assert_string_equal(addresses_in_sets(), "");
	assert_string_equal(sh_output("ls /run/edgeway/test /run/edgeway/test.gone"),
			    "/run/edgeway/test:\n\n/run/edgeway/test.gone:\n");
}

static void who_loses_an_element_to_another_loses_the_record_too(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5 10.1.0.7"); // whose DEL never came
	rules_add(&C2, "blue 10.1.0.5");
	assert_string_equal(addresses_in_sets(), "10.1.0.5 net/c2/eth0,10.1.0.7 net/c1/eth0,");
	assert_string_equal(sh_output("cat /run/edgeway/test/*"),
			    "edgeway net/c2/eth0\nblue 10.1.0.5\n");
	rules_del(&C1, false); // and comes late
	resync();
	assert_string_equal(addresses_in_sets(), "10.1.0.5 net/c2/eth0,");
	rules_del(&C2, false);
	assert_string_equal(addresses_in_sets(), "");
}

/**
 * From here on the records there are come first when their directory is read, before those that are
 * written later: an overlay lists its lower layer first.
 */
static void list_older_records_first(void)
{
	sh("mv /run/edgeway /run/old && mkdir /run/new /run/work /run/edgeway && "
	   "mount -t overlay none -o lowerdir=/run/old,upperdir=/run/new,workdir=/run/work "
	   "/run/edgeway");
}

/** The loser's record is still there, and a directory is read in any order. */
static void the_new_holder_of_an_element_has_it_after_a_rebuild_too(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5"); // whose DEL never came
	list_older_records_first();
	sh("nft flush ruleset");
	rules_add(&C2, "blue 10.1.0.5");
	assert_string_equal(missing(&C2, "blue 10.1.0.5"), "");
	rules_del(&C1, false); // and comes late
	assert_string_equal(addresses_in_sets(), "10.1.0.5 net/c2/eth0,");
}

static void adding_twice_is_as_good_as_once(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5 10.1.0.6");
	rules_add(&C1, "blue 10.1.0.5 10.1.0.6");
	assert_string_equal(addresses_in_sets(), "10.1.0.5 net/c1/eth0,10.1.0.6 net/c1/eth0,");
	assert_string_equal(missing(&C1, "blue 10.1.0.5 10.1.0.6"), "");
	rules_del(&C1, false);
	assert_string_equal(addresses_in_sets(), "");
}

static void a_line_that_comes_twice_is_as_good_as_once(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		rules_add(&C1, "blue 10.1.0.5, blue 10.1.0.5");
		assert_string_equal(addresses_in_sets(), "10.1.0.5 net/c1/eth0,");
	}
	rules_del(&C1, false);
	assert_string_equal(addresses_in_sets(), "");
}

static void a_flushed_ruleset_comes_back_with_the_next_addition(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5, green 10.3.0.5");
	rules_add(&OTHER, "red 10.2.0.6");
	sh("nft flush ruleset");
	rules_add(&C2, "blue 10.1.0.6");
	assert_string_equal(addresses_in_sets(),
			    "10.1.0.5 net/c1/eth0,10.1.0.6 net/c2/eth0,10.2.0.6 other/c1/eth1,"
			    "10.3.0.5 net/c1/eth0,");
	assert_int_equal(lines_with("drop"), 3);
}

static void deleting_from_a_flushed_ruleset_is_no_error(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5");
	sh("nft flush ruleset");
	rules_del(&C1, false);
	rules_del(&C1, true);
	assert_string_equal(sh_output("nft list ruleset"), "");
	assert_string_equal(sh_output("ls /run/edgeway/test"), "");
}

/** Elements alone do nothing: the rules are what somebody took away. */
static void lost_rules_are_noticed_and_mended_by_the_next_careful_addition(void **state)
{
	static const char *const losses[] = {
		"nft flush chain inet edgeway_test out",
		"nft flush chain inet edgeway_test out && nft delete chain inet edgeway_test out",
		"nft delete rule inet edgeway_test out handle $(nft -a list chain inet "
		"edgeway_test out | awk '/@red/ { print $NF }')",
	};

	(void)state;
	rules_add(&C1, "blue 10.1.0.5");
	rules_add(&OTHER, "red 10.2.0.6");
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		char line[RULES_LINE];

		assert_string_equal(missing(&C1, "blue 10.1.0.5"), "");
		sh("%s", losses[i]);
		assert_string_equal(missing(&C1, "blue 10.1.0.5"), "blue 10.1.0.5");
		(void)snprintf(line, sizeof(line), "new%zu 10.3.0.5", i);
		rules_add(&C2, line);
		assert_string_equal(missing(&C2, line), "");
		assert_string_equal(missing(&OTHER, "red 10.2.0.6"), "");
		assert_int_equal(lines_with("drop"), 3);
	}
}

static void resync_makes_what_the_records_say_and_touches_nothing_else(void **state)
{
	struct err e = {};
	RULES(rules, &rules_kind);

	(void)state;
	rules_add(&C1, "blue 10.1.0.5");
	sh("nft flush ruleset && nft add table ip others && nft add table ip edgeway_test && "
	   "nft add table inet edgeway_test && nft add chain inet edgeway_test leftover");
	for (int i = 0; i < 2; i++) { // again, over the same socket
		assert_int_equal(ruleset_resync(&rules->set, &e), 0);
		assert_string_equal(addresses_in_sets(), "10.1.0.5 net/c1/eth0,");
		assert_int_equal(lines_with("drop"), 1);
	}
	sh("nft list table ip others && nft list table ip edgeway_test");
	assert_int_equal(lines_with("leftover"), 0);
}

static void resync_without_records_empties_the_table_if_there_is_one(void **state)
{
	(void)state;
	resync();
	assert_string_equal(sh_output("nft list ruleset"), "");
	assert_false(file_exists("/run/edgeway"));
	rules_add(&C1, "blue 10.1.0.5");
	sh("rm /run/edgeway/test/*");
	resync();
	assert_string_equal(addresses_in_sets(), "");
	assert_int_equal(lines_with("drop"), 0);
	sh("nft list chain inet edgeway_test out");
}

static void damaged_records_are_passed_over(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5");
	file_put("/run/edgeway/test/emptyemptye", "");
	file_put("/run/edgeway/test/garbage", "edgeway net/x/eth0\nnonsense\nred 10.1.0.999\n\n");
	file_put("/run/edgeway/test/half", "edgeway net/y/eth0\nred\ngreen 10.3.0.7\nblue 10.1.");
	resync();
	assert_string_equal(addresses_in_sets(), "10.1.0.5 net/c1/eth0,10.3.0.7 net/y/eth0,");
	assert_int_equal(lines_with("drop"), 2);
	rules_gc("nobody", false);
	assert_string_equal(addresses_in_sets(), "");
	assert_string_equal(sh_output("ls /run/edgeway/test"), "emptyemptye\n"); // whose is it?
}

static void check_names_the_first_line_that_is_missing(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5 10.1.0.6, red 10.2.0.5, green 10.3.0.5");
	assert_string_equal(missing(&C1, "blue 10.1.0.5 10.1.0.6, red 10.2.0.5"), "");
	assert_string_equal(missing(&C1, ""), "");
	assert_string_equal(missing(&C2, "red 10.2.0.5"), "red 10.2.0.5"); // another's
	assert_string_equal(missing(&C1, "green 10.3.0.5, nosuch 10.9.0.5"), "nosuch 10.9.0.5");
	sh("nft delete element inet edgeway_test blue '{ 10.1.0.6 }'");
	sh("nft delete element inet edgeway_test red '{ 10.2.0.5 }'");
	assert_string_equal(missing(&C1, "green 10.3.0.5, blue 10.1.0.5 10.1.0.6, red 10.2.0.5"),
			    "blue 10.1.0.5 10.1.0.6");
	sh("nft flush ruleset");
	assert_string_equal(missing(&C1, "green 10.3.0.5"), "green 10.3.0.5");
}

static void gc_takes_away_what_is_not_kept_of_its_network(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5");
	rules_add(&C2, "blue 10.1.0.6");
	rules_add(&OTHER, "red 10.2.0.6");
	rules_gc("/c2/", false);
	assert_string_equal(addresses_in_sets(), "10.1.0.6 net/c2/eth0,10.2.0.6 other/c1/eth1,");
	assert_string_equal(sh_output("ls /run/edgeway/test | wc -l"), "2\n");
}

static void a_socket_is_opened_when_there_is_work_and_kept_until_the_end(void **state)
{
	const char *missing_line, *lines[] = {"blue 10.1.0.5"};
	struct err e = {};
	RULES(rules, &rules_kind);

	(void)state;
	assert_int_equal(ruleset_add(&rules->set, &C1, NULL, 0, &e), 0);
	assert_int_equal(ruleset_del(&rules->set, &C1, false, &e), 0);
	assert_int_equal(ruleset_check(&rules->set, &C1, NULL, 0, &missing_line, &e), 0);
	assert_null(missing_line);
	assert_int_equal(ruleset_gc(&rules->set, "net", rules_keep, "x", false, &e), 0);
	assert_null(rules->set.nl);
	assert_false(file_exists("/run/edgeway"));

	assert_int_equal(ruleset_add(&rules->set, &C1, lines, 1, &e), 0);
	assert_int_equal(ruleset_del(&rules->set, &C1, false, &e), 0);
	assert_non_null(rules->set.nl);
	ruleset_done(&rules->set);
	assert_null(rules->set.nl);
}

static void a_deletion_that_was_killed_is_completed(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5");
	rules_add(&C2, "blue 10.1.0.6");
	kill_dels();
	rules_del(&C1, false); // by its repetition, for all
	assert_string_equal(addresses_in_sets(), "");
	assert_string_equal(sh_output("ls /run/edgeway/test.gone"), "");
}

static void what_is_gone_does_not_take_a_new_addition_away(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5");
	kill_dels();
	rules_add(&C1, "blue 10.1.0.5");
	rules_add(&C2, "blue 10.1.0.6");
	rules_del(&C2, false);
	assert_string_equal(addresses_in_sets(), "10.1.0.5 net/c1/eth0,");
}

static void gc_completes_deletions_as_well(void **state)
{
	(void)state;
	rules_add(&C1, "blue 10.1.0.5");
	kill_dels();
	rules_gc("/c1/", false);
	assert_string_equal(addresses_in_sets(), "");
	assert_string_equal(sh_output("ls /run/edgeway/test.gone"), "");
}

static void many_at_once_all_find_their_elements(void **state)
{
	enum { N = 16 };

	(void)state;
	for (int i = 0; i < N; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			char container[16], line[RULES_LINE];
			const struct attachment a = {"net", container, "eth0"};

			(void)snprintf(container, sizeof(container), "w%d", i);
			(void)snprintf(line, sizeof(line), "set%d 10.1.0.%d", i % 3, i + 5);
			rules_add(&a, line);
			_exit(0);
		}
	}
	for (int i = 0; i < N; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	assert_string_equal(sh_output("nft list ruleset | grep -o comment | wc -l"), "16\n");
	assert_int_equal(lines_with("drop"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(a_line_stands_for_all_of_its_elements),
		on_a_node(a_further_attachment_is_elements_and_no_rule),
		on_a_node(a_new_set_comes_once_with_its_rule_and_nothing_is_lost),
		on_a_node(deleting_needs_no_more_than_the_attachments_name),
		on_a_node(who_loses_an_element_to_another_loses_the_record_too),
		on_a_node(the_new_holder_of_an_element_has_it_after_a_rebuild_too),
		on_a_node(adding_twice_is_as_good_as_once),
		on_a_node(a_line_that_comes_twice_is_as_good_as_once),
		on_a_node(a_flushed_ruleset_comes_back_with_the_next_addition),
		on_a_node(deleting_from_a_flushed_ruleset_is_no_error),
		on_a_node(lost_rules_are_noticed_and_mended_by_the_next_careful_addition),
		on_a_node(resync_makes_what_the_records_say_and_touches_nothing_else),
		on_a_node(resync_without_records_empties_the_table_if_there_is_one),
		on_a_node(damaged_records_are_passed_over),
		on_a_node(check_names_the_first_line_that_is_missing),
		on_a_node(gc_takes_away_what_is_not_kept_of_its_network),
		on_a_node(a_socket_is_opened_when_there_is_work_and_kept_until_the_end),
		on_a_node(a_deletion_that_was_killed_is_completed),
		on_a_node(what_is_gone_does_not_take_a_new_addition_away),
		on_a_node(gc_completes_deletions_as_well),
		on_a_node(many_at_once_all_find_their_elements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
