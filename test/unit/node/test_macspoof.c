// SPDX-License-Identifier: Apache-2.0
/** What MAC filters add to a ruleset; test_ruleset.c has what holds for every kind. */
#include <string.h>

#include "node/macspoof.h"
#include "node/rules.h"
#include "sandbox.h"
#include "test.h"

static const struct attachment C1 = {"net", "c1", "eth0"}, C2 = {"net", "c2", "eth0"};
static const struct mac M1 = {{2, 0, 0, 0, 0, 1}}, M2 = {{2, 0, 0, 0, 0, 2}};

#define LINE "veth1 02:00:00:00:00:01"

static void add(const struct attachment *a, const char *port, const struct mac *mac)
{
	struct err e = {};
	RULES(rules, &macspoof_kind);

	if (macspoof_add(&rules->set, a, port, mac, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

static void del(const struct attachment *a)
{
	struct err e = {};
	RULES(rules, &macspoof_kind);

	if (ruleset_del(&rules->set, a, true, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

static void resync(void)
{
	struct err e = {};
	RULES(rules, &macspoof_kind);

	if (ruleset_resync(&rules->set, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

/** Whether @port is bound to @mac; what is said when it is not, is always the same. */
static bool is_bound(const struct attachment *a, const char *port, const struct mac *mac)
{
	struct err e = {};
	RULES(rules, &macspoof_kind);

	if (macspoof_check(&rules->set, a, port, mac, &e) == 0)
		return true;
	assert_int_equal(e.code, ERR_MISMATCH);
	assert_memory_equal(e.msg, port, strlen(port));
	assert_string_equal(e.msg + strlen(port), " is not bound to its MAC address");
	assert_string_equal(e.details, "the ruleset was flushed or changed; --resync rebuilds it");
	return false;
}

/** How many elements the sets of the table have. */
static int elements(void)
{
	return lines_with("comment");
}

static void the_table_is_the_documented_one(void **state)
{
	(void)state;
	add(&C1, "veth1", &M1);
	assert_string_equal(
		sh_output("nft list ruleset"),
		"table bridge edgeway_macspoof {\n"
		"\tset ports {\n"
		"\t\ttype ifname\n"
		"\t\telements = { \"veth1\" comment \"edgeway net/c1/eth0\" }\n"
		"\t}\n\n"
		"\tset macs {\n"
		"\t\ttype ifname . ether_addr\n"
		"\t\telements = { \"veth1\" . 02:00:00:00:00:01 comment \"edgeway net/c1/eth0\" }\n"
		"\t}\n\n"
		"\tchain prerouting {\n"
		"\t\ttype filter hook prerouting priority dstnat; policy accept;\n"
		"\t\tiifname @ports ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop\n"
		"\t\tiifname @ports iifname . ether saddr != @macs drop\n"
		"\t}\n"
		"}\n");
	ruleset_loads_back();
	assert_true(is_bound(&C1, "veth1", &M1)); // what nft wrote is found by our keys
}

static void a_further_port_is_two_elements_more(void **state)
{
	(void)state;
	add(&C1, "veth1", &M1);
	assert_int_equal(elements(), 2);
	add(&C2, "abcdefghijklmno", &M2); // the longest name there is
	assert_int_equal(elements(), 4);
	assert_int_equal(lines_with("drop"), 2);
	assert_true(is_bound(&C1, "veth1", &M1));
	assert_true(is_bound(&C2, "abcdefghijklmno", &M2));
}

static void a_port_is_set_free_with_its_record_or_without(void **state)
{
	(void)state;
	add(&C1, "veth1", &M1);
	add(&C2, "veth2", &M2);
	del(&C1);
	assert_int_equal(elements(), 2);
	assert_true(is_bound(&C2, "veth2", &M2));
	sh("rm -r /run/edgeway");
	del(&C1);
	assert_int_equal(elements(), 2);
	del(&C2);
	assert_int_equal(elements(), 0);
	assert_int_equal(lines_with("drop"), 2);
}

static void the_rule_is_there_before_any_port(void **state)
{
	(void)state;
	sh("nft add table bridge edgeway_macspoof");
	resync();
	sh("nft list set bridge edgeway_macspoof ports && "
	   "nft list set bridge edgeway_macspoof macs");
	assert_int_equal(lines_with("iifname @ports iifname . ether saddr != @macs drop"), 1);
	add(&C1, "veth1", &M1);
	assert_int_equal(lines_with("drop"), 2);
	assert_true(is_bound(&C1, "veth1", &M1));
}

static void a_flushed_ruleset_comes_back_with_the_next_port(void **state)
{
	(void)state;
	add(&C1, "veth1", &M1);
	sh("nft flush ruleset");
	assert_false(is_bound(&C1, "veth1", &M1));
	add(&C2, "veth2", &M2);
	assert_true(is_bound(&C1, "veth1", &M1));
	assert_int_equal(elements(), 4);
	assert_int_equal(lines_with("drop"), 2);
}

static void every_part_of_the_binding_is_checked(void **state)
{
	static const char *const losses[] = {
		"nft delete element bridge edgeway_macspoof ports '{ \"veth1\" }'",
		"nft delete element bridge edgeway_macspoof macs "
		"'{ \"veth1\" . 02:00:00:00:00:01 }'",
		"nft flush chain bridge edgeway_macspoof prerouting",
		"nft delete table bridge edgeway_macspoof",
	};

	(void)state;
	add(&C1, "veth1", &M1);
	assert_false(is_bound(&C1, "veth1", &M2));
	assert_false(is_bound(&C1, "veth2", &M1));
	assert_false(is_bound(&C2, "veth1", &M1));
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		assert_true(is_bound(&C1, "veth1", &M1));
		sh("%s", losses[i]);
		assert_false(is_bound(&C1, "veth1", &M1));
		resync();
	}
	assert_true(is_bound(&C1, "veth1", &M1));
}

static void a_line_is_a_name_and_an_address(void **state)
{
	static const char *const senseless[] = {
		"",
		" ",
		"veth1",
		"veth1 ",
		"veth1 nonsense",
		"veth1 02:00:00:00:00",
		"veth1 02:00:00:00:00:01:02",
		" 02:00:00:00:00:01",
		"veth1  02:00:00:00:00:01",
		"abcdefghijklmnop 02:00:00:00:00:01",
	};
	struct ruleset_elem out[RULESET_ELEMS] = {};
	uint8_t key[24] = "veth1";

	(void)state;
	assert_int_equal(macspoof_kind.elems(LINE, out), 2);
	assert_string_equal(out[0].set, "ports");
	assert_int_equal(out[0].key.len, 16);
	assert_memory_equal(out[0].key.bytes, key, 16);
	assert_string_equal(out[1].set, "macs");
	memcpy(key + 16, M1.bytes, sizeof(M1.bytes)); // each part fills registers of four bytes
	assert_int_equal(out[1].key.len, sizeof(key));
	assert_memory_equal(out[1].key.bytes, key, sizeof(key));
	for (size_t i = 0; i < ARRAY_SIZE(senseless); i++)
		if (macspoof_kind.elems(senseless[i], out) != 0)
			fail_msg("\"%s\" makes sense", senseless[i]);
}

static void the_record_is_one_line(void **state)
{
	(void)state;
	add(&C1, "veth1", &M1);
	assert_string_equal(sh_output("cat /run/edgeway/macspoof/*"),
			    "edgeway net/c1/eth0\n" LINE "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(the_table_is_the_documented_one),
		on_a_node(a_further_port_is_two_elements_more),
		on_a_node(a_port_is_set_free_with_its_record_or_without),
		on_a_node(the_rule_is_there_before_any_port),
		on_a_node(a_flushed_ruleset_comes_back_with_the_next_port),
		on_a_node(every_part_of_the_binding_is_checked),
		cmocka_unit_test(a_line_is_a_name_and_an_address),
		on_a_node(the_record_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
