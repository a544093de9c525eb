// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "netlink/conversation.h"
#include "netlink/nft_edit.h"
#include "sandbox.h"
#include "test.h"

static const struct nft_table TABLE = {NFT_FAMILY_INET, "t"};

#define RULESET                                                                                    \
	"echo 'table inet t { set s { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 } }; "       \
	"chain sub { }; chain c { jump sub; ip saddr 10.0.0.1 goto sub; accept; "                  \
	"meta mark 1 jump sub; }; }' | nft -f -"

static int beside_others(void **state)
{
	return conversation_begin(state, NETLINK_NETFILTER, RULESET);
}

struct seen {
	char jumps[64];
	uint64_t handles[8];
	size_t n;
};

static int note_rule(const struct nft_rule_info *rule, void *ctx, struct err *e)
{
	struct seen *seen = ctx;
	size_t at = strlen(seen->jumps);

	(void)e;
	(void)snprintf(seen->jumps + at, sizeof(seen->jumps) - at, "%s,", rule->jump);
	seen->handles[seen->n++] = rule->handle;
	return 0;
}

static struct seen look(struct nl *nl, const struct nft_table *table, const char *chain)
{
	struct seen seen = {};
	struct err e = {};

	if (nft_rule_each(nl, table, chain, note_rule, &seen, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	return seen;
}

static void rules_are_seen_in_their_order_with_what_they_jump_to(void **state)
{
	struct seen seen = look(*state, &TABLE, "c");

	assert_string_equal(seen.jumps, "sub,,,sub,"); // where goto goes is no jump
	assert_int_equal(look(*state, &TABLE, "sub").n, 0);
}

static void no_chain_and_no_table_have_no_rules(void **state)
{
	assert_int_equal(look(*state, &TABLE, "none").n, 0);
	assert_int_equal(look(*state, &(struct nft_table){NFT_FAMILY_IPV6, "none"}, "c").n, 0);
}

static int stop(const struct nft_rule_info *rule, void *ctx, struct err *e)
{
	(void)rule;
	++*(int *)ctx;
	return err_set(e, ERR_CONFIG, "enough");
}

static void a_walk_can_be_stopped(void **state)
{
	struct err e = {};
	int calls = 0;

	assert_int_equal(nft_rule_each(*state, &TABLE, "c", stop, &calls, &e), -1);
	assert_int_equal(calls, 1);
	assert_string_equal(e.msg, "enough");
}

static int change(struct nl *nl, uint64_t handle, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nft_batch_begin(&m, 0);
	nft_rule_del(&m, &TABLE, "c", handle);
	nft_batch_end(&m);
	return nl_call(nl, &m, e);
}

static void a_rule_is_deleted_by_its_handle_once(void **state)
{
	struct seen seen = look(*state, &TABLE, "c");
	struct err e = {};

	assert_return_code(change(*state, seen.handles[0], &e), 0);
	assert_string_equal(look(*state, &TABLE, "c").jumps, ",,sub,");
	assert_int_equal(change(*state, seen.handles[0], &e), -1);
	assert_int_equal(e.os, ENOENT);
	assert_string_equal(e.msg,
			    "delete rule from nf_tables chain t c: No such file or directory");
}

static void a_chain_and_a_set_are_emptied_but_stay(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct err e = {};

	nft_batch_begin(&m, 0);
	nft_chain_flush(&m, &TABLE, "c");
	nft_set_flush(&m, &TABLE, "s");
	nft_batch_end(&m);
	assert_return_code(nl_call(*state, &m, &e), 0);
	assert_string_equal(sh_output("nft list ruleset | tr -d '\\n\\t '"),
			    "tableinett{sets{typeipv4_addr}chainsub{}chainc{}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define beside(test) cmocka_unit_test_setup_teardown(test, beside_others, conversation_end)
		beside(rules_are_seen_in_their_order_with_what_they_jump_to),
		beside(no_chain_and_no_table_have_no_rules),
		beside(a_walk_can_be_stopped),
		beside(a_rule_is_deleted_by_its_handle_once),
		beside(a_chain_and_a_set_are_emptied_but_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
