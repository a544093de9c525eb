// SPDX-License-Identifier: Apache-2.0
/** What masquerading adds to a ruleset; test_ruleset.c has what holds for every kind. */
#include <stdio.h>
#include <string.h>

#include "addresses.h"
#include "node/masq.h"
#include "node/rules.h"
#include "sandbox.h"
#include "test.h"

static const struct attachment C1 = {"net", "c1", "eth0"}, C2 = {"net", "c2", "eth0"},
			       OTHER = {"other", "c1", "eth1"};

/** "10.1.0.5/16 fd00::5/64" as prefixes; returns their number. */
static size_t prefixes(const char *text, struct prefix out[])
{
	char copy[256], *rest;
	size_t n = 0;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		out[n++] = prefix_of(word);
	return n;
}

static void add(const struct attachment *a, const char *addresses)
{
	struct prefix p[8];
	struct err e = {};
	RULES(rules, &masq_kind);

	if (masq_add(&rules->set, a, p, prefixes(addresses, p), &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

static void del(const struct attachment *a)
{
	struct err e = {};
	RULES(rules, &masq_kind);

	if (ruleset_del(&rules->set, a, true, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

static int check(const struct attachment *a, const char *addresses, struct err *e)
{
	struct prefix p[8];
	RULES(rules, &masq_kind);

	return masq_check(&rules->set, a, p, prefixes(addresses, p), e);
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
		struct prefix p = prefix_of(rows[i][0]);
		char name[RULESET_SET];

		assert_string_equal(ruleset_set_name("pods", &p, name), rows[i][1]);
	}
}

static void a_line_is_an_address_with_its_prefix_length(void **state)
{
	static const char *const senseless[] = {"",          "nonsense",     "10.1.0.5",
						"10.1.0/16", "10.1.0.5/33",  "fd00::5/129",
						"1",         "10.1.0.5/16 ", " 10.1.0.5/16"};
	struct ruleset_elem out[RULESET_ELEMS];

	(void)state;
	assert_int_equal(masq_kind.elems("10.1.0.5/16", out), 1);
	assert_string_equal(out[0].set, "pods_10.1.0.0/16");
	assert_int_equal(out[0].key.len, 4);
	assert_memory_equal(out[0].key.bytes, ((uint8_t[]){10, 1, 0, 5}), 4);
	assert_int_equal(masq_kind.elems("fd00::5/64", out), 1);
	assert_int_equal(out[0].key.len, 16);
	for (size_t i = 0; i < ARRAY_SIZE(senseless); i++)
		if (masq_kind.elems(senseless[i], out) != 0)
			fail_msg("\"%s\" makes sense", senseless[i]);
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
	ruleset_loads_back();
}

static void a_table_has_one_set_and_rule_a_subnet(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16 fd00::5/64");
	add(&OTHER, "10.2.0.6/24");
	add(&C2, "10.1.0.6/16 10.1.0.7/24"); // the same address range, another subnet
	for (int i = 0; i < 2; i++) {
		struct err e = {};
		RULES(rules, &masq_kind);

		assert_string_equal(addresses_in_sets(),
				    "10.1.0.5 net/c1/eth0,10.1.0.6 net/c2/eth0,10.1.0.7 "
				    "net/c2/eth0,10.2.0.6 other/c1/eth1,fd00::5 net/c1/eth0,");
		assert_int_equal(lines_with("masquerade"), 4);
		assert_string_equal(sh_output("nft list sets | grep -o 'pods_[^ ]*' | sort"),
				    "pods_10.1.0.0/16\npods_10.1.0.0/24\npods_10.2.0.0/24\n"
				    "pods_fd00__/64\n");
		assert_int_equal(ruleset_resync(&rules->set, &e), 0); // made anew, it is the same
	}
}

static void the_record_is_the_addresses(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16 fd00::5/64");
	assert_string_equal(sh_output("cat /run/edgeway/masq/*"),
			    "edgeway net/c1/eth0\n10.1.0.5/16\nfd00::5/64\n");
}

static void addresses_are_deleted_with_their_record_or_without(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		add(&C1, "10.1.0.5/16 fd00::5/64");
		add(&C2, "10.1.0.6/16");
		if (i)
			sh("rm -r /run/edgeway");
		del(&C1);
		assert_string_equal(addresses_in_sets(), "10.1.0.6 net/c2/eth0,");
	}
}

static void the_new_holder_of_an_address_takes_the_element_over(void **state)
{
	(void)state;
	add(&C1, "10.1.0.5/16"); // whose DEL never came
	add(&C2, "10.1.0.5/16");
	assert_string_equal(addresses_in_sets(), "10.1.0.5 net/c2/eth0,");
	del(&C1); // and comes late
	assert_string_equal(addresses_in_sets(), "10.1.0.5 net/c2/eth0,");
}

static void check_names_an_address_that_is_not_masqueraded(void **state)
{
	struct err e = {};

	(void)state;
	add(&C1, "10.1.0.5/16 fd00::5/64");
	assert_int_equal(check(&C1, "10.1.0.5/16 fd00::5/64", &e), 0);
	assert_int_equal(check(&C1, "", &e), 0);
	assert_int_equal(check(&C1, "10.1.0.5/24", &e), -1); // by the rule of another subnet
	assert_int_equal(check(&C2, "10.1.0.5/16", &e), -1); // another's
	sh("nft delete element inet edgeway_masq pods_fd00__/64 '{ fd00::5 }'");
	assert_int_equal(check(&C1, "10.1.0.5/16 fd00::5/64", &e), -1);
	assert_int_equal(e.code, ERR_MISMATCH);
	assert_string_equal(e.msg, "fd00::5 is not masqueraded");
	assert_string_equal(e.details, "the ruleset was flushed or changed; --resync rebuilds it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		cmocka_unit_test(a_set_is_named_by_its_subnet),
		cmocka_unit_test(a_line_is_an_address_with_its_prefix_length),
		on_a_node(the_table_is_the_documented_one),
		on_a_node(a_table_has_one_set_and_rule_a_subnet),
		on_a_node(the_record_is_the_addresses),
		on_a_node(addresses_are_deleted_with_their_record_or_without),
		on_a_node(the_new_holder_of_an_address_takes_the_element_over),
		on_a_node(check_names_an_address_that_is_not_masqueraded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
