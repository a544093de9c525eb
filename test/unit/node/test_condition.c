// SPDX-License-Identifier: Apache-2.0
/** Conditions: what is understood, and what nft(8) makes of it. */
#include <string.h>

#include "netlink/conversation.h"
#include "node/condition.h"
#include "sandbox.h"
#include "test.h"

static const struct nft_table TABLE = {NFT_FAMILY_INET, "edgeway_test"};

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_NETFILTER, NULL);
}

/** The one form of the words in @a and @b, or what is wrong with them. */
static const char *parsed(const char *a, const char *b, int family, struct arena *arena)
{
	const char *list[] = {a, b}, *text;
	static struct err e;

	if (condition_parse(list, b ? 2 : 1, family, "c", arena, &text, &e) < 0)
		return e.msg;
	return text;
}

static void words_have_one_form(void **state)
{
	static const struct {
		const char *a, *b;
		int family;
		const char *want;
	} rows[] = {
		{"", NULL, AF_INET, ""},
		{" ip  saddr 10.0.0.0/8 ", NULL, AF_INET, "ip saddr 10.0.0.0/8"},
		{"ip", "daddr==10.0.0.1", AF_INET, "ip daddr 10.0.0.1"},
		{"ip saddr !=10.0.0.1", NULL, AF_INET, "ip saddr != 10.0.0.1"},
		{"ip6 saddr != {fd00::/8,fe80::/10}", "mark 0x10", AF_INET6,
		 "ip6 saddr != fd00::/8 ip6 saddr != fe80::/10 mark 0x10"},
		{"meta iifname \"eth*\"", "oifname != lo", AF_INET, "iifname eth* oifname != lo"},
		{"meta mark != 4294967295", NULL, AF_INET6, "mark != 4294967295"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(arena_free) struct arena arena = {};

		assert_string_equal(parsed(rows[i].a, rows[i].b, rows[i].family, &arena),
				    rows[i].want);
	}
}

static void what_is_no_condition_is_named(void **state)
{
	static const char *const rows[][3] = {
		{"ip saddr", NULL, "c[0]: \"ip saddr\": a value is missing behind it"},
		{"iifname", "", "c[1]: \"\": a value is missing behind it"},
		{"iifname lo", "\"\"", "c[1]: \"\": not a condition"},
		{"iifname \"lo", "x", "c[1]: \"x\": not a condition"},
		{"iifname {", NULL, "c[0]: \"{\": a set is understood"},
		{"ip saddr != { }", NULL, "c[0]: \"}\": not an IP address"},
		{"ip saddr != { 10.0.0.1 10.0.0.2 }", NULL, "c[0]: \"10.0.0.2\": } or a comma"},
		{"mark -1", NULL, "c[0]: \"-1\": not a number"},
		{"mark 4294967296", NULL, "c[0]: \"4294967296\": not a number"},
		{"iifname 0123456789abcdef", NULL, "c[0]: \"0123456789abcdef\": not an interface"},
		{"iifname \"a b\" mark 1", NULL, "c[0]: \"a b\": not an interface"},
		{"iifname \"a,b\" mark 1", NULL, "c[0]: \"a,b\": not an interface"},
		{"iifname \"a\nb\" mark 1", NULL, "c[0]: \"a\nb\": not an interface"},
		{"-s", "10.0.0.1", "c[0]: \"-s\": a match of iptables"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(arena_free) struct arena arena = {};
		const char *got = parsed(rows[i][0], rows[i][1], AF_INET, &arena);

		if (strncmp(got, rows[i][2], strlen(rows[i][2])) != 0)
			fail_msg("want %s, got %s", rows[i][2], got);
	}
}

static void nft_reads_it_as_it_is_meant(void **state)
{
	static const struct nft_chain chain = {"c", "filter", NFT_HOOK_INPUT, 0};
	struct nl_msg m = {};
	struct err e = {};

	nft_batch_begin(&m, 0);
	nft_table_add(&m, &TABLE, 0);
	nft_chain_add(&m, &TABLE, &chain);
	nft_rule(&m, &TABLE, "c") {
		nft_match_family(&m, AF_INET6);
		condition_put(&m, "ip6 saddr fd00::/8 ip6 daddr != fd00::1 iifname eth* oifname "
				  "!= lo mark 0x10 mark != 5");
		nft_drop(&m);
	}
	nft_batch_end(&m);
	if (nl_call(*state, &m, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	assert_string_equal(
		sh_output("nft list chain inet edgeway_test c | grep drop | tr -d '\\t'"),
		"ip6 saddr fd00::/8 ip6 daddr != fd00::1 iifname \"eth*\" oifname != "
		"\"lo\" meta mark 0x00000010 meta mark != 0x00000005 drop\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_have_one_form),
		cmocka_unit_test(what_is_no_condition_is_named),
		cmocka_unit_test_setup_teardown(nft_reads_it_as_it_is_meant, connect_to_kernel,
						conversation_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
