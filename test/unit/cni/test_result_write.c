// SPDX-License-Identifier: Apache-2.0
/** Results as they are written in each version, and what survives being read back. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "cni/result.h"
#include "test.h"

/** A result with everything in it, in the shape of 1.1.0. */
#define FULL                                                                                       \
	"{'cniVersion': '1.1.0', "                                                                 \
	"'interfaces': [{'name': 'cni0', 'mac': '02:00:00:00:00:01', 'mtu': 1400}, "               \
	"{'name': 'eth0', 'mac': '02:00:00:00:00:02', 'sandbox': '/run/netns/x', 'mtu': 1400, "    \
	"'socketPath': '/s', 'pciID': '0000:01:00.0'}], "                                          \
	"'ips': [{'interface': 1, 'address': '10.1.0.5/16', 'gateway': '10.1.0.1'}, "              \
	"{'interface': 1, 'address': 'fd00::5/64', 'gateway': 'fd00::1'}, "                        \
	"{'interface': 1, 'address': '10.2.0.5/16'}], "                                            \
	"'routes': [{'dst': '0.0.0.0/0', 'gw': '10.1.0.1', 'mtu': 1300, 'advmss': 1200, "          \
	"'priority': 7, 'table': 100, 'scope': 0}, {'dst': '::/0'}], "                             \
	"'dns': {'nameservers': ['10.1.0.1'], 'domain': 'd', 'search': ['s'], 'options': ['o']}}"

#define WITHOUT_1_1(version, v4, v6)                                                               \
	"{'cniVersion': '" version "', "                                                           \
	"'interfaces': [{'name': 'cni0', 'mac': '02:00:00:00:00:01'}, "                            \
	"{'name': 'eth0', 'mac': '02:00:00:00:00:02', 'sandbox': '/run/netns/x'}], "               \
	"'ips': [{" v4 "'interface': 1, 'address': '10.1.0.5/16', 'gateway': '10.1.0.1'}, "        \
	"{" v6 "'interface': 1, 'address': 'fd00::5/64', 'gateway': 'fd00::1'}, "                  \
	"{" v4 "'interface': 1, 'address': '10.2.0.5/16'}], "                                      \
	"'routes': [{'dst': '0.0.0.0/0', 'gw': '10.1.0.1'}, {'dst': '::/0'}], "                    \
	"'dns': {'nameservers': ['10.1.0.1'], 'domain': 'd', 'search': ['s'], 'options': ['o']}}"

#define WITH_FAMILY(version) WITHOUT_1_1(version, "'version': '4', ", "'version': '6', ")

#define FIRST_SHAPE(version)                                                                       \
	"{'cniVersion': '" version "', "                                                           \
	"'ip4': {'ip': '10.1.0.5/16', 'gateway': '10.1.0.1', "                                     \
	"'routes': [{'dst': '0.0.0.0/0', 'gw': '10.1.0.1'}]}, "                                    \
	"'ip6': {'ip': 'fd00::5/64', 'gateway': 'fd00::1', 'routes': [{'dst': '::/0'}]}, "         \
	"'dns': {'nameservers': ['10.1.0.1'], 'domain': 'd', 'search': ['s'], 'options': ['o']}}"

static const struct {
	enum cni_version version;
	const char *golden;
} SHAPES[] = {
	{CNI_0_1_0, FIRST_SHAPE("0.1.0")},
	{CNI_0_2_0, FIRST_SHAPE("0.2.0")},
	{CNI_0_3_0, WITH_FAMILY("0.3.0")},
	{CNI_0_3_1, WITH_FAMILY("0.3.1")},
	{CNI_0_4_0, WITH_FAMILY("0.4.0")},
	{CNI_1_0_0, WITHOUT_1_1("1.0.0", "", "")},
	{CNI_1_1_0, FULL},
};

/** Read @json (with ' for ") and write it in @version; NULL with @e filled if that fails. */
static json_t *convert(const char *json, enum cni_version version, struct err *e)
{
	_cleanup_(arena_free) struct arena arena = {};
	json_auto_t *doc = json_of(json);
	struct cni_result r = {};

	if (cni_result_read(&r, doc, "result", CNI_1_1_0, &arena, e) < 0)
		fail_msg("%s", e->msg);
	return cni_result_write(&r, version, e);
}

static void must_equal(json_t *doc, const char *golden)
{
	json_auto_t *want = json_of(golden);
	_cleanup_(freep) char *text = json_dumps(doc, JSON_COMPACT);

	if (!json_equal(doc, want))
		fail_msg("wrote %s\nwant  %s", text, golden);
}

static void each_version_has_its_shape(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(SHAPES); i++) {
		struct err e = {};
		json_auto_t *doc = convert(FULL, SHAPES[i].version, &e);

		must_equal(doc, SHAPES[i].golden);
	}
}

static void each_shape_is_read_back_and_written_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(SHAPES); i++) {
		struct err e = {};
		json_auto_t *doc = convert(SHAPES[i].golden, SHAPES[i].version, &e);

		must_equal(doc, SHAPES[i].golden);
	}
}

static void older_shapes_become_newer_ones(void **state)
{
	struct err e = {};
	json_auto_t *from_first = convert(FIRST_SHAPE("0.2.0"), CNI_1_0_0, &e);
	json_auto_t *from_second = convert(WITH_FAMILY("0.3.1"), CNI_1_0_0, &e);

	(void)state;
	must_equal(from_first,
		   "{'cniVersion': '1.0.0', 'ips': [{'address': '10.1.0.5/16', 'gateway': "
		   "'10.1.0.1'}, {'address': 'fd00::5/64', 'gateway': 'fd00::1'}], 'routes': "
		   "[{'dst': '0.0.0.0/0', 'gw': '10.1.0.1'}, {'dst': '::/0'}], 'dns': "
		   "{'nameservers': ['10.1.0.1'], 'domain': 'd', 'search': ['s'], 'options': "
		   "['o']}}");
	must_equal(from_second, WITHOUT_1_1("1.0.0", "", ""));
}

static void an_empty_result_is_written_as_the_reference_does(void **state)
{
	static const struct {
		enum cni_version version;
		const char *golden;
	} rows[] = {
		{CNI_0_3_0, "{'cniVersion': '0.3.0', 'dns': {}}"},
		{CNI_0_4_0, "{'cniVersion': '0.4.0', 'dns': {}}"},
		{CNI_1_0_0, "{'cniVersion': '1.0.0'}"},
		{CNI_1_1_0, "{'cniVersion': '1.1.0'}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {};
		json_auto_t *doc = convert("{}", rows[i].version, &e);

		must_equal(doc, rows[i].golden);
	}
}

static void the_first_shape_needs_an_address(void **state)
{
	struct err e = {};

	(void)state;
	assert_null(convert("{'interfaces': [{'name': 'eth0'}]}", CNI_0_2_0, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	assert_string_equal(e.msg, "cannot convert the result to version 0.2.0: no valid IP "
				   "addresses; use cniVersion 0.3.0 or later");
}

static void the_first_shape_files_routes_by_the_family_of_an_address(void **state)
{
	struct err e = {};
	json_auto_t *doc = convert("{'ips': [{'address': 'fd00::5/64'}], 'routes': [{'dst': "
				   "'0.0.0.0/0'}, {'dst': 'fd01::/64'}]}",
				   CNI_0_1_0, &e);

	(void)state;
	must_equal(doc, "{'cniVersion': '0.1.0', 'ip6': {'ip': 'fd00::5/64', 'routes': [{'dst': "
			"'fd01::/64'}]}, 'dns': {}}");
}

static void an_interface_without_a_name_still_has_the_key(void **state)
{
	struct err e = {};
	json_auto_t *doc = convert("{'interfaces': [{'mac': '', 'sandbox': ''}]}", CNI_1_1_0, &e);

	(void)state;
	must_equal(doc, "{'cniVersion': '1.1.0', 'interfaces': [{'name': ''}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_version_has_its_shape),
		cmocka_unit_test(each_shape_is_read_back_and_written_the_same),
		cmocka_unit_test(older_shapes_become_newer_ones),
		cmocka_unit_test(an_empty_result_is_written_as_the_reference_does),
		cmocka_unit_test(the_first_shape_needs_an_address),
		cmocka_unit_test(the_first_shape_files_routes_by_the_family_of_an_address),
		cmocka_unit_test(an_interface_without_a_name_still_has_the_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
