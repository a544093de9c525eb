// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "node/masq_table.h"
#include "sandbox.h"
#include "test.h"

static struct prefix prefix(const char *text)
{
	struct prefix p = {};

	assert_null(prefix_parse(&p, text));
	return p;
}

static void a_set_is_named_by_its_subnet(void **state)
{
	static const char *const rows[][2] = {
		{"10.1.2.3/16", "pods_10.1.0.0/16"},
		{"10.1.2.3/32", "pods_10.1.2.3/32"},
		{"0.0.0.0/0", "pods_0.0.0.0/0"},
		{"fd00::5/64", "pods_fd00__/64"},
		{"::1/0", "pods___/0"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
		 "pods_ffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff/128"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix p = prefix(rows[i][0]);
		char name[MASQ_SET_NAME];

		assert_string_equal(masq_set_name(&p, name), rows[i][1]);
	}
}

static void a_table_has_one_set_and_rule_a_subnet(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	struct prefix first[] = {prefix("10.1.0.5/16"), prefix("fd00::5/64")};
	struct prefix second[] = {prefix("10.1.0.6/16"), prefix("10.1.0.7/24")};
	const struct masq_record records[] = {{"a", "edgeway net/c1/eth0", first, 2},
					      {"b", "edgeway net/c2/eth0", second, 2}};
	struct nl_msg m = {};
	struct err e = {};

	(void)state;
	nl = nl_open(NETLINK_NETFILTER, &e);
	for (int i = 0; i < 2; i++) { // in place of what the first round made
		nft_batch_begin(&m, 0);
		assert_true(masq_put_table(&m, records, 2, &arena));
		nft_batch_end(&m);
		if (nl_call(nl, &m, &e) < 0)
			fail_msg("%s", e.msg);
		assert_string_equal(sh_output("nft list ruleset | grep -c masquerade"), "3\n");
		assert_string_equal(sh_output("nft list ruleset | grep -o comment | wc -l"), "4\n");
	}
	assert_string_equal(sh_output("nft list sets | grep -o 'pods_[^ ]*' | sort"),
			    "pods_10.1.0.0/16\npods_10.1.0.0/24\npods_fd00__/64\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_is_named_by_its_subnet),
		cmocka_unit_test_setup(a_table_has_one_set_and_rule_a_subnet, sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
