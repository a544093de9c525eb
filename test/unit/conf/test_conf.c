// SPDX-License-Identifier: Apache-2.0
/** Values, and what is said of wrong ones; test_conf_keys.c is about keys. */
#include <stdio.h>

#include "sample.h"

static void absent_keys_take_their_defaults(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"bridge\": null, \"mtu\": null, \"vlan\": null, \"enabledad\": null, "
		"\"mac\": null, \"ip\": null, \"subnet\": null, \"any\": null, \"ipam\": null, "
		"\"names\": null, \"MTU\": null, \"flag\": null, \"pairs\": null}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(done) struct reading r = {};

		read_into(&r, texts[i]);
		assert_int_equal(r.rc, 0);
		assert_int_equal(r.report.n_warnings, 0);
		assert_string_equal(r.s.bridge, "cni0");
		assert_int_equal(r.s.mtu, 1500);
		assert_int_equal(r.s.vlan, -1);
		assert_int_equal(r.s.count, 0);
		assert_false(r.s.gateway);
		assert_true(r.s.dad);
		assert_null(r.s.mac);
		assert_int_equal(r.s.ip.family, 0);
		assert_int_equal(r.s.subnet.ip.family, 0);
		assert_null(r.s.any);
		assert_null(r.s.ipam.type);
		assert_null(r.s.names);
		assert_int_equal(r.s.n_names, 0);
		assert_int_equal(r.s.flag, -1);
		assert_null(r.s.pairs);
		assert_int_equal(r.s.n_pairs, 0);
	}
}

static void every_kind_is_read(void **state)
{
	_cleanup_(done) struct reading r = {};
	char text[PREFIX_TEXT];

	(void)state;
	read_into(&r, "{\"bridge\": \"br7\", \"mtu\": 9000, \"vlan\": 5, \"isGateway\": true, "
		      "\"enabledad\": false, \"mac\": \"02:00:5E:10:00:01\", \"ip\": \"fd00::7\", "
		      "\"subnet\": \"10.1.2.3/16\", \"any\": [1, {\"x\": 2}], "
		      "\"names\": [\"a\", \"\", \"c\"]}");
	assert_int_equal(r.rc, 0);
	assert_string_equal(r.s.bridge, "br7");
	assert_int_equal(r.s.mtu, 9000);
	assert_int_equal(r.s.vlan, 5);
	assert_true(r.s.gateway);
	assert_false(r.s.dad);
	assert_string_equal(r.s.mac, "02:00:5E:10:00:01");
	assert_string_equal(ip_format(&r.s.ip, text), "fd00::7");
	assert_string_equal(prefix_format(&r.s.subnet, text), "10.1.2.3/16");
	assert_int_equal(json_array_size(r.s.any), 2);
	assert_int_equal(r.s.n_names, 3);
	assert_string_equal(r.s.names[0], "a");
	assert_string_equal(r.s.names[1], "");
	assert_string_equal(r.s.names[2], "c");
}

static void lists_hold_lists(void **state)
{
	_cleanup_(done) struct reading r = {};
	char text[PREFIX_TEXT];

	(void)state;
	read_into(&r, "{\"ipam\": {\"type\": \"host-local\", \"ranges\": ["
		      "[{\"subnet\": \"10.1.0.0/16\"}, {\"subnet\": \"10.2.0.0/16\", "
		      "\"gateway\": \"10.2.0.9\"}], [], [{\"subnet\": \"fd00::/64\"}]]}}");
	assert_int_equal(r.rc, 0);
	assert_string_equal(r.s.ipam.type, "host-local");
	assert_int_equal(r.s.ipam.n_sets, 3);
	assert_int_equal(r.s.ipam.sets[0].n, 2);
	assert_int_equal(r.s.ipam.sets[1].n, 0);
	assert_int_equal(r.s.ipam.sets[2].n, 1);
	assert_string_equal(ip_format(&r.s.ipam.sets[0].ranges[1].gateway, text), "10.2.0.9");
	assert_int_equal(r.s.ipam.sets[0].ranges[0].gateway.family, 0);
	assert_string_equal(prefix_format(&r.s.ipam.sets[2].ranges[0].subnet, text), "fd00::/64");
}

static void a_flag_knows_three_answers(void **state)
{
	_cleanup_(done) struct reading on = {}, off = {};

	(void)state;
	read_into(&on, "{\"flag\": true}");
	assert_int_equal(on.s.flag, 1);
	read_into(&off, "{\"flag\": false}");
	assert_int_equal(off.s.flag, 0);
}

static void a_map_keeps_its_order_and_the_case_of_its_keys(void **state)
{
	_cleanup_(done) struct reading r = {}, none = {};

	(void)state;
	read_into(&r, "{\"pairs\": {\"z\": \"1\", \"none\": null, \"A/b.c\": \"\", "
		      "\"a/B.C\": \"3\", \"z\": \"4\"}}");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.report.n_warnings, 0);
	assert_int_equal(r.s.n_pairs, 3);
	assert_string_equal(r.s.pairs[0].key, "z");
	assert_string_equal(r.s.pairs[0].value, "4");
	assert_string_equal(r.s.pairs[1].key, "A/b.c");
	assert_string_equal(r.s.pairs[1].value, "");
	assert_string_equal(r.s.pairs[2].key, "a/B.C");
	assert_string_equal(r.s.pairs[2].value, "3");
	read_into(&none, "{\"pairs\": {}}");
	assert_int_equal(none.rc, 0);
	assert_int_equal(none.s.n_pairs, 0);
}

static void every_mistake_names_its_place(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *msg;
	} rows[] = {
		{"[]", ERR_DECODE, "must be an object"},
		{"7", ERR_DECODE, "must be an object"},
		{"{\"mtu\": 12}", ERR_CONFIG, "mtu: 12: must be 68..65535"},
		{"{\"mtu\": 65536}", ERR_CONFIG, "mtu: 65536: must be 68..65535"},
		{"{\"mtu\": -9223372036854775808}", ERR_CONFIG,
		 "mtu: -9223372036854775808: must be 68..65535"},
		{"{\"count\": -1}", ERR_CONFIG, "count: -1: must be 0 or more"},
		{"{\"vlan\": -2}", ERR_CONFIG, "vlan: -2: must be -1 or more"},
		{"{\"mtu\": \"big\"}", ERR_DECODE, "mtu: \"big\": must be an integer"},
		{"{\"mtu\": 1500.0}", ERR_DECODE, "mtu: 1500.0: must be an integer"},
		{"{\"mtu\": true}", ERR_DECODE, "mtu: true: must be an integer"},
		{"{\"isGateway\": 1}", ERR_DECODE, "isGateway: 1: must be true or false"},
		{"{\"bridge\": 7}", ERR_DECODE, "bridge: 7: must be a string"},
		{"{\"bridge\": \"\"}", ERR_CONFIG,
		 "bridge: \"\": an interface name has 1..15 characters"},
		{"{\"bridge\": \"a/b\"}", ERR_CONFIG, "bridge: \"a/b\": not an interface name"},
		{"{\"mac\": \"02:00\"}", ERR_CONFIG,
		 "mac: \"02:00\": not a MAC address, write it as 02:00:5e:10:00:01"},
		{"{\"mac\": 2}", ERR_DECODE, "mac: 2: must be a string with a MAC address"},
		{"{\"ip\": \"10.1\"}", ERR_CONFIG, "ip: \"10.1\": not an IP address"},
		{"{\"ip\": false}", ERR_DECODE, "ip: false: must be a string with an address"},
		{"{\"subnet\": \"10.1.0.0\"}", ERR_CONFIG,
		 "subnet: \"10.1.0.0\": prefix length missing, write it as address/length"},
		{"{\"subnet\": {}}", ERR_DECODE,
		 "subnet: {}: must be a string with address and prefix length"},
		{"{\"ipam\": \"host-local\"}", ERR_DECODE,
		 "ipam: \"host-local\": must be an object"},
		{"{\"flag\": 1}", ERR_DECODE, "flag: 1: must be true or false"},
		{"{\"pairs\": []}", ERR_DECODE, "pairs: []: must be an object"},
		{"{\"pairs\": {\"a\": \"1\", \"b.c/d\": 2}}", ERR_DECODE,
		 "pairs.b.c/d: 2: must be a string"},
		{"{\"names\": {}}", ERR_DECODE, "names: {}: must be a list"},
		{"{\"names\": [\"a\", 2]}", ERR_DECODE, "names[1]: 2: must be a string"},
		{"{\"names\": [null]}", ERR_DECODE, "names[0]: null: must be a string"},
		{"{\"ipam\": {\"ranges\": [[{\"subnet\": \"10.0.0.0/8\"}, "
		 "{\"subnet\": \"10.1.0.0/33\"}]]}}",
		 ERR_CONFIG,
		 "ipam.ranges[0][1].subnet: \"10.1.0.0/33\": prefix length must be 0..32"},
		{"{\"ipam\": {\"ranges\": [[{}]]}}", ERR_CONFIG,
		 "ipam.ranges[0][0].subnet: required, but missing"},
		{"{\"ipam\": {\"ranges\": [[], [{\"subnet\": null}]]}}", ERR_CONFIG,
		 "ipam.ranges[1][0].subnet: required, but missing"},
		{"{\"ipam\": {\"ranges\": [{}]}}", ERR_DECODE,
		 "ipam.ranges[0]: {}: must be a list"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(done) struct reading r = {};

		read_into(&r, rows[i].text);
		if (r.rc != -1)
			fail_msg("accepted: %s", rows[i].text);
		assert_string_equal(r.e.msg, rows[i].msg);
		assert_int_equal(r.e.code, rows[i].code);
	}
}

static void a_required_key_of_an_absent_object_is_named_with_its_path(void **state)
{
	static const struct conf_field inner[] = {
		conf_str(struct sample, ipam.type, "type", .required = true),
		conf_end,
	};
	static const struct conf_field outer[] = {
		{.kind = CONF_OBJ, .key = "ipam", .sub = inner},
		conf_end,
	};
	_cleanup_(arena_free) struct arena arena = {};
	json_auto_t *doc = json_object();
	struct conf_report report = {};
	struct sample s = {};
	struct err e = {};

	(void)state;
	assert_int_equal(conf_read(&s, outer, doc, "", &report, &arena, &e), -1);
	assert_string_equal(e.msg, "ipam.type: required, but missing");
}

static void the_path_begins_where_the_document_does(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	json_auto_t *doc = json_loads("{\"gateway\": \"x\", \"subnet\": \"10.0.0.0/8\"}", 0, NULL);
	json_auto_t *list = json_array();
	struct conf_report report = {};
	struct range r = {};
	struct err e = {};

	(void)state;
	assert_int_equal(conf_read(&r, range_fields, doc, "ipam.ranges[7]", &report, &arena, &e),
			 -1);
	assert_string_equal(e.msg, "ipam.ranges[7].gateway: \"x\": not an IP address");
	assert_int_equal(conf_read(&r, range_fields, list, "ipam", &report, &arena, &e), -1);
	assert_string_equal(e.msg, "ipam: must be an object");
	assert_int_equal(conf_read(&r, range_fields, NULL, "ipam", &report, &arena, &e), -1);
	assert_string_equal(e.msg, "ipam: required, but missing");
}

static void a_very_long_value_is_cut_in_the_message(void **state)
{
	_cleanup_(done) struct reading r = {};
	char text[2000];

	(void)state;
	(void)snprintf(text, sizeof(text), "{\"ip\": \"%01500d\"}", 0);
	read_into(&r, text);
	assert_int_equal(r.rc, -1);
	assert_true(strlen(r.e.msg) < 200);
	assert_non_null(strstr(r.e.msg, "...: not an IP address"));
	assert_memory_equal(r.e.msg, "ip: \"000", 8);
}

static void a_path_that_is_too_deep_is_cut_and_not_followed_by_harm(void **state)
{
	_cleanup_(done) struct reading r = {};
	char text[2000];

	(void)state;
	(void)snprintf(text, sizeof(text), "{\"%01000d\": 1, \"ip\": 5, \"mtu\": 9}", 0);
	read_into(&r, text);
	assert_int_equal(r.rc, -1);
	assert_string_equal(r.e.msg, "ip: 5: must be a string with an address");
}

static void port_mappings_are_read_as_containerd_sends_them(void **state)
{
	_cleanup_(done) struct reading r = {.report.strict = true};
	char text[IP_TEXT];

	(void)state;
	read_into(&r, "{\"portMappings\": [{\"HostPort\": 8080, \"ContainerPort\": 80, "
		      "\"Protocol\": \"udp\", \"HostIP\": \"127.0.0.1\"}, "
		      "{\"hostPort\": 8081, \"containerPort\": 81}]}");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.s.n_ports, 2);
	assert_int_equal(r.s.ports[0].host_port, 8080);
	assert_int_equal(r.s.ports[0].container_port, 80);
	assert_string_equal(r.s.ports[0].protocol, "udp");
	assert_string_equal(ip_format(&r.s.ports[0].host_ip, text), "127.0.0.1");
	assert_int_equal(r.s.ports[1].container_port, 81);
	assert_string_equal(r.s.ports[1].protocol, "tcp");
}

static void interface_names_are_judged_as_the_kernel_does(void **state)
{
	static const char *const good[] = {"a", "eth0", "eth0.7", "123456789012345", "...", "x@y"};
	static const char *const bad[] = {"",    "1234567890123456",
					  ".",   ".",
					  "..",  "a/b",
					  "a:b", "a b",
					  "a\t", "a\n",
					  "\va", "a\f",
					  "a\r"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_null(conf_ifname(&good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (!conf_ifname(&bad[i]))
			fail_msg("\"%s\" was taken for an interface name", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_keys_take_their_defaults),
		cmocka_unit_test(every_kind_is_read),
		cmocka_unit_test(lists_hold_lists),
		cmocka_unit_test(a_flag_knows_three_answers),
		cmocka_unit_test(a_map_keeps_its_order_and_the_case_of_its_keys),
		cmocka_unit_test(every_mistake_names_its_place),
		cmocka_unit_test(a_required_key_of_an_absent_object_is_named_with_its_path),
		cmocka_unit_test(the_path_begins_where_the_document_does),
		cmocka_unit_test(a_very_long_value_is_cut_in_the_message),
		cmocka_unit_test(a_path_that_is_too_deep_is_cut_and_not_followed_by_harm),
		cmocka_unit_test(port_mappings_are_read_as_containerd_sends_them),
		cmocka_unit_test(interface_names_are_judged_as_the_kernel_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
