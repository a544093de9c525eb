// SPDX-License-Identifier: Apache-2.0
/** What host-local makes of its configuration and of requests, before it touches any file. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "ipam/opened.h"
#include "test.h"

/** The sets' first addresses and the wanted ones, in order. */
static const char *summary(const struct opened *o)
{
	static char text[1000];
	char one[IP_TEXT];

	if (o->rc < 0)
		fail_msg("%s", o->e.msg);
	text[0] = '\0';
	for (size_t i = 0; i < o->hl.n_sets; i++)
		strcat(strcat(text, ip_format(&o->hl.sets[i].ranges[0].start, one)), " ");
	strcat(text, "| ");
	for (size_t i = 0; i < o->hl.n_wanted; i++)
		strcat(strcat(text, ip_format(&o->hl.wanted[i].ip, one)), " ");
	return text;
}

#define IPAM(rest) "{'name': 'net', 'ipam': {'type': 'host-local', " rest "}"

static void defaults_are_those_of_the_reference(void **state)
{
	HOST_LOCAL(o, CNI_1_1_0, "", IPAM("'ranges': [[{'subnet': '10.1.0.0/16'}]]}"));

	(void)state;
	assert_int_equal(o.rc, 0);
	assert_string_equal(o.hl.conf.data_dir, "/var/lib/cni/networks");
	assert_null(o.hl.conf.resolv_conf);
	assert_int_equal(o.hl.conf.n_routes, 0);
	assert_int_equal(o.hl.n_sets, 1);
}

static void everything_is_read(void **state)
{
	HOST_LOCAL(
		o, CNI_1_1_0, "",
		IPAM("'ranges': [[{'subnet': '10.1.0.0/16'}], [{'subnet': 'fd00::/64'}]], "
		     "'routes': [{'dst': '0.0.0.0/0'}, {'dst': '192.0.2.0/24', 'gw': '10.1.0.9', "
		     "'mtu': 1300}], 'dataDir': '/run/x', 'resolvConf': '/etc/resolv.conf'}"));

	(void)state;
	assert_string_equal(summary(&o), "10.1.0.1 fd00::1 | ");
	assert_int_equal(o.hl.conf.n_routes, 2);
	assert_int_equal(o.hl.conf.routes[1].mtu, 1300);
	assert_int_equal(o.hl.conf.routes[0].table, -1);
	assert_string_equal(o.hl.conf.data_dir, "/run/x");
	assert_string_equal(o.hl.conf.resolv_conf, "/etc/resolv.conf");
}

static void sets_come_from_the_runtime_then_the_older_form_then_the_list(void **state)
{
	static const char *const rows[][2] = {
		{IPAM("'subnet': '10.1.0.0/16', 'rangeStart': '10.1.0.5'}"), "10.1.0.5 | "},
		{IPAM("'subnet': '10.1.0.0/16', 'ranges': [[{'subnet': '10.2.0.0/16'}]]}"),
		 "10.1.0.1 10.2.0.1 | "},
		{IPAM("'ranges': [[{'subnet': '10.2.0.0/16'}]]}, 'runtimeConfig': {'ipRanges': "
		      "[[{'subnet': '10.3.0.0/16'}, {'subnet': '10.4.0.0/16'}], [{'subnet': "
		      "'fd00::/64'}]]}"),
		 "10.3.0.1 fd00::1 10.2.0.1 | "},
		{IPAM("'subnet': '10.1.0.0/16', 'ranges': [[{'subnet': '10.2.0.0/16'}]]}, "
		      "'runtimeConfig': {'ipRanges': [[{'subnet': '10.3.0.0/16'}]]}"),
		 "10.3.0.1 10.1.0.1 10.2.0.1 | "},
		{"{'name': 'net', 'ipam': {'type': 'host-local'}, 'runtimeConfig': {'ipRanges': "
		 "[[{'subnet': '10.3.0.0/16'}]]}}",
		 "10.3.0.1 | "},
		{IPAM("'Subnet': '10.1.0.0/16', 'RANGES': null}"), "10.1.0.1 | "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		HOST_LOCAL(o, CNI_1_1_0, "", rows[i][0]);

		assert_string_equal(summary(&o), rows[i][1]);
	}
}

static void addresses_are_requested_in_three_ways_that_add_up(void **state)
{
	static const struct {
		const char *args, *json, *summary;
	} rows[] = {
		{"IP=10.1.0.5", IPAM("'subnet': '10.1.0.0/16'}"), "10.1.0.1 | 10.1.0.5 "},
		{"IP=10.1.0.5/16", IPAM("'subnet': '10.1.0.0/16'}"), "10.1.0.1 | 10.1.0.5 "},
		{"IgnoreUnknown=1;IP=10.1.0.5,fd00::5;X=1", IPAM("'subnet': '10.1.0.0/16'}"),
		 "10.1.0.1 | 10.1.0.5 fd00::5 "},
		{"",
		 IPAM("'subnet': '10.1.0.0/16'}, 'args': {'cni': {'ips': ['10.1.0.6', "
		      "'10.1.0.7/24']}}"),
		 "10.1.0.1 | 10.1.0.6 10.1.0.7 "},
		{"", IPAM("'subnet': '10.1.0.0/16'}, 'runtimeConfig': {'ips': ['10.1.0.8']}"),
		 "10.1.0.1 | 10.1.0.8 "},
		{"IP=10.1.0.5",
		 IPAM("'subnet': '10.1.0.0/16'}, 'args': {'cni': {'ips': "
		      "['10.1.0.6']}}, 'runtimeConfig': {'ips': ['10.1.0.7']}"),
		 "10.1.0.1 | 10.1.0.5 10.1.0.6 10.1.0.7 "},
		{"IP=", IPAM("'subnet': '10.1.0.0/16'}"), "10.1.0.1 | "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		HOST_LOCAL(o, CNI_1_1_0, rows[i].args, rows[i].json);

		assert_string_equal(summary(&o), rows[i].summary);
	}
}

static void every_mistake_names_its_place(void **state)
{
	static const struct {
		enum cni_version version;
		const char *args, *json;
		int code;
		const char *msg;
	} rows[] = {
		{CNI_1_1_0, "", "{'ipam': {}}", ERR_CONFIG, "ipam.type: required, but missing"},
		{CNI_1_1_0, "", "{}", ERR_CONFIG, "ipam: required, but missing"},
		{CNI_1_1_0, "", "{'ipam': {'type': 'host-local'}}", ERR_CONFIG,
		 "ipam.ranges: no IP ranges specified"},
		{CNI_1_1_0, "", IPAM("'ranges': []}"), ERR_CONFIG,
		 "ipam.ranges: no IP ranges specified"},
		{CNI_1_1_0, "", IPAM("'ranges': [[]]}"), ERR_CONFIG,
		 "ipam.ranges[0]: an empty set of ranges"},
		{CNI_1_1_0, "", IPAM("'ranges': {}}"), ERR_DECODE,
		 "ipam.ranges: {}: must be a list"},
		{CNI_1_1_0, "", IPAM("'ranges': [[{'subnet': '10.1.0.0/33'}]]}"), ERR_CONFIG,
		 "ipam.ranges[0][0].subnet: \"10.1.0.0/33\": prefix length must be 0..32"},
		{CNI_1_1_0, "", IPAM("'subnet': '10.1.0.5/16'}"), ERR_CONFIG,
		 "ipam.subnet: \"10.1.0.5/16\": Network has host bits set; write "
		 "\"10.1.0.0/16\""},
		{CNI_1_1_0, "",
		 IPAM("'subnet': '10.1.0.0/16', 'ranges': [[{'subnet': '10.1.2.0/24'}]]}"),
		 ERR_CONFIG, "ipam.ranges[0][0]: overlaps with ipam.subnet"},
		{CNI_1_1_0, "",
		 IPAM("'subnet': '10.1.0.0/16'}, 'runtimeConfig': {'ipRanges': [[{'subnet': "
		      "'10.1.0.0/33'}]]}"),
		 ERR_CONFIG,
		 "runtimeConfig.ipRanges[0][0].subnet: \"10.1.0.0/33\": prefix length must be "
		 "0..32"},
		{CNI_1_1_0, "", IPAM("'subnet': '10.1.0.0/16', 'routes': [{'dst': 'default'}]}"),
		 ERR_CONFIG,
		 "ipam.routes[0].dst: \"default\": not an address with a prefix length, write it "
		 "as address/length"},
		{CNI_1_1_0, "IP=nonsense", IPAM("'subnet': '10.1.0.0/16'}"), ERR_CONFIG,
		 "CNI_ARGS: IP: \"nonsense\": not an IP address"},
		{CNI_1_1_0, "",
		 IPAM("'subnet': '10.1.0.0/16'}, 'args': {'cni': {'ips': ['10.1.0.5', 'x']}}"),
		 ERR_CONFIG, "args.cni.ips[1]: \"x\": not an IP address"},
		{CNI_1_1_0, "",
		 IPAM("'subnet': '10.1.0.0/16'}, 'runtimeConfig': {'ips': ['10.1.0.5/64']}"),
		 ERR_CONFIG, "runtimeConfig.ips[0]: \"10.1.0.5/64\": prefix length must be 0..32"},
		{CNI_0_2_0, "",
		 IPAM("'ranges': [[{'subnet': '10.1.0.0/16'}], [{'subnet': '10.2.0.0/16'}]]}"),
		 ERR_CONFIG,
		 "ipam.ranges[1]: CNI version 0.2.0 does not support more than 1 address per "
		 "family"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		HOST_LOCAL(o, rows[i].version, rows[i].args, rows[i].json);

		if (o.rc != -1)
			fail_msg("accepted: %s", rows[i].json);
		assert_string_equal(o.e.msg, rows[i].msg);
		assert_int_equal(o.e.code, rows[i].code);
	}
}

static void old_versions_have_one_address_of_each_family(void **state)
{
	HOST_LOCAL(o, CNI_0_1_0, "",
		   IPAM("'ranges': [[{'subnet': '10.1.0.0/16'}], [{'subnet': 'fd00::/64'}]]}"));

	(void)state;
	assert_string_equal(summary(&o), "10.1.0.1 fd00::1 | ");
}

static void a_misspelt_key_is_warned_of_with_its_place(void **state)
{
	struct capture log = capture_begin(STDERR_FILENO);
	_cleanup_(opened_done) struct opened o;
	const char *said;

	(void)state;
	open_host_local(&o, CNI_1_1_0, "",
			IPAM("'ranges': [[{'subnet': '10.1.0.0/16', 'gatway': '10.1.0.9'}]]}"));
	said = capture_end(&log);
	assert_int_equal(o.rc, 0);
	assert_string_equal(said, "level=warn msg=\"ipam.ranges[0][0].gatway: \\\"10.1.0.9\\\": "
				  "unknown key (did you mean \\\"gateway\\\"?)\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_reference),
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(sets_come_from_the_runtime_then_the_older_form_then_the_list),
		cmocka_unit_test(addresses_are_requested_in_three_ways_that_add_up),
		cmocka_unit_test(every_mistake_names_its_place),
		cmocka_unit_test(old_versions_have_one_address_of_each_family),
		cmocka_unit_test(a_misspelt_key_is_warned_of_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
