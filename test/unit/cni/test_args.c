// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "cni/args.h"
#include "test.h"

static const char *const KNOWN[] = {"IP", "MAC", NULL};

static void arguments_are_accepted_or_say_what_is_wrong(void **state)
{
	static const struct {
		const char *args, *msg;
	} rows[] = {
		{"", NULL},
		{"IP=10.1.0.5", NULL},
		{"IP=10.1.0.5;MAC=02:00:00:00:00:01", NULL},
		{"IP=", NULL},
		{"IP=a;IP=b", NULL},
		{"IgnoreUnknown=1", NULL},
		{"IgnoreUnknown=1;K8S_POD_NAME=web;K8S_POD_NAMESPACE=default;"
		 "K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=1-2-3",
		 NULL},
		{"K8S_POD_NAME=web;IgnoreUnknown=true", NULL},
		{"X=1;IgnoreUnknown=TRUE", NULL},
		{"IP=1;IgnoreUnknown=0", NULL},
		{"IP=1;IgnoreUnknown=False", NULL},
		{"X=1", "CNI_ARGS: unknown args [\"X=1\"] and no IgnoreUnknown=1"},
		{"IP=1;X=2;Y=3", "CNI_ARGS: unknown args [\"X=2\"] and no IgnoreUnknown=1"},
		{"X=1;IgnoreUnknown=0", "CNI_ARGS: unknown args [\"X=1\"] and no IgnoreUnknown=1"},
		{"X=1;IgnoreUnknown=1;IgnoreUnknown=0",
		 "CNI_ARGS: unknown args [\"X=1\"] and no IgnoreUnknown=1"},
		{"ip=1", "CNI_ARGS: unknown args [\"ip=1\"] and no IgnoreUnknown=1"},
		{"ignoreunknown=1;X=1",
		 "CNI_ARGS: unknown args [\"ignoreunknown=1\"] and no IgnoreUnknown=1"},
		{"IPX=1", "CNI_ARGS: unknown args [\"IPX=1\"] and no IgnoreUnknown=1"},
		{"I=1", "CNI_ARGS: unknown args [\"I=1\"] and no IgnoreUnknown=1"},
		{"IgnoreUnknown=2", "CNI_ARGS: IgnoreUnknown=2: must be 1, 0, true or false"},
		{"IgnoreUnknown=", "CNI_ARGS: IgnoreUnknown=: must be 1, 0, true or false"},
		{"IP", "CNI_ARGS: invalid pair \"IP\": must be KEY=VALUE"},
		{"IP=1;", NULL},
		{";", "CNI_ARGS: invalid pair \"\": must be KEY=VALUE"},
		{"IP=1;;MAC=2", "CNI_ARGS: invalid pair \"\": must be KEY=VALUE"},
		{"IgnoreUnknown=1;nonsense",
		 "CNI_ARGS: invalid pair \"nonsense\": must be KEY=VALUE"},
		{"=1;IP=1", "CNI_ARGS: unknown args [\"=1\"] and no IgnoreUnknown=1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(arena_free) struct arena arena = {};
		const struct cni_call call = {.args = rows[i].args, .arena = &arena};
		struct err e = {};
		int rc = cni_args_check(&call, KNOWN, &e);

		if (rc != (rows[i].msg ? -1 : 0))
			fail_msg("\"%s\": %d, %s", rows[i].args, rc, e.msg);
		assert_string_equal(e.msg, rows[i].msg ? rows[i].msg : "");
		assert_int_equal(e.code, rows[i].msg ? ERR_ENV : 0);
	}
}

static void a_pair_with_two_signs_is_named_whole(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	const struct cni_call call = {.args = "IP=a=b", .arena = &arena};
	struct err e = {};

	(void)state;
	assert_int_equal(cni_args_check(&call, KNOWN, &e), -1);
	assert_string_equal(e.msg, "CNI_ARGS: invalid pair \"IP=a=b\": must be KEY=VALUE");
}

static void values_are_found_by_their_exact_key(void **state)
{
	static const struct {
		const char *args, *key, *value;
	} rows[] = {
		{"IP=10.1.0.5", "IP", "10.1.0.5"},
		{"A=1;IP=10.1.0.5;B=2", "IP", "10.1.0.5"},
		{"IP=a;IP=b", "IP", "b"},
		{"IP=", "IP", ""},
		{"IP=10.1.0.5", "MAC", NULL},
		{"IPX=1", "IP", NULL},
		{"I=1", "IP", NULL},
		{"ip=1", "IP", NULL},
		{"IP=a=b", "IP", NULL},
		{"IP", "IP", NULL},
		{"", "IP", NULL},
		{"IP=10.1.0.5,10.1.0.6;", "IP", "10.1.0.5,10.1.0.6"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(arena_free) struct arena arena = {};
		const struct cni_call call = {.args = rows[i].args, .arena = &arena};
		struct err e = {};
		char *value;

		assert_int_equal(cni_args_get(&call, rows[i].key, &value, &e), 0);
		if (rows[i].value)
			assert_string_equal(value, rows[i].value);
		else
			assert_null(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_accepted_or_say_what_is_wrong),
		cmocka_unit_test(a_pair_with_two_signs_is_named_whole),
		cmocka_unit_test(values_are_found_by_their_exact_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
