// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "netlink/conversation.h"
#include "node/ipt_forward.h"
#include "node/rules.h"
#include "sandbox.h"
#include "test.h"

static const struct ipaddr V4 = {.family = AF_INET, .bytes = {10, 1, 0, 5}};
static const struct ipaddr BOTH[] = {{.family = AF_INET, .bytes = {10, 1, 0, 6}},
				     {.family = AF_INET6, .bytes = {0xfd, [15] = 6}}};

#define DROPPING "iptables -P FORWARD DROP && ip6tables -P FORWARD DROP"

static int beside_docker(void **state)
{
	return conversation_begin(state, NETLINK_NETFILTER, DROPPING);
}

static int alone(void **state)
{
	return conversation_begin(state, NETLINK_NETFILTER, NULL);
}

/** Returns whether others' rules were lost. */
static bool add(struct nl *nl, const char *tag, const struct ipaddr *ips, size_t n)
{
	struct err e = {};
	bool lost;

	if (ipt_forward_add(nl, tag, ips, n, &lost, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	return lost;
}

static void del(struct nl *nl, const char *part)
{
	struct err e = {};

	if (ipt_forward_del(nl, rules_keep, part, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

static const char *check(struct nl *nl, const char *tag, const struct ipaddr *ips, size_t n)
{
	static struct err e;

	e = (struct err){};
	if (ipt_forward_check(nl, tag, ips, n, &e) == 0)
		return NULL;
	assert_int_equal(e.code, ERR_MISMATCH);
	return e.msg;
}

static int rules_now(const char *iptables)
{
	return atoi(sh_output("%s -S | grep -c 'edgeway ' || [ $? = 1 ]", iptables));
}

static void rules_are_those_of_the_documentation(void **state)
{
	assert_true(add(*state, "edgeway n/c/eth0", BOTH, 2));
	assert_string_equal(
		sh_output("iptables -S"),
		"-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-N CNI-FORWARD\n"
		"-A FORWARD -m comment --comment \"CNI firewall plugin rules\" -j CNI-FORWARD\n"
		"-A CNI-FORWARD -d 10.1.0.6/32 -m conntrack --ctstate RELATED,ESTABLISHED "
		"-m comment --comment \"edgeway n/c/eth0\" -j ACCEPT\n"
		"-A CNI-FORWARD -s 10.1.0.6/32 -m comment --comment \"edgeway n/c/eth0\" "
		"-j ACCEPT\n");
	assert_string_equal(
		sh_output("ip6tables -S CNI-FORWARD"),
		"-N CNI-FORWARD\n"
		"-A CNI-FORWARD -d fd00::6/128 -m conntrack --ctstate RELATED,ESTABLISHED "
		"-m comment --comment \"edgeway n/c/eth0\" -j ACCEPT\n"
		"-A CNI-FORWARD -s fd00::6/128 -m comment --comment \"edgeway n/c/eth0\" "
		"-j ACCEPT\n");
	assert_null(check(*state, "edgeway n/c/eth0", BOTH, 2));
}

static void who_jumped_first_does_it_for_all(void **state)
{
	sh("iptables -N CNI-FORWARD && iptables -A FORWARD -j CNI-FORWARD && "
	   "iptables -A FORWARD -i lo -j DROP");
	assert_true(add(*state, "edgeway n/c/eth0", &V4, 1)); // no rule of ours was there
	assert_false(add(*state, "edgeway n/d/eth0", BOTH, 1));
	assert_string_equal(sh_output("iptables -S FORWARD"),
			    "-P FORWARD DROP\n-A FORWARD -j CNI-FORWARD\n"
			    "-A FORWARD -i lo -j DROP\n");
	assert_int_equal(rules_now("iptables"), 4);
}

static void the_same_again_changes_nothing(void **state)
{
	(void)add(*state, "edgeway n/c/eth0", BOTH, 2);
	assert_false(add(*state, "edgeway n/c/eth0", BOTH, 2));
	assert_int_equal(rules_now("iptables"), 2);
	assert_int_equal(rules_now("ip6tables"), 2);
}

static void without_such_a_chain_nothing_is_made(void **state)
{
	assert_false(add(*state, "edgeway n/c/eth0", BOTH, 2));
	assert_null(check(*state, "edgeway n/c/eth0", BOTH, 2));
	del(*state, "");
	assert_string_equal(sh_output("nft list ruleset"), "");
	sh("nft add table ip filter"); // not of iptables: no chain FORWARD
	assert_false(add(*state, "edgeway n/c/eth0", BOTH, 2));
	assert_string_equal(sh_output("nft list ruleset"), "table ip filter {\n}\n");
}

static void only_whose_comment_is_named_goes(void **state)
{
	(void)add(*state, "edgeway n/c/eth0", BOTH, 2);
	(void)add(*state, "edgeway n/d/eth0", &V4, 1);
	sh("iptables -A CNI-FORWARD -s 10.1.0.6/32 -j ACCEPT"); // of the reference plugin, say
	del(*state, "/c/");
	assert_int_equal(rules_now("iptables"), 2);
	assert_int_equal(rules_now("ip6tables"), 0);
	sh("iptables -C CNI-FORWARD -s 10.1.0.6/32 -j ACCEPT");
	assert_null(check(*state, "edgeway n/d/eth0", &V4, 1));
	del(*state, "/c/");
	assert_int_equal(rules_now("iptables"), 2);
}

static void rules_that_were_saved_and_restored_are_known(void **state)
{
	(void)add(*state, "edgeway n/c/eth0", &V4, 1);
	sh("iptables-save > /run/saved && iptables -F && iptables -X && "
	   "iptables-restore < /run/saved");
	assert_null(check(*state, "edgeway n/c/eth0", &V4, 1));
	del(*state, "/c/");
	assert_int_equal(rules_now("iptables"), 0);
}

static void a_loss_is_named(void **state)
{
	(void)add(*state, "edgeway n/c/eth0", BOTH, 2);
	sh("ip6tables -D CNI-FORWARD 1");
	assert_string_equal(check(*state, "edgeway n/c/eth0", BOTH, 2),
			    "the container's rules are missing in iptables' CNI-FORWARD, table "
			    "ip6 filter");
	assert_null(check(*state, "edgeway n/c/eth0", BOTH, 1));
	sh("iptables -F FORWARD");
	assert_string_equal(check(*state, "edgeway n/c/eth0", BOTH, 1),
			    "the rules of containers are missing in iptables' FORWARD, table "
			    "ip filter");
	assert_true(add(*state, "edgeway n/c/eth0", BOTH, 2));
	assert_null(check(*state, "edgeway n/c/eth0", BOTH, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define beside(test) cmocka_unit_test_setup_teardown(test, beside_docker, conversation_end)
		beside(rules_are_those_of_the_documentation),
		beside(who_jumped_first_does_it_for_all),
		beside(the_same_again_changes_nothing),
		cmocka_unit_test_setup_teardown(without_such_a_chain_nothing_is_made, alone,
						conversation_end),
		beside(only_whose_comment_is_named_goes),
		beside(rules_that_were_saved_and_restored_are_known),
		beside(a_loss_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
