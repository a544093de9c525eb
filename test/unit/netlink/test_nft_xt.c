// SPDX-License-Identifier: Apache-2.0
/** What iptables-nft says to rules of ours in its tables. */
#include <string.h>

#include "netlink/conversation.h"
#include "netlink/nft_edit.h"
#include "netlink/nft_xt.h"
#include "sandbox.h"
#include "test.h"

static const struct nft_table TABLE = {NFT_FAMILY_IPV4, "filter"};

static int beside_iptables(void **state)
{
	return conversation_begin(state, NETLINK_NETFILTER, "iptables -P FORWARD DROP");
}

static void commit(struct nl *nl, struct nl_msg *m)
{
	struct err e = {};

	nft_batch_end(m);
	if (nl_call(nl, m, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

/** One rule with all there is, behind the others or before them. */
static void put_rule(struct nl_msg *m, const char *comment, bool first)
{
	const struct prefix host = {{.family = AF_INET, .bytes = {10, 1, 0, 5}}, 32};

	nft_rule_begin(m, &TABLE, "FORWARD", first ? 0 : NLM_F_APPEND);
	nl_nest(m, NFTA_RULE_EXPRESSIONS) {
		nft_match_prefix(m, NFT_DESTINATION, NFT_CMP_EQ, &host);
		nft_xt_established(m);
		nft_xt_comment(m, comment);
		nft_counter(m);
		nft_accept(m);
	}
}

static void add_rule(struct nl *nl, const char *comment, bool first)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nft_batch_begin(&m, 0);
	put_rule(&m, comment, first);
	commit(nl, &m);
}

#define RULE                                                                                       \
	"FORWARD -d 10.1.0.5/32 -m conntrack --ctstate RELATED,ESTABLISHED "                       \
	"-m comment --comment \"whose it is\" -j ACCEPT"

static void iptables_lists_what_it_would_have_written(void **state)
{
	add_rule(*state, "whose it is", false);
	assert_string_equal(sh_output("iptables -S FORWARD"), "-P FORWARD DROP\n-A " RULE "\n");
	sh("iptables -C " RULE);
	// Byte for byte: what our rule and that of iptables are made of.
	sh("nft --debug=netlink list ruleset | grep -v ^ip > /run/ours && iptables -F && "
	   "iptables -A " RULE
	   " && nft --debug=netlink list ruleset | grep -v ^ip > /run/theirs && "
	   "diff /run/theirs /run/ours");
}

static void iptables_deletes_and_restores_it(void **state)
{
	add_rule(*state, "whose it is", false);
	sh("iptables-save > /run/saved && iptables -D " RULE " && iptables-restore < /run/saved");
	assert_string_equal(sh_output("iptables -S FORWARD"), "-P FORWARD DROP\n-A " RULE "\n");
}

static void a_rule_can_come_before_the_others(void **state)
{
	add_rule(*state, "second", false);
	add_rule(*state, "first", true);
	assert_string_equal(sh_output("iptables -S FORWARD | grep -o 'first\\|second'"),
			    "first\nsecond\n");
}

static int note_comment(const struct nft_rule_info *rule, void *ctx, struct err *e)
{
	(void)e;
	(void)strcat(ctx, rule->comment);
	(void)strcat(ctx, ",");
	return 0;
}

static void a_comment_is_read_whoever_wrote_it(void **state)
{
	char seen[1024] = "";
	struct err e = {};
	char longest[256];

	memset(longest, 'x', sizeof(longest));
	longest[255] = '\0';
	sh("iptables -A FORWARD -m comment --comment theirs && iptables -A FORWARD -j ACCEPT");
	add_rule(*state, longest, false);
	assert_return_code(nft_rule_each(*state, &TABLE, "FORWARD", note_comment, seen, &e), 0);
	assert_memory_equal(seen, "theirs,,x", 9);
	assert_int_equal(strlen(seen), 8 + 255 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define beside(test) cmocka_unit_test_setup_teardown(test, beside_iptables, conversation_end)
		beside(iptables_lists_what_it_would_have_written),
		beside(iptables_deletes_and_restores_it),
		beside(a_rule_can_come_before_the_others),
		beside(a_comment_is_read_whoever_wrote_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
