// SPDX-License-Identifier: Apache-2.0
/** Which keys of a document are looked at; test_conf.c is about their values. */
#include "sample.h"

static void unknown_keys_are_warned_of_with_a_hint(void **state)
{
	static const struct {
		const char *text, *warning;
	} rows[] = {
		{"{\"isGatway\": true}",
		 "isGatway: true: unknown key (did you mean \"isGateway\"?)"},
		{"{\"isgatway\": true}",
		 "isgatway: true: unknown key (did you mean \"isGateway\"?)"},
		{"{\"colour\": \"blue\"}", "colour: \"blue\": unknown key"},
		{"{\"ipam\": {\"rangs\": []}}",
		 "ipam.rangs: []: unknown key (did you mean \"ranges\"?)"},
		{"{\"ipam\": {\"ranges\": [[{\"subnet\": \"10.0.0.0/8\", \"subnets\": 1}]]}}",
		 "ipam.ranges[0][0].subnets: 1: unknown key (did you mean \"subnet\"?)"},
		{"{\"colour\": {\"red\": [1, null, 2.5, \"x\"]}}",
		 "colour: {\"red\":[1,null,2.5,\"x\"]}: unknown key"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(done) struct reading lenient = {}, strict = {.report.strict = true};

		read_into(&lenient, rows[i].text);
		assert_int_equal(lenient.rc, 0);
		assert_int_equal(lenient.report.n_warnings, 1);
		assert_string_equal(lenient.report.warnings[0], rows[i].warning);
		assert_string_equal(lenient.e.msg, "");

		read_into(&strict, rows[i].text);
		assert_int_equal(strict.rc, -1);
		assert_int_equal(strict.e.code, ERR_UNKNOWN_FIELD);
		assert_string_equal(strict.e.msg, rows[i].warning);
		assert_int_equal(strict.report.n_warnings, 0);
	}
}

static void where_mistakes_are_tolerated_a_wrong_value_is_none(void **state)
{
	_cleanup_(done) struct reading r = {.report.lenient = true};

	(void)state;
	read_into(&r, "{\"mac\": \"x\", \"bridge\": \"a/b\", \"mtu\": 1, \"flag\": 1, "
		      "\"pairs\": {\"a\": \"1\", \"b\": 2}, \"vlan\": 7}");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.report.n_warnings, 5);
	assert_null(r.s.mac);
	assert_string_equal(r.s.bridge, "cni0");
	assert_int_equal(r.s.mtu, 1500);
	assert_int_equal(r.s.flag, -1);
	assert_int_equal(r.s.n_pairs, 0);
	assert_int_equal(r.s.vlan, 7);
}

static void all_unknown_keys_are_warned_of_and_the_rest_is_read(void **state)
{
	_cleanup_(done) struct reading r = {};

	(void)state;
	read_into(&r, "{\"a1\": 1, \"b2\": 2, \"mtu\": 1400, \"c3\": 3, \"d4\": 4, \"e5\": 5}");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.s.mtu, 1400);
	assert_int_equal(r.report.n_warnings, 5);
	assert_string_equal(r.report.warnings[0], "a1: 1: unknown key");
	assert_string_equal(r.report.warnings[4], "e5: 5: unknown key");
}

static void other_peoples_keys_are_passed_over(void **state)
{
	static const char *const rows[] = {
		"{\"example.com/x\": {\"isGatway\": 1}}",
		"{\"cni.dev/valid-attachments\": [], \"/\": 0}",
		"{\"args\": {\"labels\": [], \"MTU\": \"x\"}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(done) struct reading r = {.report.strict = true};

		read_into(&r, rows[i]);
		assert_int_equal(r.rc, 0);
	}
}

static void an_open_document_is_searched_for_our_keys_only(void **state)
{
	_cleanup_(done) struct reading r = {.report = {.strict = true, .open = true}};
	_cleanup_(done) struct reading deep = {.report = {.strict = true, .open = true}};

	(void)state;
	read_into(&r, "{\"master\": \"eth0\", \"mtu\": 1400}");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.s.mtu, 1400);
	read_into(&deep, "{\"ipam\": {\"master\": 1}}"); // open is the outermost object alone
	assert_int_equal(deep.rc, -1);
	assert_string_equal(deep.e.msg, "ipam.master: 1: unknown key");
}

static void keys_match_whatever_their_case_but_exactness_wins(void **state)
{
	static const struct {
		const char *text;
		int64_t mtu;
	} rows[] = {
		{"{\"MTU\": 1400}", 1400},
		{"{\"mtu\": 1400, \"MTU\": 9000}", 1400},
		{"{\"MTU\": 9000, \"mtu\": 1400}", 1400},
		{"{\"Mtu\": 9000, \"MTU\": 1400}", 1400}, // of two equally good, the last
		{"{\"mtu\": 9000, \"mtu\": 1400}", 1400},
		{"{\"mtu\": 9000, \"mtu\": null}", 1500},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(done) struct reading r = {.report.strict = true};

		read_into(&r, rows[i].text);
		assert_int_equal(r.rc, 0);
		assert_int_equal(r.s.mtu, rows[i].mtu);
	}
}

static void a_value_that_loses_is_not_looked_at(void **state)
{
	_cleanup_(done) struct reading r = {.report.strict = true};

	(void)state;
	read_into(&r, "{\"MTU\": \"nonsense\", \"mtu\": 1400}");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.s.mtu, 1400);
}

static void lookup_finds_the_exact_key_first(void **state)
{
	json_auto_t *doc = json_loads("{\"IPAM\": 1, \"ipam\": 2, \"Name\": 3}", 0, NULL);
	json_auto_t *list = json_array();

	(void)state;
	assert_int_equal(json_integer_value(conf_lookup(doc, "ipam")), 2);
	assert_int_equal(json_integer_value(conf_lookup(doc, "name")), 3);
	assert_null(conf_lookup(doc, "type"));
	assert_null(conf_lookup(list, "ipam"));
	assert_null(conf_lookup(NULL, "ipam"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_keys_are_warned_of_with_a_hint),
		cmocka_unit_test(where_mistakes_are_tolerated_a_wrong_value_is_none),
		cmocka_unit_test(all_unknown_keys_are_warned_of_and_the_rest_is_read),
		cmocka_unit_test(other_peoples_keys_are_passed_over),
		cmocka_unit_test(an_open_document_is_searched_for_our_keys_only),
		cmocka_unit_test(keys_match_whatever_their_case_but_exactness_wins),
		cmocka_unit_test(a_value_that_loses_is_not_looked_at),
		cmocka_unit_test(lookup_finds_the_exact_key_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
