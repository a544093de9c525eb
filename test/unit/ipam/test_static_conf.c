// SPDX-License-Identifier: Apache-2.0
/** Which addresses static takes from where, and what it refuses. */
#include <jansson.h>
#include <string.h>

#include "capture.h"
#include "ipam/opened.h"
#include "test.h"

/** "ADDRESS" or "ADDRESS>GATEWAY", in order. */
static const char *summary(const struct opened *o)
{
	static char text[1000];
	char one[PREFIX_TEXT];

	if (o->rc < 0)
		fail_msg("%s", o->e.msg);
	text[0] = '\0';
	for (size_t i = 0; i < o->s.n_addresses; i++) {
		const struct static_address *a = &o->s.addresses[i];

		strcat(strcat(text, i ? " " : ""), prefix_format(&a->address, one));
		if (a->gateway.family)
			strcat(strcat(text, ">"), ip_format(&a->gateway, one));
	}
	return text;
}

#define IPAM(rest) "{'name': 'net', 'ipam': {'type': 'static', " rest "}"
#define ONE        "'addresses': [{'address': '10.1.0.5/24', 'gateway': '10.1.0.1'}]}"
#define BOTH                                                                                       \
	"'addresses': [{'address': '10.1.0.5/24', 'gateway': '10.1.0.1'}, "                        \
	"{'address': 'fd00::5/64', 'gateway': 'fe80::1'}]"

static void everything_is_read(void **state)
{
	STATIC(o, CNI_1_1_0, "",
	       IPAM(BOTH ", 'routes': [{'dst': '0.0.0.0/0'}, {'dst': '192.0.2.0/24', 'gw': "
			 "'10.1.0.9', 'mtu': 1300}], 'dns': {'nameservers': ['10.1.0.1'], "
			 "'domain': 'd', 'search': ['s'], 'options': ['o']}}"));

	(void)state;
	assert_string_equal(summary(&o), "10.1.0.5/24>10.1.0.1 fd00::5/64>fe80::1");
	assert_int_equal(o.s.conf.n_routes, 2);
	assert_int_equal(o.s.conf.routes[1].mtu, 1300);
	assert_int_equal(o.s.conf.routes[0].table, -1);
	assert_string_equal(o.s.conf.dns.nameservers[0], "10.1.0.1");
	assert_string_equal(o.s.conf.dns.domain, "d");
	assert_int_equal(o.s.conf.dns.n_search, 1);
	assert_int_equal(o.s.conf.dns.n_options, 1);
}

static void cni_args_add_and_the_other_requests_replace(void **state)
{
	static const struct {
		const char *args, *json, *summary;
	} rows[] = {
		{"IP=10.2.0.5/24", IPAM(ONE), "10.1.0.5/24>10.1.0.1 10.2.0.5/24"},
		{"IP= 10.2.0.5/24 ,\tfd00::6/64", IPAM("'addresses': []}"),
		 "10.2.0.5/24 fd00::6/64"},
		{"IP=;GATEWAY=", IPAM(ONE), "10.1.0.5/24>10.1.0.1"},
		{"", IPAM(ONE ", 'args': {'cni': {'ips': ['10.3.0.5/24', 'fd00::7/64']}}"),
		 "10.3.0.5/24 fd00::7/64"},
		{"IP=10.2.0.5/24;GATEWAY=10.2.0.1",
		 IPAM(ONE ", 'args': {'cni': {'ips': ['10.3.0.5/24']}}"), "10.3.0.5/24"},
		{"", IPAM(ONE ", 'runtimeConfig': {'ips': ['10.4.0.5/24']}"), "10.4.0.5/24"},
		{"IP=10.2.0.5/24",
		 IPAM(ONE ", 'args': {'cni': {'ips': ['10.3.0.5/24']}}, 'runtimeConfig': {'ips': "
			  "['10.4.0.5/24']}"),
		 "10.4.0.5/24"},
		{"", IPAM(ONE ", 'args': {'cni': {'ips': []}}, 'runtimeConfig': {'ips': []}"),
		 "10.1.0.5/24>10.1.0.1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		STATIC(o, CNI_1_1_0, rows[i].args, rows[i].json);

		assert_string_equal(summary(&o), rows[i].summary);
	}
}

static void a_gateway_goes_to_the_requested_address_in_whose_subnet_it_lies(void **state)
{
	static const char *const rows[][2] = {
		{"IP=10.2.0.5/24,10.3.0.5/24,fd00::5/64;GATEWAY=fd00::1, 10.2.0.1",
		 "10.1.0.5/24>10.1.0.1 10.2.0.5/24>10.2.0.1 10.3.0.5/24 fd00::5/64>fd00::1"},
		{"IP=10.2.0.5/24;GATEWAY=10.2.0.1,10.2.0.2",
		 "10.1.0.5/24>10.1.0.1 10.2.0.5/24>10.2.0.2"},
		{"IP=10.2.0.5/24,10.2.0.6/16;GATEWAY=10.2.0.1",
		 "10.1.0.5/24>10.1.0.1 10.2.0.5/24>10.2.0.1 10.2.0.6/16>10.2.0.1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		STATIC(o, CNI_1_1_0, rows[i][0], IPAM(ONE));

		assert_string_equal(summary(&o), rows[i][1]);
	}
}

static void a_gateway_of_nobody_is_warned_of(void **state)
{
	struct capture log = capture_begin(STDERR_FILENO);
	_cleanup_(opened_done) struct opened o;
	const char *said;

	(void)state;
	// 10.1.0.9 is in the subnet of the configuration's address, which has its gateway.
	open_static(&o, CNI_1_1_0, "GATEWAY=10.1.0.9", IPAM(ONE));
	said = capture_end(&log);
	assert_string_equal(summary(&o), "10.1.0.5/24>10.1.0.1");
	assert_string_equal(said, "level=warn msg=\"CNI_ARGS: GATEWAY: \\\"10.1.0.9\\\": in the "
				  "subnet of no address of IP, ignored\"\n");
}

static void unusual_but_possible_addresses_are_taken(void **state)
{
	static const char *const rows[][2] = {
		{IPAM("'routes': []}"), ""},
		{IPAM("'Addresses': null}"), ""},
		{IPAM("'ADDRESSES': [{'Address': '10.1.0.5/24', 'GateWay': ''}]}"), "10.1.0.5/24"},
		{IPAM("'addresses': [{'address': '10.1.0.5/32', 'gateway': '169.254.1.1'}]}"),
		 "10.1.0.5/32>169.254.1.1"},
		{IPAM("'addresses': [{'address': '10.1.0.0/31'}, {'address': '10.1.0.1/31'}]}"),
		 "10.1.0.0/31 10.1.0.1/31"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		STATIC(o, CNI_1_1_0, "", rows[i][0]);

		assert_string_equal(summary(&o), rows[i][1]);
	}
}

static void expect_refusal(enum cni_version version, const char *args, const char *json, int code,
			   const char *msg)
{
	STATIC(o, version, args, json);

	if (o.rc != -1)
		fail_msg("accepted: %s %s", args, json);
	assert_string_equal(o.e.msg, msg);
	assert_int_equal(o.e.code, code);
}

static void a_mistake_of_form_names_its_place(void **state)
{
	static const struct {
		const char *args, *json;
		int code;
		const char *msg;
	} rows[] = {
		{"", "{}", ERR_CONFIG, "ipam: required, but missing"},
		{"", "{'ipam': {}}", ERR_CONFIG, "ipam.type: required, but missing"},
		{"", IPAM("'addresses': {}}"), ERR_DECODE, "ipam.addresses: {}: must be a list"},
		{"", IPAM("'addresses': ['10.1.0.5/24']}"), ERR_DECODE,
		 "ipam.addresses[0]: \"10.1.0.5/24\": must be an object"},
		{"", IPAM("'addresses': [{}]}"), ERR_CONFIG,
		 "ipam.addresses[0].address: required, but missing"},
		{"", IPAM("'addresses': [{'address': 'x/24'}]}"), ERR_CONFIG,
		 "ipam.addresses[0].address: \"x/24\": not an IP address"},
		{"", IPAM("'addresses': [{'address': '10.1.0.5'}]}"), ERR_CONFIG,
		 "ipam.addresses[0].address: \"10.1.0.5\": prefix length missing, write it as "
		 "address/length"},
		{"", IPAM("'addresses': [{'address': '10.1.0.5/33'}]}"), ERR_CONFIG,
		 "ipam.addresses[0].address: \"10.1.0.5/33\": prefix length must be 0..32"},
		{"", IPAM("'addresses': [{'address': '10.1.0.5/24', 'gateway': 'x'}]}"), ERR_CONFIG,
		 "ipam.addresses[0].gateway: \"x\": not an IP address"},
		{"", IPAM("'routes': [{'dst': 'default'}]}"), ERR_CONFIG,
		 "ipam.routes[0].dst: \"default\": not an address with a prefix length, write it "
		 "as address/length"},
		{"", IPAM("'dns': []}"), ERR_DECODE, "ipam.dns: []: must be an object"},
		{"IP=x", IPAM(ONE), ERR_CONFIG,
		 "CNI_ARGS: IP: \"x\": not an address with a prefix length, write it as "
		 "address/length"},
		{"IP=10.2.0.5/24,", IPAM(ONE), ERR_CONFIG,
		 "CNI_ARGS: IP: \"\": not an address with a prefix length, write it as "
		 "address/length"},
		{"GATEWAY=x", IPAM(ONE), ERR_CONFIG, "CNI_ARGS: GATEWAY: \"x\": not an IP address"},
		{"", IPAM(ONE ", 'args': {'cni': {'ips': ['10.3.0.5/24', '10.3.0.6']}}"),
		 ERR_CONFIG,
		 "args.cni.ips[1]: \"10.3.0.6\": prefix length missing, write it as "
		 "address/length"},
		{"", IPAM(ONE ", 'runtimeConfig': {'ips': ['']}"), ERR_CONFIG,
		 "runtimeConfig.ips[0]: \"\": not an address with a prefix length, write it as "
		 "address/length"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect_refusal(CNI_1_1_0, rows[i].args, rows[i].json, rows[i].code, rows[i].msg);
}

static void an_impossible_address_names_its_place(void **state)
{
#define IMPOSSIBLE(address) IPAM("'addresses': [{'address': '" address "'}]}")
	static const char *const rows[][2] = {
		{IMPOSSIBLE("0.0.0.0/24"), "ipam.addresses[0].address: \"0.0.0.0/24\""},
		{IMPOSSIBLE("::/64"), "ipam.addresses[0].address: \"::/64\""},
		{IMPOSSIBLE("224.0.0.5/24"), "ipam.addresses[0].address: \"224.0.0.5/24\""},
		{IMPOSSIBLE("ff02::5/64"), "ipam.addresses[0].address: \"ff02::5/64\""},
		{IMPOSSIBLE("::ffff:10.1.0.5/120"),
		 "ipam.addresses[0].address: \"::ffff:10.1.0.5/120\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char msg[200];

		strcat(strcpy(msg, rows[i][1]), ": not an address that a container can have");
		expect_refusal(CNI_1_1_0, "", rows[i][0], ERR_CONFIG, msg);
	}
}

static void addresses_that_do_not_go_together_name_their_places(void **state)
{
	static const struct {
		enum cni_version version;
		const char *args, *json, *msg;
	} rows[] = {
		{CNI_1_1_0, "",
		 IPAM("'addresses': [{'address': '10.1.0.5/24', 'gateway': 'fd00::1'}]}"),
		 "ipam.addresses[0].gateway: \"fd00::1\": of another family than the container's "
		 "own address 10.1.0.5/24"},
		{CNI_1_1_0, "",
		 IPAM("'addresses': [{'address': 'fd00::5/64', 'gateway': 'fd00::5'}]}"),
		 "ipam.addresses[0].gateway: \"fd00::5\": the same as the container's own address "
		 "fd00::5/64"},
		{CNI_1_1_0, "IP=10.2.0.5/24;GATEWAY=10.2.0.5", IPAM(ONE),
		 "CNI_ARGS: GATEWAY: \"10.2.0.5\": the same as the container's own address "
		 "10.2.0.5/24"},
		{CNI_1_1_0, "",
		 IPAM("'addresses': [{'address': '10.1.0.5/24'}, {'address': '10.1.0.5/16'}]}"),
		 "ipam.addresses[1].address: \"10.1.0.5/16\": given already by "
		 "ipam.addresses[0].address"},
		{CNI_1_1_0, "IP=10.1.0.5/24", IPAM(ONE),
		 "CNI_ARGS: IP: \"10.1.0.5/24\": given already by ipam.addresses[0].address"},
		{CNI_1_1_0, "",
		 IPAM(ONE ", 'runtimeConfig': {'ips': ['fd00::5/64', 'fd00:0::5/64']}"),
		 "runtimeConfig.ips[1]: \"fd00::5/64\": given already by runtimeConfig.ips[0]"},
		{CNI_0_2_0, "IP=10.2.0.5/24", IPAM(BOTH "}"),
		 "CNI_ARGS: IP: \"10.2.0.5/24\": CNI version 0.2.0 does not support more than 1 "
		 "address per family"},
		{CNI_0_1_0, "",
		 IPAM(ONE ", 'args': {'cni': {'ips': ['fd00::5/64', 'fd00::6/64']}}"),
		 "args.cni.ips[1]: \"fd00::6/64\": CNI version 0.1.0 does not support more than 1 "
		 "address per family"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect_refusal(rows[i].version, rows[i].args, rows[i].json, ERR_CONFIG,
			       rows[i].msg);
}

static void old_versions_have_one_address_of_each_family(void **state)
{
	STATIC(o, CNI_0_2_0, "", IPAM(BOTH "}"));
	STATIC(replaced, CNI_0_2_0, "IP=10.2.0.5/24",
	       IPAM(ONE ", 'runtimeConfig': {'ips': ['10.4.0.5/24']}"));

	(void)state;
	assert_string_equal(summary(&o), "10.1.0.5/24>10.1.0.1 fd00::5/64>fe80::1");
	assert_string_equal(summary(&replaced), "10.4.0.5/24");
}

static void what_takes_nothing_away_reads_nothing(void **state)
{
	static const enum cni_verb verbs[] = {CNI_DEL, CNI_GC};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		struct test_call c;
		struct static_ipam s;
		struct err e = {};

		// which an ADD would refuse
		test_call_init(&c, IPAM(ONE ", 'runtimeConfig': {'ips': ['nonsense']}"));
		c.call.verb = verbs[i];
		assert_int_equal(static_open(&s, &c.call, conf_lookup(c.call.doc, "ipam"), &e), 0);
		assert_int_equal(s.n_addresses, 0);
		test_call_done(&c);
	}
}

static void a_misspelt_key_is_warned_of_with_its_place(void **state)
{
	struct capture log = capture_begin(STDERR_FILENO);
	_cleanup_(opened_done) struct opened o;
	const char *said;

	(void)state;
	open_static(&o, CNI_1_1_0, "",
		    IPAM("'addresses': [{'address': '10.1.0.5/24', 'gatway': '10.1.0.9'}]}"));
	said = capture_end(&log);
	assert_int_equal(o.rc, 0);
	assert_string_equal(said, "level=warn msg=\"ipam.addresses[0].gatway: \\\"10.1.0.9\\\": "
				  "unknown key (did you mean \\\"gateway\\\"?)\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(cni_args_add_and_the_other_requests_replace),
		cmocka_unit_test(a_gateway_goes_to_the_requested_address_in_whose_subnet_it_lies),
		cmocka_unit_test(a_gateway_of_nobody_is_warned_of),
		cmocka_unit_test(unusual_but_possible_addresses_are_taken),
		cmocka_unit_test(a_mistake_of_form_names_its_place),
		cmocka_unit_test(an_impossible_address_names_its_place),
		cmocka_unit_test(addresses_that_do_not_go_together_name_their_places),
		cmocka_unit_test(old_versions_have_one_address_of_each_family),
		cmocka_unit_test(what_takes_nothing_away_reads_nothing),
		cmocka_unit_test(a_misspelt_key_is_warned_of_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
