// SPDX-License-Identifier: Apache-2.0
/**
 * What the firewall adds to a ruleset: elements that are shared, chains that are the operator's.
 * test_ruleset.c has what holds for every kind, test_ipt_forward.c what happens in iptables.
 */
#include <stdio.h>
#include <string.h>

#include "node/firewall.h"
#include "node/rules.h"
#include "sandbox.h"
#include "test.h"

static const struct attachment C1 = {"net", "c1", "eth0"}, C2 = {"net", "c2", "eth0"},
			       OTHER = {"other", "c1", "eth1"};
static const struct ipaddr IP1 = {.family = AF_INET, .bytes = {10, 1, 0, 5}},
			   IP2 = {.family = AF_INET, .bytes = {10, 1, 0, 6}},
			   IP3 = {.family = AF_INET6, .bytes = {0xfd, [15] = 5}};

static struct firewall want(const struct ipaddr *ip, enum firewall_policy policy,
			    const char *bridge)
{
	return (struct firewall){
		.ips = ip, .n_ips = 1, .policy = policy, .bridge = bridge, .admin = "CNI-ADMIN"};
}

static void add(const struct attachment *a, struct firewall w)
{
	struct err e = {};
	RULES(rules, &firewall_kind);

	if (firewall_add(&rules->set, a, &w, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

static void del(const struct attachment *a)
{
	struct err e = {};
	RULES(rules, &firewall_kind);

	if (firewall_del(&rules->set, a, false, true, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

static void resync(void)
{
	struct err e = {};
	RULES(rules, &firewall_kind);

	if (firewall_resync(&rules->set, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

/** Returns whether something was brought back. */
static bool status(void)
{
	struct err e = {};
	bool mended;
	RULES(rules, &firewall_kind);

	if (firewall_status(&rules->set, &mended, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	return mended;
}

/** What CHECK says; NULL if all is there. */
static const char *check(const struct attachment *a, struct firewall w)
{
	static struct err e;
	RULES(rules, &firewall_kind);

	e = (struct err){};
	if (firewall_check(&rules->set, a, &w, &e) == 0)
		return NULL;
	assert_int_equal(e.code, ERR_MISMATCH);
	assert_string_equal(e.details, "the ruleset was flushed or changed; --resync rebuilds it");
	return e.msg;
}

static void the_table_is_the_documented_one(void **state)
{
	(void)state;
	add(&C1, want(&IP1, FIREWALL_SAME_BRIDGE, "br0"));
	add(&OTHER, want(&IP3, FIREWALL_ISOLATED, "br1"));
	assert_string_equal(
		sh_output("nft list ruleset"),
		"table inet edgeway_firewall {\n"
		"\tset pods4 {\n"
		"\t\ttype ipv4_addr\n"
		"\t\telements = { 10.1.0.5 comment \"edgeway net/c1/eth0\" }\n"
		"\t}\n\n"
		"\tset pods6 {\n"
		"\t\ttype ipv6_addr\n"
		"\t\telements = { fd00::5 comment \"edgeway other/c1/eth1\" }\n"
		"\t}\n\n"
		"\tset bridges {\n"
		"\t\ttype ifname\n"
		"\t\telements = { \"br0\" comment \"edgeway\",\n"
		"\t\t\t     \"br1\" comment \"edgeway\" }\n"
		"\t}\n\n"
		"\tset open_within {\n"
		"\t\ttype ifname . ifname\n"
		"\t\telements = { \"br0\" . \"br0\" comment \"edgeway\" }\n"
		"\t}\n\n"
		"\tset isolated {\n"
		"\t\ttype ifname . ifname\n"
		"\t\telements = { \"br1\" . \"br1\" comment \"edgeway\" }\n"
		"\t}\n\n"
		"\tchain forward {\n"
		"\t\ttype filter hook forward priority filter; policy accept;\n"
		"\t\tjump overrides\n"
		"\t\tiifname @bridges oifname @bridges iifname . oifname != @open_within drop\n"
		"\t\tiifname . oifname @isolated drop\n"
		"\t}\n\n"
		"\tchain overrides {\n"
		"\t\tjump CNI-ADMIN\n"
		"\t}\n\n"
		"\tchain CNI-ADMIN {\n"
		"\t}\n"
		"}\n");
	ruleset_loads_back();
	assert_null(check(&C1, want(&IP1, FIREWALL_SAME_BRIDGE, "br0")));
}

static void a_bridge_stays_until_its_last_container_goes(void **state)
{
	(void)state;
	add(&C1, want(&IP1, FIREWALL_SAME_BRIDGE, "br0"));
	add(&C2, want(&IP2, FIREWALL_ISOLATED, "br0"));
	add(&OTHER, want(&IP3, FIREWALL_SAME_BRIDGE, "br0"));
	del(&C1);
	assert_null(check(&C2, want(&IP2, FIREWALL_ISOLATED, "br0")));
	assert_null(check(&OTHER, want(&IP3, FIREWALL_SAME_BRIDGE, "br0")));
	assert_int_equal(lines_with("comment"), 5);
	del(&OTHER);
	assert_null(check(&C2, want(&IP2, FIREWALL_ISOLATED, "br0")));
	assert_int_equal(lines_with("comment"), 3); // br0 . br0 is no longer open within
	del(&C2);
	assert_int_equal(lines_with("comment"), 0);
	assert_string_equal(sh_output("ls /run/edgeway/firewall*"),
			    "/run/edgeway/firewall.lock\n\n/run/edgeway/firewall:\n\n"
			    "/run/edgeway/firewall.gone:\n");
}

static void gc_takes_the_bridge_with_the_last(void **state)
{
	struct err e = {};
	RULES(rules, &firewall_kind);

	(void)state;
	add(&C1, want(&IP1, FIREWALL_SAME_BRIDGE, "br0"));
	add(&C2, want(&IP2, FIREWALL_SAME_BRIDGE, "br0"));
	assert_return_code(firewall_gc(&rules->set, "net", rules_keep, "/none/", &e), 0);
	assert_int_equal(lines_with("comment"), 0);
}

/** An earlier holder's element passes to who has the address now, and his bridge with nobody. */
static void who_gets_an_address_that_is_taken_shares_the_bridge_too(void **state)
{
	(void)state;
	add(&C1, want(&IP1, FIREWALL_SAME_BRIDGE, "br0"));
	add(&C2, want(&IP1, FIREWALL_SAME_BRIDGE, "br0"));
	del(&C1);
	assert_null(check(&C2, want(&IP1, FIREWALL_SAME_BRIDGE, "br0")));
}

static void the_operators_rules_survive_every_rebuild(void **state)
{
	static const char *const losses[] = {
		"nft flush chain inet edgeway_firewall forward",
		"nft flush chain inet edgeway_firewall overrides",
		"nft flush set inet edgeway_firewall bridges",
		"true",
	};
	const struct firewall w = want(&IP1, FIREWALL_SAME_BRIDGE, "br0");

	(void)state;
	add(&C1, w);
	sh("nft add set inet edgeway_firewall mine '{ type ipv4_addr; elements = { 192.0.2.1 }; }'"
	   " && nft add rule inet edgeway_firewall CNI-ADMIN ip saddr @mine ip daddr @pods4 drop");
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		sh("%s", losses[i]);
		if (i < 3)
			assert_non_null(check(&C1, w));
		resync();
		assert_null(check(&C1, w));
		assert_int_equal(lines_with("ip saddr @mine ip daddr @pods4 drop"), 1);
		assert_int_equal(lines_with("192[.]0[.]2[.]1"), 1);
		assert_int_equal(lines_with("jump CNI-ADMIN"), 1);
	}
	assert_false(status()); // what is the operator's is no damage
}

/** As /etc/nftables.conf may have it, behind "flush ruleset". */
static void the_operators_rules_may_be_there_first(void **state)
{
	(void)state;
	add(&C1, want(&IP1, FIREWALL_SAME_BRIDGE, "br0"));
	sh("echo 'flush ruleset\ntable inet edgeway_firewall { chain CNI-ADMIN { udp dport 53 "
	   "accept; }; }' | nft -f -");
	add(&C2, want(&IP2, FIREWALL_SAME_BRIDGE, "br0"));
	assert_null(check(&C1, want(&IP1, FIREWALL_SAME_BRIDGE, "br0")));
	assert_int_equal(lines_with("udp dport 53 accept"), 1);
}

static void another_chain_of_the_operators_comes_back_too(void **state)
{
	struct firewall w = want(&IP1, FIREWALL_OPEN, NULL), w2 = want(&IP2, FIREWALL_OPEN, NULL);

	(void)state;
	w.admin = w2.admin = "MINE";
	add(&C1, w);
	add(&C2, w2);
	assert_int_equal(lines_with("jump MINE"), 1);
	sh("nft flush chain inet edgeway_firewall overrides && "
	   "nft add rule inet edgeway_firewall overrides jump CNI-ADMIN");
	assert_string_equal(check(&C1, w), "MINE is missing in nf_tables table edgeway_firewall");
	resync();
	assert_null(check(&C1, w));
	sh("nft flush ruleset");
	add(&C2, want(&IP2, FIREWALL_OPEN, NULL));
	assert_null(check(&C1, w));
	assert_int_equal(lines_with("jump MINE"), 1);
}

static void status_brings_back_what_was_flushed(void **state)
{
	struct firewall w = want(&IP1, FIREWALL_SAME_BRIDGE, "br0");

	(void)state;
	assert_false(status());
	assert_string_equal(sh_output("nft list ruleset"), "");
	w.iptables = true;
	sh("iptables -P FORWARD DROP");
	add(&C1, w);
	assert_false(status());
	sh("nft delete table inet edgeway_firewall");
	assert_true(status());
	assert_null(check(&C1, w));
	sh("iptables -F && iptables -X");
	assert_true(status());
	assert_null(check(&C1, w));
	assert_false(status());
}

static void an_addition_brings_back_others_in_iptables(void **state)
{
	struct firewall w = want(&IP1, FIREWALL_OPEN, NULL), w2 = want(&IP2, FIREWALL_OPEN, NULL);

	(void)state;
	w.iptables = w2.iptables = true;
	sh("iptables -P FORWARD DROP");
	add(&C1, w);
	sh("iptables -F && iptables -X");
	add(&OTHER, want(&IP3, FIREWALL_OPEN, NULL)); // who does not ask for it does not look
	assert_non_null(check(&C1, w));
	add(&C2, w2);
	assert_null(check(&C1, w));
	assert_null(check(&C2, w2));
	del(&C2);
	assert_null(check(&C1, w));
	assert_int_equal(lines_with("10[.]1[.]0[.]6"), 0);
}

static void a_line_is_an_address_or_a_policy_with_a_bridge(void **state)
{
	static const char *const senseless[] = {
		"",
		" ",
		"open br0",
		"isolated",
		"isolated ",
		"isolated abcdefghijklmnop",
		"same-bridge",
		"same-bridge ",
		"10.1.0.5/24",
		"admin MINE",
		"iptables",
	};
	struct ruleset_elem out[RULESET_ELEMS] = {};

	(void)state;
	assert_int_equal(firewall_kind.elems("fd00::5", out), 1);
	assert_string_equal(out[0].set, "pods6");
	assert_int_equal(firewall_kind.elems("isolated abcdefghijklmno", out), 2);
	assert_string_equal(out[0].set, "bridges");
	assert_string_equal(out[1].set, "isolated");
	assert_int_equal(out[1].key.len, 32);
	assert_string_equal((const char *)out[1].key.bytes + 16, "abcdefghijklmno");
	for (size_t i = 0; i < ARRAY_SIZE(senseless); i++)
		if (firewall_kind.elems(senseless[i], out) != 0)
			fail_msg("\"%s\" makes sense", senseless[i]);
}

static void a_chain_of_the_operators_has_a_name_that_nft_reads(void **state)
{
	static const char *const good[] = {"", "CNI-ADMIN", "a.b_c-9"},
				 *const bad[] = {"9a",
						 "-a",
						 "a b",
						 "forward",
						 "overrides",
						 "a\n",
						 "abcdefghijklmnopqrstuvwxyz123"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_null(firewall_check_admin(&good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (!firewall_check_admin(&bad[i]))
			fail_msg("\"%s\" is allowed", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(the_table_is_the_documented_one),
		on_a_node(a_bridge_stays_until_its_last_container_goes),
		on_a_node(gc_takes_the_bridge_with_the_last),
		on_a_node(who_gets_an_address_that_is_taken_shares_the_bridge_too),
		on_a_node(the_operators_rules_survive_every_rebuild),
		on_a_node(the_operators_rules_may_be_there_first),
		on_a_node(another_chain_of_the_operators_comes_back_too),
		on_a_node(status_brings_back_what_was_flushed),
		on_a_node(an_addition_brings_back_others_in_iptables),
		cmocka_unit_test(a_line_is_an_address_or_a_policy_with_a_bridge),
		cmocka_unit_test(a_chain_of_the_operators_has_a_name_that_nft_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
