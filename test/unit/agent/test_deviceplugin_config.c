// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "cni/json.h"
#include "deviceplugin/config.h"
#include "sandbox.h"
#include "test.h"

#define FILE_      "/run/config.json"
#define LETTERS_21 "abcdefghijklmnopqrstu"
#define LETTERS_63 LETTERS_21 LETTERS_21 LETTERS_21

static struct arena arena;

static int forget(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static struct dp_config must_read(const char *text)
{
	struct dp_config config = {};
	struct err e = {};

	file_put(FILE_, text);
	if (dp_config_read(&config, FILE_, "example.com", &arena, &e) < 0)
		fail_msg("%s", e.msg);
	return config;
}

static void everything_that_is_supported_is_read(void **state)
{
	struct dp_config config = must_read(
		"{\"resourceList\": [{\"resourceName\": \"a\", \"selectors\": {\"vendors\": "
		"[\"8086\"], \"devices\": [\"10CA\"], \"drivers\": [\"igbvf\"], \"pciAddresses\": "
		"[\"0000:01:10.0\"], \"pfNames\": [\"p0#0-3,5\", \"p1\"], \"rootDevices\": "
		"[\"0000:01:00.0#1\"], \"linkTypes\": [\"ether\"], \"acpiIndexes\": [3], "
		"\"isRdma\": true, \"needVhostNet\": true, \"ddpProfiles\": []}, "
		"\"excludeTopology\": true, \"additionalInfo\": {\"*\": {\"k\": \"v\"}}}, "
		"{\"resourceName\": \"b\", \"resourcePrefix\": \"intel.com\", \"deviceType\": "
		"\"accelerator\", \"selectors\": [{\"vendors\": [\"8086\"]}, {\"drivers\": "
		"[\"vfio-pci\"]}], \"preferredAllocation\": \"numa\", \"ignoreLink\": true}, "
		"{\"resourceName\": \"" LETTERS_63 "\", \"resourcePrefix\": \"other.com\"}]}");
	const struct dp_resource *r = config.resources;

	(void)state;
	assert_int_equal(config.n_resources, 3);
	assert_string_equal(r[0].prefix, "example.com");
	assert_true(r[0].exclude_topology);
	assert_int_equal(r[0].prefer, DP_PREFER_SPREAD);
	assert_int_equal(r[0].n_selectors, 1);
	assert_string_equal(r[0].selectors[0].pf_names.word[1], "p1");
	assert_int_equal(r[0].selectors[0].acpi_indexes[0], 3);
	assert_true(r[0].selectors[0].is_rdma && r[0].selectors[0].need_vhost_net);
	assert_string_equal(r[0].extras[0].pairs[0].value, "v");
	assert_true(r[0].has_extras && !r[1].has_extras);
	assert_true(r[1].is_accelerator && r[1].ignore_link);
	assert_int_equal(r[1].n_selectors, 2);
	assert_int_equal(r[1].prefer, DP_PREFER_NUMA);
	assert_int_equal(r[2].n_selectors, 1); // all devices
}

static void every_mistake_names_its_place(void **state)
{
#define ONE(text)    "{\"resourceList\": [{\"resourceName\": \"a\"" text "}]}"
#define SELECT(text) ONE(", \"selectors\": {" text "}")
	static const struct {
		const char *text, *msg;
	} rows[] = {
		{"{}", "resourceList: required, but missing"},
		{"[]", "must be an object"},
		{"{", "line 1, column 1: "},
		{"{\"resourceList\": [{}]}", "resourceList[0].resourceName: required, but missing"},
		{"{\"resourceList\": [{\"resourceName\": \"a/b\"}]}",
		 "resourceList[0].resourceName: \"a/b\": must be up to 63 letters, digits"},
		{"{\"resourceList\": [{\"resourceName\": \"" LETTERS_63 "a\"}]}",
		 "resourceList[0].resourceName: \"" LETTERS_63 "a\": must be up to 63 letters"},
		{ONE(", \"resourcePrefix\": \"Intel.com\""),
		 "resourceList[0].resourcePrefix: \"Intel.com\": must be a domain"},
		{ONE(", \"deviceType\": \"auxNetDevice\""),
		 "resourceList[0].deviceType: \"auxNetDevice\": is not supported"},
		{ONE(", \"selector\": {}"), "resourceList[0].selector: {}: unknown key (did you "
					    "mean \"selectors\"?)"},
		{ONE(", \"selectors\": 1"),
		 "resourceList[0].selectors: must be an object, or a list"},
		{ONE(", \"selectors\": [{}, 1]"),
		 "resourceList[0].selectors[1]: must be an object"},
		{ONE(", \"selectors\": [{}, {\"pfNames\": [\"p0\", \"p0#3-1\"]}]"),
		 "resourceList[0].selectors[1].pfNames[1]: \"p0#3-1\": must be a name, or"},
		{SELECT("\"pfNames\": [\"p0#\"]"),
		 "resourceList[0].selectors.pfNames[0]: \"p0#\": "},
		{SELECT("\"pfNames\": [\"eth.*\"]"), "resourceList[0].selectors.pfNames[0]: "
						     "\"eth.*\": must be a name: patterns are not"},
		{SELECT("\"rootDevices\": [\"01:00.0\"]"),
		 "resourceList[0].selectors.rootDevices[0]: \"01:00.0\": must be a PCI address"},
		{SELECT("\"vendors\": [\"0x8086\"]"),
		 "resourceList[0].selectors.vendors[0]: \"0x8086\": must be four hexadecimal"},
		{SELECT("\"linkTypes\": [\"ethernet\"]"),
		 "resourceList[0].selectors.linkTypes[0]: \"ethernet\": must be \"ether\" or"},
		{SELECT("\"vdpaType\": \"vhost\""),
		 "resourceList[0].selectors.vdpaType: \"vhost\": is not supported"},
		{SELECT("\"pKeys\": [\"0x1\"]"),
		 "resourceList[0].selectors.pKeys: [\"0x1\"]: is not supported"},
		{ONE(", \"deviceType\": \"accelerator\", \"selectors\": {\"isRdma\": true}"),
		 "resourceList[0].selectors.isRdma: has no meaning for an accelerator"},
		{ONE(", \"additionalInfo\": {\"x\": {}}"),
		 "resourceList[0].additionalInfo.x: must be a PCI address"},
		{ONE(", \"additionalInfo\": {\"*\": {\"k\": 1}}"),
		 "resourceList[0].additionalInfo.*.k: must be a string"},
		{ONE(", \"preferredAllocation\": \"best\""),
		 "resourceList[0].preferredAllocation: \"best\": must be \"spread\""},
		{"{\"resourceList\": [{\"resourceName\": \"a\"}, {\"resourceName\": \"a\"}]}",
		 "resourceList[1].resourceName: \"a\": resourceList[0] is example.com/a, too"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dp_config config;
		struct err e = {};
		const char *at = FILE_ ": ";

		file_put(FILE_, rows[i].text);
		assert_int_equal(dp_config_read(&config, FILE_, "example.com", &arena, &e), -1);
		if (strncmp(e.msg, at, strlen(at)) != 0 ||
		    strncmp(e.msg + strlen(at), rows[i].msg, strlen(rows[i].msg)) != 0)
			fail_msg("%s\n%s", e.msg, rows[i].msg);
	}
}

static void a_word_selects_by_name_and_number(void **state)
{
	(void)state;
	assert_true(dp_word_selects("p0", "P0", 7));
	assert_true(dp_word_selects("p0", "p0", -1));
	assert_false(dp_word_selects("p0", "p01", 7));
	assert_true(dp_word_selects("p0#0-3,5", "p0", 0));
	assert_true(dp_word_selects("p0#0-3,5", "p0", 3));
	assert_false(dp_word_selects("p0#0-3,5", "p0", 4));
	assert_true(dp_word_selects("p0#0-3,5", "p0", 5));
	assert_false(dp_word_selects("p0#0-3,5", "p0", -1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everything_that_is_supported_is_read, sandbox,
						forget),
		cmocka_unit_test_setup_teardown(every_mistake_names_its_place, sandbox, forget),
		cmocka_unit_test(a_word_selects_by_name_and_number),
	};

	json_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
