// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "calls.h"
#include "ipam/ipam.h"
#include "sandbox.h"
#include "test.h"

#define NET "/var/lib/cni/networks/net"

/** A plugin's call with its source of addresses, and what an ADD leaves. */
struct opened {
	struct test_call c;
	struct ipam ipam;
	struct cni_result r;
	struct undo undo;
	struct err e;
	int rc;
};

static void opened_done(struct opened *o)
{
	test_call_done(&o->c);
}

static void open_ipam(struct opened *o, const char *json)
{
	*o = (struct opened){};
	test_call_init(&o->c, json);
	o->c.call.path = "/run/plugins";
	o->undo.arena = &o->c.arena;
	o->rc = ipam_open(&o->ipam, &o->c.call, conf_lookup(o->c.call.doc, "ipam"), &o->e);
}

#define OPENED(name, json)                                                                         \
	_cleanup_(opened_done) struct opened name;                                                 \
	open_ipam(&name, json)

#define HOST_LOCAL "{'ipam': {'type': 'host-local', 'subnet': '10.1.0.0/16'}}"
#define STATIC     "{'ipam': {'type': 'static', 'addresses': [{'address': '10.1.0.5/16'}]}}"
#define DELEGATE   "{'ipam': {'type': 'pool', 'colour': 'blue'}}"

/** A node with a delegate that writes down its verbs. */
static int node_with_a_pool(void **state)
{
	static const char *const env[] = {"CNI_COMMAND=ADD", NULL};

	if (sandbox(state) != 0 || mkdir("/run/plugins", 0755) < 0)
		return -1;
	set_environment(env);
	file_put("/run/plugins/pool",
		 "#!/bin/sh\necho $CNI_COMMAND >> /run/verbs\n"
		 "[ -e /run/fail ] && { echo '{\"code\": 11, \"msg\": \"no\"}'; exit 1; }\n"
		 "[ $CNI_COMMAND = ADD ] && echo '{\"ips\": [{\"address\": \"10.9.0.5/16\"}]}'\n"
		 "exit 0\n");
	return chmod("/run/plugins/pool", 0755);
}

static void the_kind_follows_from_the_type(void **state)
{
	static const struct {
		const char *json;
		enum ipam_kind kind;
	} rows[] = {
		{"{}", IPAM_NONE},
		{"{'ipam': {}}", IPAM_NONE},
		{"{'ipam': {'type': ''}}", IPAM_NONE},
		{HOST_LOCAL, IPAM_HOST_LOCAL},
		{STATIC, IPAM_STATIC},
		{DELEGATE, IPAM_DELEGATE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OPENED(o, rows[i].json);

		assert_int_equal(o.rc, 0);
		assert_int_equal(o.ipam.kind, rows[i].kind);
	}
}

static void a_bad_configuration_is_refused_at_once(void **state)
{
	OPENED(o, "{'ipam': {'type': 'host-local', 'subnet': '10.1.0.0/33'}}");
	OPENED(shape, "{'ipam': 'host-local'}");

	(void)state;
	assert_int_equal(o.rc, -1);
	assert_string_equal(o.e.msg, "ipam.subnet: \"10.1.0.0/33\": prefix length must be 0..32");
	assert_int_equal(shape.rc, -1);
	assert_string_equal(shape.e.msg, "ipam: must be an object");
}

static void without_ipam_everything_succeeds_and_nothing_happens(void **state)
{
	OPENED(o, "{}");

	(void)state;
	assert_int_equal(ipam_add(&o.ipam, &o.r, &o.undo, &o.e), 0);
	assert_null(o.undo.last);
	assert_int_equal(o.r.n_ips, 0);
	assert_int_equal(ipam_del(&o.ipam, &o.e), 0);
	assert_int_equal(ipam_check(&o.ipam, &o.e), 0);
	assert_int_equal(ipam_status(&o.ipam, &o.e), 0);
	assert_int_equal(ipam_gc(&o.ipam, &o.e), 0);
}

static void addresses_of_host_local_are_given_back_by_the_undo(void **state)
{
	OPENED(o, HOST_LOCAL);

	(void)state;
	assert_int_equal(ipam_add(&o.ipam, &o.r, &o.undo, &o.e), 0);
	assert_int_equal(o.r.n_ips, 1);
	assert_true(file_exists(NET "/10.1.0.2"));
	assert_int_equal(ipam_check(&o.ipam, &o.e), 0);
	undo_rollback(&o.undo);
	assert_false(file_exists(NET "/10.1.0.2"));
	assert_int_equal(ipam_check(&o.ipam, &o.e), -1);
	assert_string_equal(o.e.msg,
			    "ipam: host-local: Failed to find address added by container c1");
}

static int stay(void *ctx, int arg, struct err *e)
{
	(void)ctx;
	(void)arg;
	return err_set(e, ERR_KERNEL, "the link stays");
}

/** What could not be taken back may still use them. */
static void addresses_stay_reserved_if_the_rollback_is_stuck(void **state)
{
	OPENED(o, HOST_LOCAL);

	(void)state;
	assert_int_equal(ipam_add(&o.ipam, &o.r, &o.undo, &o.e), 0);
	assert_int_equal(undo_push(&o.undo, stay, NULL, 0, &o.e), 0);
	undo_rollback(&o.undo);
	assert_true(file_exists(NET "/10.1.0.2"));
	assert_int_equal(ipam_del(&o.ipam, &o.e), 0);
	assert_false(file_exists(NET "/10.1.0.2"));
}

static void static_runs_in_this_process_and_keeps_nothing(void **state)
{
	OPENED(o, STATIC);

	(void)state;
	assert_int_equal(ipam_add(&o.ipam, &o.r, &o.undo, &o.e), 0);
	assert_int_equal(o.r.n_ips, 1);
	undo_rollback(&o.undo);
	assert_int_equal(ipam_del(&o.ipam, &o.e), 0);
	assert_int_equal(ipam_status(&o.ipam, &o.e), 0);
	assert_int_equal(ipam_gc(&o.ipam, &o.e), 0);
	assert_false(file_exists("/var/lib/cni"));
	assert_int_equal(ipam_check(&o.ipam, &o.e), -1); // prevResult is empty
	assert_string_equal(o.e.msg, "ipam: static: prevResult lacks address 10.1.0.5/16 of "
				     "ipam.addresses[0].address");
}

static void addresses_of_a_delegate_are_given_back_by_the_undo(void **state)
{
	OPENED(o, DELEGATE);

	(void)state;
	assert_int_equal(ipam_add(&o.ipam, &o.r, &o.undo, &o.e), 0);
	assert_int_equal(o.r.n_ips, 1);
	undo_rollback(&o.undo);
	assert_string_equal(file_text("/run/verbs"), "ADD\nDEL\n");
}

static void a_delegate_gets_every_verb(void **state)
{
	OPENED(o, DELEGATE);

	(void)state;
	assert_int_equal(ipam_del(&o.ipam, &o.e), 0);
	assert_int_equal(ipam_check(&o.ipam, &o.e), 0);
	assert_int_equal(ipam_status(&o.ipam, &o.e), 0);
	assert_int_equal(ipam_gc(&o.ipam, &o.e), 0);
	assert_string_equal(file_text("/run/verbs"), "DEL\nCHECK\nSTATUS\nGC\n");
}

static void a_failed_add_leaves_nothing_to_undo(void **state)
{
	OPENED(o, DELEGATE);

	(void)state;
	file_put("/run/fail", "");
	assert_int_equal(ipam_add(&o.ipam, &o.r, &o.undo, &o.e), -1);
	assert_null(o.undo.last);
	assert_int_equal(o.e.code, 11);
	assert_string_equal(o.e.msg, "ipam: pool: no");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, node_with_a_pool)
		on_a_node(the_kind_follows_from_the_type),
		on_a_node(a_bad_configuration_is_refused_at_once),
		on_a_node(without_ipam_everything_succeeds_and_nothing_happens),
		on_a_node(addresses_of_host_local_are_given_back_by_the_undo),
		on_a_node(addresses_stay_reserved_if_the_rollback_is_stuck),
		on_a_node(static_runs_in_this_process_and_keeps_nothing),
		on_a_node(addresses_of_a_delegate_are_given_back_by_the_undo),
		on_a_node(a_delegate_gets_every_verb),
		on_a_node(a_failed_add_leaves_nothing_to_undo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
