// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addresses.h"
#include "netlink/conversation.h"
#include "netlink/nft.h"
#include "sandbox.h"
#include "test.h"

#define NAME "edgeway_test"

static const struct nft_table TABLE = {NFT_FAMILY_INET, NAME};
static const struct nft_chain POSTROUTING = {"postrouting", "nat", NFT_HOOK_POSTROUTING, 100};

static const struct nft_set SET4 = {"pods4", {{NFT_IPV4}}, {}}, SET6 = {"pods6", {{NFT_IPV6}}, {}};

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_NETFILTER, NULL);
}

static struct nft_key key_of(const char *text)
{
	struct ipaddr ip = ip_of(text);

	return nft_key_ip(&ip);
}

/** Close the batch and send it. */
static int commit(struct nl *nl, struct nl_msg *m, struct err *e)
{
	nft_batch_end(m);
	return nl_call(nl, m, e);
}

/** The table with its two sets. */
static void make_table(struct nl *nl)
{
	struct nl_msg m = {};

	nft_batch_begin(&m, 0);
	nft_table_add(&m, &TABLE, 0);
	nft_set_add(&m, &TABLE, &SET4, 0);
	nft_set_add(&m, &TABLE, &SET6, 0);
	nft_batch_end(&m);
	must_call(nl, &m);
}

static void put_elem(struct nl_msg *m, const char *set, const char *ip, const char *comment)
{
	struct nft_elem elem = {.key = key_of(ip)};

	(void)snprintf(elem.comment, sizeof(elem.comment), "%s", comment);
	nft_elem_add(m, &TABLE, set, &elem);
}

/** A batch that adds one element to set pods4. */
static int add_elem(struct nl *nl, const char *ip, const char *comment, struct err *e)
{
	struct nl_msg m = {};

	nft_batch_begin(&m, 0);
	put_elem(&m, "pods4", ip, comment);
	return commit(nl, &m, e);
}

static int get(struct nl *nl, const char *set, const char *ip, struct nft_elem *out, struct err *e)
{
	struct nft_key key = key_of(ip);

	return nft_elem_get(nl, &TABLE, set, &key, out, e);
}

static void what_is_made_is_what_nft_lists(void **state)
{
	struct nl_msg m = {};
	struct err e = {};

	make_table(*state);
	nft_batch_begin(&m, 0);
	nft_chain_add(&m, &TABLE, &POSTROUTING);
	put_elem(&m, "pods4", "10.1.0.5", "edgeway net/c1/eth0");
	put_elem(&m, "pods6", "fd00::5", "");
	assert_int_equal(commit(*state, &m, &e), 0);
	assert_string_equal(sh_output("nft list ruleset"),
			    "table inet " NAME " {\n"
			    "\tset pods4 {\n"
			    "\t\ttype ipv4_addr\n"
			    "\t\telements = { 10.1.0.5 comment \"edgeway net/c1/eth0\" }\n"
			    "\t}\n\n"
			    "\tset pods6 {\n"
			    "\t\ttype ipv6_addr\n"
			    "\t\telements = { fd00::5 }\n"
			    "\t}\n\n"
			    "\tchain postrouting {\n"
			    "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
			    "\t}\n"
			    "}\n");
}

static void what_nft_lists_it_loads_back(void **state)
{
	struct nl_msg m = {};
	struct err e = {};

	make_table(*state);
	nft_batch_begin(&m, 0);
	put_elem(&m, "pods4", "10.1.0.5", "edgeway net/c1/eth0");
	put_elem(&m, "pods6", "fd00::5", "edgeway net/c2/eth0");
	assert_int_equal(commit(*state, &m, &e), 0);
	sh("nft list ruleset > /run/before && nft flush ruleset && nft -f /run/before && "
	   "nft list ruleset > /run/after && diff /run/before /run/after");
}

static void an_element_comes_back_with_its_comment(void **state)
{
	struct nft_elem elem = {};
	struct nl_msg m = {};
	struct err e = {};
	char longest[128];

	memset(longest, 'c', 127);
	longest[127] = '\0';
	make_table(*state);
	nft_batch_begin(&m, 0);
	put_elem(&m, "pods4", "10.1.0.5", "edgeway net/c1/eth0");
	put_elem(&m, "pods4", "10.1.0.6", "");
	put_elem(&m, "pods6", "fd00::5", longest);
	assert_int_equal(commit(*state, &m, &e), 0);

	assert_int_equal(get(*state, "pods4", "10.1.0.5", &elem, &e), 0);
	assert_string_equal(elem.comment, "edgeway net/c1/eth0");
	assert_int_equal(elem.key.bytes[3], 5);
	assert_int_equal(get(*state, "pods4", "10.1.0.6", &elem, &e), 0);
	assert_string_equal(elem.comment, "");
	assert_int_equal(get(*state, "pods6", "fd00::5", &elem, &e), 0);
	assert_string_equal(elem.comment, longest);
	sh("nft list set inet " NAME " pods6 | grep -q 'comment \"%s\"'", longest);
}

static void what_is_not_there_is_enoent(void **state)
{
	struct nft_elem elem = {};
	struct nft_key key = key_of("10.1.0.5");
	struct err e = {};

	assert_int_equal(get(*state, "pods4", "10.1.0.5", &elem, &e), -1); // no table
	assert_int_equal(e.os, ENOENT);
	make_table(*state);
	assert_int_equal(get(*state, "pods4", "10.1.0.5", &elem, &e), -1); // no element
	assert_int_equal(e.os, ENOENT);
	assert_string_equal(e.msg, "find 10.1.0.5 in nf_tables set " NAME
				   " pods4: No such file or directory");
	assert_int_equal(nft_elem_get(*state, &TABLE, "nosuch", &key, &elem, &e), -1); // no set
	assert_int_equal(e.os, ENOENT);
}

static int see_set(const char *set, void *ctx, struct err *e)
{
	(void)e;
	(void)strcat(strcat(ctx, set), ",");
	return 0;
}

static void the_sets_of_a_table_are_listed(void **state)
{
	char seen[64] = "";
	struct err e = {};

	assert_int_equal(nft_set_each(*state, &TABLE, see_set, seen, &e), -1);
	assert_int_equal(e.os, ENOENT);
	make_table(*state);
	sh("nft add table inet other && nft add set inet other further '{ type mark; }'");
	assert_int_equal(nft_set_each(*state, &TABLE, see_set, seen, &e), 0);
	assert_string_equal(seen, "pods4,pods6,");
}

/** Stops when it has seen as many as @ctx says. */
static int see_elem(const struct nft_elem *elem, void *ctx, struct err *e)
{
	static const uint8_t net[] = {10, 1};
	int *left = ctx;

	assert_int_equal(elem->key.len, 4);
	assert_memory_equal(elem->key.bytes, net, sizeof(net));
	assert_memory_equal(elem->comment, "edgeway net/", 12);
	return --*left ? 0 : err_set(e, ERR_EXISTS, "enough");
}

static void an_element_is_deleted_once(void **state)
{
	struct nft_key key = key_of("10.1.0.5");
	struct nft_elem elem = {};
	struct nl_msg m = {};
	struct err e = {};

	make_table(*state);
	assert_int_equal(add_elem(*state, "10.1.0.5", "x", &e), 0);
	nft_batch_begin(&m, 0);
	nft_elem_del(&m, &TABLE, "pods4", &key);
	assert_int_equal(commit(*state, &m, &e), 0);
	assert_int_equal(get(*state, "pods4", "10.1.0.5", &elem, &e), -1);
	nft_batch_begin(&m, 0);
	nft_elem_del(&m, &TABLE, "pods4", &key);
	assert_int_equal(commit(*state, &m, &e), -1);
	assert_int_equal(e.os, ENOENT);
	assert_string_equal(e.msg, "delete 10.1.0.5 from nf_tables set " NAME
				   " pods4: No such file or directory");
}

/** ruleset.c relies on it: the address may be on record for somebody who no longer has it. */
static void an_element_that_is_there_is_refused_and_keeps_its_comment(void **state)
{
	struct nft_elem elem = {};
	struct err e = {};

	make_table(*state);
	assert_int_equal(add_elem(*state, "10.1.0.5", "first", &e), 0);
	assert_int_equal(add_elem(*state, "10.1.0.5", "second", &e), -1);
	assert_int_equal(e.os, EEXIST);
	assert_int_equal(get(*state, "pods4", "10.1.0.5", &elem, &e), 0);
	assert_string_equal(elem.comment, "first");
}

static void an_element_can_be_ensured_and_keeps_its_comment_too(void **state)
{
	struct nft_elem elem = {.key = key_of("10.1.0.5"), .comment = "first"};
	struct nl_msg m = {};
	struct err e = {};

	make_table(*state);
	for (int i = 0; i < 2; i++) {
		nft_batch_begin(&m, 0);
		nft_elem_ensure(&m, &TABLE, "pods4", &elem);
		assert_int_equal(commit(*state, &m, &e), 0);
		(void)snprintf(elem.comment, sizeof(elem.comment), "second");
	}
	assert_int_equal(get(*state, "pods4", "10.1.0.5", &elem, &e), 0);
	assert_string_equal(elem.comment, "first");
}

static void an_element_that_is_deleted_first_can_be_added_in_the_same_batch(void **state)
{
	struct nft_elem elem = {.key = key_of("10.1.0.5"), .comment = "second"};
	struct nl_msg m = {};
	struct err e = {};

	make_table(*state);
	assert_int_equal(add_elem(*state, "10.1.0.5", "first", &e), 0);
	nft_batch_begin(&m, 0);
	nft_elem_del(&m, &TABLE, "pods4", &elem.key);
	nft_elem_ensure(&m, &TABLE, "pods4", &elem);
	assert_int_equal(commit(*state, &m, &e), 0);
	assert_int_equal(get(*state, "pods4", "10.1.0.5", &elem, &e), 0);
	assert_string_equal(elem.comment, "second");
}

static void a_batch_happens_as_a_whole_or_not_at_all(void **state)
{
	struct nl_msg m = {};
	struct err e = {};

	nft_batch_begin(&m, 0);
	nft_table_add(&m, &TABLE, 0);
	nft_set_add(&m, &TABLE, &SET4, 0);
	put_elem(&m, "pods4", "10.1.0.5", "x");
	put_elem(&m, "nosuch", "10.1.0.6", "x");
	put_elem(&m, "pods4", "10.1.0.7", "x");
	assert_int_equal(commit(*state, &m, &e), -1);
	assert_int_equal(e.os, ENOENT);
	assert_string_equal(e.msg, "add 10.1.0.6 to nf_tables set " NAME
				   " nosuch: No such file or directory");
	assert_string_equal(sh_output("nft list ruleset"), "");
}

static void in_a_batch_too_the_first_refused_request_is_reported(void **state)
{
	struct nft_key key = key_of("10.1.0.5");
	struct nl_msg m = {};
	struct err e = {};

	make_table(*state);
	nft_batch_begin(&m, 0);
	nft_elem_del(&m, &TABLE, "pods4", &key);
	nft_table_del(&m, &(struct nft_table){NFT_FAMILY_INET, "nosuch"});
	assert_int_equal(commit(*state, &m, &e), -1);
	assert_non_null(strstr(e.msg, "delete 10.1.0.5 from"));
	make_table(*state); // and the socket is fit for another
}

static void a_batch_for_another_generation_is_refused(void **state)
{
	uint32_t before = 0, after = 0;
	struct nl_msg m = {};
	struct err e = {};

	assert_int_equal(nft_genid(*state, &before, &e), 0);
	assert_int_not_equal(before, 0);
	make_table(*state);
	assert_int_equal(nft_genid(*state, &after, &e), 0);
	assert_int_not_equal(before, after);

	nft_batch_begin(&m, before);
	put_elem(&m, "pods4", "10.1.0.5", "x");
	assert_int_equal(commit(*state, &m, &e), -1);
	assert_int_equal(e.os, ERESTART);
	assert_int_equal(sh_status("nft list ruleset | grep -q 10.1.0.5"), 1);

	nft_batch_begin(&m, after);
	put_elem(&m, "pods4", "10.1.0.5", "x");
	assert_int_equal(commit(*state, &m, &e), 0);
	sh("nft list ruleset | grep -q 10.1.0.5");
}

static void tables_and_sets_that_exist_are_fine_unless_they_must_be_new(void **state)
{
	struct nl_msg m = {};
	struct err e = {};

	make_table(*state);
	make_table(*state);
	nft_batch_begin(&m, 0);
	nft_table_add(&m, &TABLE, NLM_F_EXCL);
	assert_int_equal(commit(*state, &m, &e), -1);
	assert_int_equal(e.os, EEXIST);
	assert_string_equal(e.msg, "add nf_tables table " NAME ": File exists");
	nft_batch_begin(&m, 0);
	nft_set_add(&m, &TABLE, &SET4, NLM_F_EXCL);
	assert_int_equal(commit(*state, &m, &e), -1);
	assert_int_equal(e.os, EEXIST);
}

static void tables_and_sets_are_there_or_not(void **state)
{
	bool exists = true;
	struct err e = {};

	assert_int_equal(nft_exists(*state, &TABLE, NULL, &exists, &e), 0);
	assert_false(exists);
	assert_int_equal(nft_exists(*state, &TABLE, "pods4", &exists, &e), 0);
	assert_false(exists);
	make_table(*state);
	assert_int_equal(nft_exists(*state, &TABLE, NULL, &exists, &e), 0);
	assert_true(exists);
	assert_int_equal(nft_exists(*state, &TABLE, "pods4", &exists, &e), 0);
	assert_true(exists);
	assert_int_equal(nft_exists(*state, &TABLE, "nosuch", &exists, &e), 0);
	assert_false(exists);
}

static void a_table_of_another_family_is_another(void **state)
{
	const struct nft_table other = {NFT_FAMILY_BRIDGE, NAME};
	bool exists = true;
	struct nl_msg m = {};
	struct err e = {};

	make_table(*state);
	assert_int_equal(nft_exists(*state, &other, NULL, &exists, &e), 0);
	assert_false(exists);
	nft_batch_begin(&m, 0);
	nft_table_del(&m, &other);
	assert_int_equal(commit(*state, &m, &e), -1);
	assert_int_equal(e.os, ENOENT);
	sh("nft list table inet " NAME);
}

static void rules_and_what_is_beside_them_are_counted(void **state)
{
	static const struct {
		const char *change;
		uint32_t rules, objects;
	} rows[] = {
		{"nft add table inet " NAME, 0, 0}, // the chain is not there
		{"nft add chain inet " NAME " postrouting", 0, 1},
		{"nft add set inet " NAME " a '{ type ipv4_addr; }'", 0, 2},
		{"nft add rule inet " NAME " postrouting ip saddr @a drop", 1, 2},
		{"nft add set inet " NAME " b '{ type ipv4_addr; }'", 1, 3},
		{"nft add element inet " NAME " b '{ 10.1.0.5 }'", 1, 3},
		{"nft add rule inet " NAME " postrouting ip saddr @b drop", 2, 3},
		{"nft add table bridge " NAME, 2, 3}, // another's
		{"nft add chain inet " NAME " other", 2, 4},
		{"nft add rule inet " NAME " other drop", 2, 4},
		{"nft flush chain inet " NAME " postrouting", 0, 4},
		{"nft delete table inet " NAME, 0, 0},
	};
	const struct nft_chain chain = {.name = "postrouting"};
	uint32_t rules = 9, objects = 9;
	struct err e = {};

	assert_int_equal(nft_count(*state, &TABLE, &chain, 1, &rules, &objects, &e), 0);
	assert_int_equal(rules, 0);
	assert_int_equal(objects, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		sh("%s", rows[i].change);
		assert_int_equal(nft_count(*state, &TABLE, &chain, 1, &rules, &objects, &e), 0);
		if (rules != rows[i].rules || objects != rows[i].objects)
			fail_msg("after %s: %u rules, %u objects", rows[i].change, rules, objects);
	}
}

static void a_table_is_replaced_within_one_batch(void **state)
{
	struct nft_elem elem = {};
	struct nl_msg m = {};
	struct err e = {};

	make_table(*state);
	for (int i = 0; i < 2; i++) {
		nft_batch_begin(&m, 0);
		nft_table_add(&m, &TABLE, 0);
		nft_table_del(&m, &TABLE);
		nft_table_add(&m, &TABLE, 0);
		nft_set_add(&m, &TABLE, &SET4, 0);
		put_elem(&m, "pods4", i ? "10.1.0.6" : "10.1.0.5", "x");
		assert_int_equal(commit(*state, &m, &e), 0);
	}
	assert_int_equal(get(*state, "pods4", "10.1.0.6", &elem, &e), 0);
	assert_int_equal(get(*state, "pods4", "10.1.0.5", &elem, &e), -1);
	sh("! nft list ruleset | grep -q pods6");
}

static void thousands_of_elements_are_added_and_listed(void **state)
{
	enum { N = 4000 };
	struct nft_elem elem = {};
	int left = N + 1;
	struct nl_msg m = {};
	struct err e = {};

	make_table(*state);
	nft_batch_begin(&m, 0);
	for (int i = 0; i < N; i++) {
		char key[IP_TEXT], comment[128];

		(void)snprintf(key, sizeof(key), "10.1.%d.%d", i / 250, i % 250 + 1);
		(void)snprintf(comment, sizeof(comment), "edgeway net/%064d/eth0", i);
		put_elem(&m, "pods4", key, comment);
	}
	assert_true(m.len > 500 << 10);
	if (commit(*state, &m, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(get(*state, "pods4", "10.1.15.250", &elem, &e), 0);
	assert_non_null(strstr(elem.comment, "3999/eth0"));
	assert_string_equal(sh_output("nft list ruleset | grep -o comment | wc -l"), "4000\n");
	assert_int_equal(nft_elem_each(*state, &TABLE, "pods4", see_elem, &left, &e), 0);
	assert_int_equal(left, 1);
	assert_int_equal(nft_elem_each(*state, &TABLE, "pods4", see_elem, &left, &e), -1);
	assert_string_equal(e.msg, "enough");
	assert_int_equal(nft_elem_each(*state, &TABLE, "nosuch", see_elem, &left, &e), -1);
	assert_int_equal(e.os, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define conversation(test)                                                                         \
	cmocka_unit_test_setup_teardown(test, connect_to_kernel, conversation_end)
		conversation(what_is_made_is_what_nft_lists),
		conversation(what_nft_lists_it_loads_back),
		conversation(an_element_comes_back_with_its_comment),
		conversation(what_is_not_there_is_enoent),
		conversation(the_sets_of_a_table_are_listed),
		conversation(an_element_is_deleted_once),
		conversation(an_element_that_is_there_is_refused_and_keeps_its_comment),
		conversation(an_element_can_be_ensured_and_keeps_its_comment_too),
		conversation(an_element_that_is_deleted_first_can_be_added_in_the_same_batch),
		conversation(a_batch_happens_as_a_whole_or_not_at_all),
		conversation(in_a_batch_too_the_first_refused_request_is_reported),
		conversation(a_batch_for_another_generation_is_refused),
		conversation(tables_and_sets_that_exist_are_fine_unless_they_must_be_new),
		conversation(tables_and_sets_are_there_or_not),
		conversation(a_table_of_another_family_is_another),
		conversation(rules_and_what_is_beside_them_are_counted),
		conversation(a_table_is_replaced_within_one_batch),
		conversation(thousands_of_elements_are_added_and_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
