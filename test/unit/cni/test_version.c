// SPDX-License-Identifier: Apache-2.0
#include "cni/version.h"
#include "test.h"

static void every_version_of_the_specification_is_spoken(void **state)
{
	static const char *const texts[CNI_VERSIONS] = {"0.1.0", "0.2.0", "0.3.0", "0.3.1",
							"0.4.0", "1.0.0", "1.1.0"};

	(void)state;
	for (int v = 0; v < CNI_VERSIONS; v++) {
		enum cni_version back = CNI_VERSIONS;
		struct err e = {};

		assert_string_equal(cni_version_text((enum cni_version)v), texts[v]);
		assert_int_equal(cni_version_parse(texts[v], &back, &e), 0);
		assert_int_equal(back, v);
	}
}

static void no_version_is_the_oldest(void **state)
{
	enum cni_version v = CNI_VERSIONS;
	struct err e = {};

	(void)state;
	assert_int_equal(cni_version_parse(NULL, &v, &e), 0);
	assert_int_equal(v, CNI_0_1_0);
	v = CNI_VERSIONS;
	assert_int_equal(cni_version_parse("", &v, &e), 0);
	assert_int_equal(v, CNI_0_1_0);
}

static void other_versions_are_refused_as_the_reference_does(void **state)
{
	static const char *const texts[] = {"9.9.9", "1.0", "1.0.0 ", "v1.0.0", "0.3.2", "1.1.00"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		enum cni_version v = CNI_0_4_0;
		struct err e = {};

		assert_int_equal(cni_version_parse(texts[i], &v, &e), -1);
		assert_int_equal(e.code, ERR_VERSION);
		assert_string_equal(e.msg, "incompatible CNI versions");
		assert_int_equal(v, CNI_0_4_0);
		if (i == 0)
			assert_string_equal(
				e.details,
				"config is \"9.9.9\", plugin supports [\"0.1.0\" \"0.2.0\" "
				"\"0.3.0\" \"0.3.1\" \"0.4.0\" \"1.0.0\" \"1.1.0\"]");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_of_the_specification_is_spoken),
		cmocka_unit_test(no_version_is_the_oldest),
		cmocka_unit_test(other_versions_are_refused_as_the_reference_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
