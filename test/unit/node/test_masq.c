// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "node/masq.h"
#include "sandbox.h"
#include "test.h"

static const struct attachment C1 = {"net", "c1", "eth0"}, C2 = {"net", "c2", "eth0"},
			       OTHER = {"other", "c1", "eth1"};

/** A call's worth of state. */
struct node {
	struct arena arena;
	struct masq q;
};

static void node_done(struct node *n)
{
	masq_done(&n->q);
	arena_free(&n->arena);
}

static struct node *node_init(struct node *n)
{
	*n = (struct node){};
	n->q.arena = &n->arena;
	return n;
}

#define NODE(name)                                                                                 \
	_cleanup_(node_done) struct node name##_;                                                  \
	struct node *name = node_init(&name##_)

/** "10.1.0.5/16 fd00::5/64" as prefixes; returns their number. */
static size_t prefixes(const char *text, struct prefix out[])
{
	char copy[256], *rest;
	size_t n = 0;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		assert_null(prefix_parse(&out[n++], word));
	return n;
}

static void add(const struct attachment *a, const char *addresses)
{
	struct prefix p[8];
	struct err e = {};
	NODE(node);

	if (masq_add(&node->q, a, p, prefixes(addresses, p), &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

static void del(const struct attachment *a, const char *addresses)
{
	struct prefix p[8];
	struct err e = {};
	NODE(node);

	if (masq_del(&node->q, a, p, prefixes(addresses, p), &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

static int check(const struct attachment *a, const char *addresses, struct err *e)
{
	struct prefix p[8];
	NODE(node);

	return masq_check(&node->q, a, p, prefixes(addresses, p), e);
}

/** The elements of all sets, as "ADDRESS comment" in order, a comma after each. */
static const char *elements(void)
{
	return sh_output("nft list ruleset | tr '\\n\\t{}' '    ' | "
			 "grep -oE '[0-9a-f.:]+ comment \"[^\"]*\"' | sort | "
			 "sed 's/ comment \"edgeway / /; s/\"//' | tr '\\n' ','");
}

static void the_table_is_the_documented_one(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16 fd00::5/64");
	assert_string_equal(sh_output("nft list ruleset"),
			    "table inet edgeway_masq {\n"
			    "\tset pods_10.1.0.0/16 {\n"
			    "\t\ttype ipv4_addr\n"
			    "\t\telements = { 10.1.0.5 comment \"edgeway net/c1/eth0\" }\n"
			    "\t}\n\n"
			    "\tset pods_fd00__/64 {\n"
			    "\t\ttype ipv6_addr\n"
			    "\t\telements = { fd00::5 comment \"edgeway net/c1/eth0\" }\n"
			    "\t}\n\n"
			    "\tchain postrouting {\n"
			    "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
			    "\t\tip saddr @pods_10.1.0.0/16 ip daddr != 10.1.0.0/16 "
			    "ip daddr != 224.0.0.0/4 masquerade\n"
			    "\t\tip6 saddr @pods_fd00__/64 ip6 daddr != fd00::/64 "
			    "ip6 daddr != ff00::/8 masquerade\n"
			    "\t}\n"
			    "}\n");
	sh("nft list ruleset > /run/before && nft flush ruleset && nft -f /run/before && "
	   "nft list ruleset > /run/after && diff /run/before /run/after");
}

static void a_further_attachment_is_one_element_more(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16");
	add(&C2, "10.1.0.6/16");
	assert_string_equal(elements(), "10.1.0.5 net/c1/eth0,10.1.0.6 net/c2/eth0,");
	assert_string_equal(sh_output("nft list ruleset | grep -c masquerade"), "1\n");
}

static void another_subnet_is_another_rule_and_loses_nothing(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16");
	add(&OTHER, "10.2.0.6/24");
	add(&C2, "10.1.0.6/16 fd00::6/64");
	assert_string_equal(elements(), "10.1.0.5 net/c1/eth0,10.1.0.6 net/c2/eth0,"
					"10.2.0.6 other/c1/eth1,fd00::6 net/c2/eth0,");
	assert_string_equal(sh_output("nft list ruleset | grep -c masquerade"), "3\n");
}

static void deleting_needs_no_more_than_the_attachments_name(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16 fd00::5/64");
	add(&C2, "10.1.0.6/16");
	del(&C1, "");
	assert_string_equal(elements(), "10.1.0.6 net/c2/eth0,");
	assert_string_equal(sh_output("ls /run/edgeway/masq | wc -l"), "1\n");
	del(&C1, "");
	del(&C2, "10.9.9.9/16"); // the record knows better
	assert_string_equal(elements(), "");
	assert_string_equal(sh_output("ls /run/edgeway/masq"), "");
}

static void without_a_record_the_given_addresses_are_deleted(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16 fd00::5/64");
	sh("rm -r /run/edgeway");
	del(&C1, "10.1.0.5/16 fd00::5/64 10.77.0.1/24");
	assert_string_equal(elements(), "");
}

static void an_address_that_has_passed_to_another_is_left_alone(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16");
	sh("rm -r /run/edgeway");
	del(&C2, "10.1.0.5/16");
	assert_string_equal(elements(), "10.1.0.5 net/c1/eth0,");
}

static void the_new_holder_of_an_address_takes_the_element_over(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16"); // whose DEL never came
	add(&C2, "10.1.0.5/16");
	assert_string_equal(elements(), "10.1.0.5 net/c2/eth0,");
	del(&C1, ""); // and comes late
	assert_string_equal(elements(), "10.1.0.5 net/c2/eth0,");
	del(&C2, "");
	assert_string_equal(elements(), "");
}

static void adding_twice_is_as_good_as_once(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16");
	add(&C1, "10.1.0.5/16");
	assert_string_equal(elements(), "10.1.0.5 net/c1/eth0,");
	add(&C1, "10.1.0.7/16"); // the container was given another address since
	del(&C1, "");
	assert_null(strstr(elements(), "10.1.0.7"));
}

static void a_flushed_ruleset_comes_back_with_the_next_addition(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16 fd00::5/64");
	add(&OTHER, "10.2.0.6/24");
	sh("nft flush ruleset");
	add(&C2, "10.1.0.6/16");
	assert_string_equal(elements(), "10.1.0.5 net/c1/eth0,10.1.0.6 net/c2/eth0,"
					"10.2.0.6 other/c1/eth1,fd00::5 net/c1/eth0,");
	assert_string_equal(sh_output("nft list ruleset | grep -c masquerade"), "3\n");
}

static void deleting_from_a_flushed_ruleset_is_no_error(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16");
	sh("nft flush ruleset");
	del(&C1, "");
	del(&C1, "10.1.0.5/16");
	assert_string_equal(sh_output("nft list ruleset"), "");
	assert_string_equal(sh_output("ls /run/edgeway/masq"), "");
}

static void resync_makes_what_the_records_say_and_touches_nothing_else(void **state)
{
	struct err e = {};
	NODE(node);

	(void)state;
	add(&C1, "10.1.0.5/16");
	sh("nft flush ruleset && nft add table ip others && "
	   "nft add table inet edgeway_masq && nft add chain inet edgeway_masq leftover");
	assert_int_equal(masq_resync(&node->q, &e), 0);
	assert_string_equal(elements(), "10.1.0.5 net/c1/eth0,");
	sh("nft list table ip others");
	assert_int_equal(sh_status("nft list ruleset | grep -q leftover"), 1);
	assert_int_equal(masq_resync(&node->q, &e), 0); // again, over the same socket
	assert_string_equal(elements(), "10.1.0.5 net/c1/eth0,");
	assert_string_equal(sh_output("nft list ruleset | grep -c masquerade"), "1\n");
}

static void resync_without_records_makes_an_empty_table(void **state)
{
	struct err e = {};
	NODE(node);

	(void)state;
	assert_int_equal(masq_resync(&node->q, &e), 0);
	assert_string_equal(elements(), "");
	sh("nft list chain inet edgeway_masq postrouting");
}

static void damaged_records_are_passed_over(void **state)
{
	struct err e = {};
	NODE(node);

	(void)state;
	add(&C1, "10.1.0.5/16");
	file_put("/run/edgeway/masq/emptyemptye", "");
	file_put("/run/edgeway/masq/garbage", "edgeway net/x/eth0\nnonsense\n10.1.0.9/99\n\n");
	assert_int_equal(masq_resync(&node->q, &e), 0);
	assert_string_equal(elements(), "10.1.0.5 net/c1/eth0,");
}

static void check_tells_whether_each_address_is_masqueraded(void **state)
{
	struct err e = {};

	(void)state;
	add(&C1, "10.1.0.5/16 fd00::5/64");
	assert_int_equal(check(&C1, "10.1.0.5/16 fd00::5/64", &e), 0);
	assert_int_equal(check(&C1, "", &e), 0);
	assert_int_equal(check(&C2, "10.1.0.5/16", &e), -1); // another's
	sh("nft delete element inet edgeway_masq pods_fd00__/64 '{ fd00::5 }'");
	assert_int_equal(check(&C1, "10.1.0.5/16 fd00::5/64", &e), -1);
	assert_int_equal(e.code, ERR_MISMATCH);
	assert_string_equal(e.msg, "fd00::5 is not masqueraded");
	assert_string_equal(e.details, "the ruleset was flushed or changed; --resync rebuilds it");
}

/** A container that GC keeps. */
static bool keep(const char *tag, void *ctx)
{
	return strstr(tag, ctx) != NULL;
}

static void gc_takes_away_what_is_not_kept_of_its_network(void **state)
{
	struct err e = {};
	NODE(node);

	(void)state;
	add(&C1, "10.1.0.5/16");
	add(&C2, "10.1.0.6/16");
	add(&OTHER, "10.2.0.6/24");
	assert_int_equal(masq_gc(&node->q, "net", keep, (char[]){"/c2/"}, &e), 0);
	assert_string_equal(elements(), "10.1.0.6 net/c2/eth0,10.2.0.6 other/c1/eth1,");
	assert_string_equal(sh_output("ls /run/edgeway/masq | wc -l"), "2\n");
}

static void a_socket_is_opened_only_when_there_is_work(void **state)
{
	struct err e = {};
	NODE(node);

	(void)state;
	assert_int_equal(masq_add(&node->q, &C1, NULL, 0, &e), 0);
	assert_int_equal(masq_del(&node->q, &C1, NULL, 0, &e), 0);
	assert_int_equal(masq_check(&node->q, &C1, NULL, 0, &e), 0);
	assert_int_equal(masq_gc(&node->q, "net", keep, (char[]){"x"}, &e), 0);
	assert_null(node->q.nl);
	assert_false(file_exists("/run/edgeway"));
}

/** The DEL was killed between putting its record away and cleaning nf_tables. */
static void a_deletion_that_was_killed_is_completed(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16");
	add(&C2, "10.1.0.6/16");
	sh("mkdir /run/edgeway/masq.gone && mv /run/edgeway/masq/* /run/edgeway/masq.gone");
	del(&C1, ""); // by its repetition, for all
	assert_string_equal(elements(), "");
	assert_string_equal(sh_output("ls /run/edgeway/masq.gone"), "");
}

static void what_is_gone_does_not_take_a_new_addition_away(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16");
	sh("mkdir /run/edgeway/masq.gone && mv /run/edgeway/masq/* /run/edgeway/masq.gone");
	add(&C1, "10.1.0.5/16");
	add(&C2, "10.1.0.6/16");
	del(&C2, "");
	assert_string_equal(elements(), "10.1.0.5 net/c1/eth0,");
}

static void gc_completes_deletions_as_well(void **state)
{
	struct err e = {};
	NODE(node);

	(void)state;
	add(&C1, "10.1.0.5/16");
	sh("mkdir /run/edgeway/masq.gone && mv /run/edgeway/masq/* /run/edgeway/masq.gone");
	assert_int_equal(masq_gc(&node->q, "net", keep, (char[]){"/c1/"}, &e), 0);
	assert_string_equal(elements(), "");
}

static void many_at_once_find_everybody_masqueraded(void **state)
{
	enum { N = 16 };

	(void)state;
	for (int i = 0; i < N; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			char container[16], address[32];
			const struct attachment a = {"net", container, "eth0"};

			(void)snprintf(container, sizeof(container), "w%d", i);
			(void)snprintf(address, sizeof(address), "10.%d.0.%d/16", i % 3, i + 5);
			add(&a, address);
			_exit(0);
		}
	}
	for (int i = 0; i < N; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	assert_string_equal(sh_output("nft list ruleset | grep -o comment | wc -l"), "16\n");
	assert_string_equal(sh_output("nft list ruleset | grep -c masquerade"), "3\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(the_table_is_the_documented_one),
		on_a_node(a_further_attachment_is_one_element_more),
		on_a_node(another_subnet_is_another_rule_and_loses_nothing),
		on_a_node(deleting_needs_no_more_than_the_attachments_name),
		on_a_node(without_a_record_the_given_addresses_are_deleted),
		on_a_node(an_address_that_has_passed_to_another_is_left_alone),
		on_a_node(the_new_holder_of_an_address_takes_the_element_over),
		on_a_node(adding_twice_is_as_good_as_once),
		on_a_node(a_flushed_ruleset_comes_back_with_the_next_addition),
		on_a_node(deleting_from_a_flushed_ruleset_is_no_error),
		on_a_node(resync_makes_what_the_records_say_and_touches_nothing_else),
		on_a_node(resync_without_records_makes_an_empty_table),
		on_a_node(damaged_records_are_passed_over),
		on_a_node(check_tells_whether_each_address_is_masqueraded),
		on_a_node(gc_takes_away_what_is_not_kept_of_its_network),
		on_a_node(a_socket_is_opened_only_when_there_is_work),
		on_a_node(a_deletion_that_was_killed_is_completed),
		on_a_node(what_is_gone_does_not_take_a_new_addition_away),
		on_a_node(gc_completes_deletions_as_well),
		on_a_node(many_at_once_find_everybody_masqueraded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
