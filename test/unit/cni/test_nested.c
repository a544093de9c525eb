// SPDX-License-Identifier: Apache-2.0
/** A plugin within another: linked ones here, one of CNI_PATH is a shell script. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "calls.h"
#include "cni/nested.h"
#include "sandbox.h"
#include "test.h"

/** What the plugin below was asked. */
static struct {
	char verbs[64];
	int64_t mtu;
	char network[16];
	bool has_prev;
	bool fails;
} seen;

static const char *seen_about; ///< what it complains of

struct conf {
	struct cni_common common;
	int64_t mtu;
};

static const struct conf_field fields[] = {
	CNI_COMMON_KEYS,
	conf_int(struct conf, mtu, "mtu", .min = 68, .max = 65535),
	conf_end,
};

static int note(const struct cni_call *call, struct err *e)
{
	strcat(strcat(seen.verbs, cni_verb_text(call->verb)), " ");
	seen.mtu = ((const struct conf *)call->conf)->mtu;
	(void)snprintf(seen.network, sizeof(seen.network), "%s", call->at.network);
	seen.has_prev = call->prev != NULL;
	if (seen_about)
		return err_set(e, ERR_CONFIG, "%s", seen_about);
	return seen.fails ? err_set(e, ERR_KERNEL, "no more room") : 0;
}

static int add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	const struct cni_iface made = {.name = call->at.ifname};

	return cni_result_add_iface(result, call->arena, &made) ? note(call, e) : -1;
}

static const struct cni_plugin inner = {
	.name = "inner",
	.about = "for tests",
	.fields = fields,
	.conf_size = sizeof(struct conf),
	.add = add,
	.del = note,
	.check = note,
	.gc = note,
};

/** An outer call with a nested configuration. */
struct run {
	struct test_call c;
	struct nested nested;
	struct err e;
};

static void run_done(struct run *r)
{
	test_call_done(&r->c);
}

#define RUN(name) _cleanup_(run_done) struct run name

/** nested_open() for @verb with these configurations. */
static int open_nested(struct run *r, enum cni_verb verb, const char *outer, const char *type,
		       const char *doc)
{
	json_t *json = json_of(doc);

	*r = (struct run){};
	memset(&seen, 0, sizeof(seen));
	test_call_init(&r->c, outer);
	r->c.call.verb = verb;
	r->c.call.prev = NULL;
	r->c.call.path = "/run/plugins";
	assert_int_equal(cni_call_keep(&r->c.call, json, &r->e), 0);
	return nested_open(&r->nested, &r->c.call, type, &inner, json, "delegate", &r->e);
}

static void a_linked_plugin_serves_the_call_with_its_own_configuration(void **state)
{
	struct cni_result result;
	RUN(r);

	(void)state;
	assert_int_equal(open_nested(&r, CNI_ADD, "{'mtu': 9000}", "inner", "{'mtu': 1400}"), 0);
	assert_int_equal(nested_run(&r.nested, CNI_ADD, &result, &r.e), 0);
	assert_string_equal(seen.verbs, "ADD ");
	assert_int_equal(seen.mtu, 1400);
	assert_string_equal(seen.network, "net");
	assert_int_equal(result.n_ifaces, 1);
	assert_string_equal(result.ifaces[0].name, "eth0");
	assert_int_equal(nested_run(&r.nested, CNI_DEL, NULL, &r.e), 0);
	assert_string_equal(seen.verbs, "ADD DEL ");
}

static void what_is_wrong_is_named_where_it_stands(void **state)
{
	RUN(r);

	(void)state;
	assert_int_equal(open_nested(&r, CNI_ADD, "{}", "inner", "{'mtu': 5}"), -1);
	assert_string_equal(r.e.msg, "delegate.mtu: 5: must be 68..65535");
	assert_string_equal(seen.verbs, "");
}

static void the_outer_one_is_strict_for_both(void **state)
{
	RUN(r);

	(void)state;
	assert_int_equal(open_nested(&r, CNI_ADD, "{'strict': true}", "inner", "{'mtv': 68}"), -1);
	assert_string_equal(r.e.msg, "delegate.mtv: 68: unknown key (did you mean \"mtu\"?)");
}

static void a_failure_says_whose_it_is(void **state)
{
	struct cni_result result;
	RUN(r);

	(void)state;
	assert_int_equal(open_nested(&r, CNI_ADD, "{}", "inner", "{}"), 0);
	seen.fails = true;
	assert_int_equal(nested_run(&r.nested, CNI_ADD, &result, &r.e), -1);
	assert_string_equal(r.e.msg, "inner: no more room");
	assert_int_equal(r.e.code, ERR_KERNEL);
}

static void a_failure_about_a_key_says_where_that_stands(void **state)
{
	RUN(given);
	RUN(made);

	(void)state;
	seen_about = "mtu: 70: too small";
	assert_int_equal(open_nested(&given, CNI_DEL, "{'delegate': {'mtu': 70}}", "inner", "{}"),
			 0);
	assert_int_equal(nested_run(&given.nested, CNI_DEL, NULL, &given.e), -1);
	assert_string_equal(given.e.msg, "delegate.mtu: 70: too small");
	assert_int_equal(open_nested(&made, CNI_DEL, "{'delegate': {}}", "inner", "{'mtu': 70}"),
			 0);
	assert_int_equal(nested_run(&made.nested, CNI_DEL, NULL, &made.e), -1);
	assert_string_equal(made.e.msg, "inner: mtu: 70: too small");
	seen_about = NULL;
}

static void a_type_that_is_nowhere_is_refused_before_anything_is_made(void **state)
{
	RUN(add);
	RUN(del);

	(void)state;
	assert_int_equal(open_nested(&add, CNI_ADD, "{}", "nosuch", "{}"), -1);
	assert_string_equal(add.e.msg, "delegate.type: failed to find plugin \"nosuch\" in path "
				       "[/run/plugins]");
	assert_int_equal(open_nested(&del, CNI_DEL, "{}", "nosuch", "{}"), 0);
	assert_int_equal(nested_run(&del.nested, CNI_DEL, NULL, &del.e), -1);
}

static void check_needs_what_came_before(void **state)
{
	const struct cni_result prev = {};
	RUN(r);

	(void)state;
	assert_int_equal(open_nested(&r, CNI_CHECK, "{}", "inner", "{}"), 0);
	assert_int_equal(nested_run(&r.nested, CNI_CHECK, NULL, &r.e), -1);
	assert_string_equal(r.e.msg, "inner: prevResult: required for CHECK, but missing");
	r.nested.call.prev = &prev;
	assert_int_equal(nested_run(&r.nested, CNI_CHECK, NULL, &r.e), 0);
	assert_true(seen.has_prev);
}

static void gc_without_a_list_does_nothing(void **state)
{
	RUN(r);

	(void)state;
	assert_int_equal(open_nested(&r, CNI_GC, "{}", "inner", "{}"), 0);
	assert_int_equal(nested_run(&r.nested, CNI_GC, NULL, &r.e), 0);
	assert_string_equal(seen.verbs, "");
	r.nested.call.gc = true;
	assert_int_equal(nested_run(&r.nested, CNI_GC, NULL, &r.e), 0);
	assert_string_equal(seen.verbs, "GC ");
}

static void another_plugin_is_told_all_that_it_needs(void **state)
{
	json_auto_t *got = NULL;
	json_auto_t *want = json_of("{'name': 'net', 'mtu': 7, 'prevResult': {'ips': []}, "
				    "'cni.dev/valid-attachments': []}");
	struct cni_result result;
	RUN(r);

	(void)state;
	assert_int_equal(mkdir("/run/plugins", 0755), 0);
	file_put("/run/plugins/other", "#!/bin/sh\ncat >/run/told\n"
				       "echo '{\"interfaces\": [{\"name\": \"made\"}]}'\n");
	assert_int_equal(chmod("/run/plugins/other", 0755), 0);
	assert_int_equal(open_nested(&r, CNI_ADD,
				     "{'colour': 'blue', 'prevResult': {'ips': []}, "
				     "'cni.dev/valid-attachments': []}",
				     "other", "{'name': 'net', 'mtu': 7}"),
			 0);
	assert_null(r.nested.linked);
	if (nested_run(&r.nested, CNI_ADD, &result, &r.e) < 0)
		fail_msg("%s", r.e.msg);
	assert_string_equal(result.ifaces[0].name, "made");
	got = json_loads(file_text("/run/told"), 0, NULL);
	assert_true(json_equal(got, want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_linked_plugin_serves_the_call_with_its_own_configuration),
		cmocka_unit_test(what_is_wrong_is_named_where_it_stands),
		cmocka_unit_test(the_outer_one_is_strict_for_both),
		cmocka_unit_test(a_failure_says_whose_it_is),
		cmocka_unit_test(a_failure_about_a_key_says_where_that_stands),
		cmocka_unit_test(a_type_that_is_nowhere_is_refused_before_anything_is_made),
		cmocka_unit_test(check_needs_what_came_before),
		cmocka_unit_test(gc_without_a_list_does_nothing),
		cmocka_unit_test_setup(another_plugin_is_told_all_that_it_needs, sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
