// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "capture.h"
#include "cni/call.h"
#include "test.h"

#define ALL                                                                                        \
	"CNI_CONTAINERID=c1", "CNI_NETNS=/run/netns/x", "CNI_IFNAME=eth0", "CNI_PATH=/opt/cni/bin"

static int from_env(struct cni_call *call, struct err *e, const char *const variables[])
{
	*call = (struct cni_call){};
	set_environment(variables);
	return cni_call_from_env(call, e);
}

static void each_verb_has_its_variables(void **state)
{
	static const struct {
		const char *command, *missing;
		enum cni_verb verb;
	} rows[] = {
		{"CNI_COMMAND=ADD", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH", CNI_ADD},
		{"CNI_COMMAND=CHECK", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH", CNI_CHECK},
		{"CNI_COMMAND=DEL", "CNI_CONTAINERID,CNI_IFNAME,CNI_PATH", CNI_DEL},
		{"CNI_COMMAND=GC", "CNI_PATH", CNI_GC},
		{"CNI_COMMAND=STATUS", "CNI_PATH", CNI_STATUS},
		{"CNI_COMMAND=VERSION", NULL, CNI_VERSION},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cni_call call;
		struct err e = {};
		char msg[200];
		int rc = from_env(&call, &e, (const char *const[]){rows[i].command, NULL});

		assert_int_equal(rc, rows[i].missing ? -1 : 0);
		if (rows[i].missing) {
			(void)snprintf(msg, sizeof(msg), "required env variables [%s] missing",
				       rows[i].missing);
			assert_string_equal(e.msg, msg);
			assert_int_equal(e.code, ERR_ENV);
		}
		assert_int_equal(
			from_env(&call, &e, (const char *const[]){rows[i].command, ALL, NULL}), 0);
		assert_int_equal(call.verb, rows[i].verb);
		assert_string_equal(cni_verb_text(call.verb), rows[i].command + 12);
		assert_string_equal(call.args, "");
	}
}

static void an_empty_variable_is_a_missing_one(void **state)
{
	struct cni_call call;
	struct err e = {};

	(void)state;
	assert_int_equal(
		from_env(&call, &e,
			 (const char *const[]){"CNI_COMMAND=ADD", "CNI_CONTAINERID=c1",
					       "CNI_NETNS=", "CNI_IFNAME=eth0", "CNI_PATH=", NULL}),
		-1);
	assert_string_equal(e.msg, "required env variables [CNI_NETNS,CNI_PATH] missing");
	assert_int_equal(from_env(&call, &e,
				  (const char *const[]){"CNI_COMMAND=DEL", "CNI_CONTAINERID=c1",
							"CNI_NETNS=", "CNI_IFNAME=eth0",
							"CNI_PATH=/x", NULL}),
			 0);
	assert_null(call.netns);
}

static void the_variables_end_up_in_the_call(void **state)
{
	struct cni_call call;
	struct err e = {};

	(void)state;
	assert_int_equal(
		from_env(&call, &e,
			 (const char *const[]){"CNI_COMMAND=ADD", ALL, "CNI_ARGS=IP=1", NULL}),
		0);
	assert_string_equal(call.at.container, "c1");
	assert_string_equal(call.at.ifname, "eth0");
	assert_string_equal(call.netns, "/run/netns/x");
	assert_string_equal(call.path, "/opt/cni/bin");
	assert_string_equal(call.args, "IP=1");
}

static void verbs_that_concern_the_network_have_no_container(void **state)
{
	struct cni_call call;
	struct err e = {};

	(void)state;
	assert_int_equal(from_env(&call, &e, (const char *const[]){"CNI_COMMAND=GC", ALL, NULL}),
			 0);
	assert_null(call.at.container);
	assert_null(call.at.ifname);
	assert_null(call.netns);
}

static void unknown_verbs_are_named(void **state)
{
	static const char *const commands[] = {"CNI_COMMAND=add", "CNI_COMMAND=UPDATE",
					       "CNI_COMMAND=ADD ", "CNI_COMMAND="};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct cni_call call;
		struct err e = {};
		char msg[100];

		assert_int_equal(from_env(&call, &e, (const char *const[]){commands[i], ALL, NULL}),
				 -1);
		(void)snprintf(
			msg, sizeof(msg),
			"CNI_COMMAND: \"%s\": must be ADD, DEL, CHECK, STATUS, GC or VERSION",
			commands[i] + 12);
		assert_string_equal(e.msg, msg);
		assert_int_equal(e.code, ERR_ENV);
	}
}

static void container_ids_are_identifiers(void **state)
{
	static const struct {
		const char *id;
		bool good;
	} rows[] = {
		{"CNI_CONTAINERID=c", true},         {"CNI_CONTAINERID=0", true},
		{"CNI_CONTAINERID=A.b-c_9", true},   {"CNI_CONTAINERID=-a", false},
		{"CNI_CONTAINERID=.a", false},       {"CNI_CONTAINERID=_a", false},
		{"CNI_CONTAINERID=a/b", false},      {"CNI_CONTAINERID=a b", false},
		{"CNI_CONTAINERID=a\n", false},      {"CNI_CONTAINERID=a:b", false},
		{"CNI_CONTAINERID=\xc3\xa9", false}, {"CNI_CONTAINERID=..", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cni_call call;
		struct err e = {};
		int rc = from_env(&call, &e,
				  (const char *const[]){"CNI_COMMAND=DEL", ALL, rows[i].id, NULL});

		if (rc != (rows[i].good ? 0 : -1))
			fail_msg("%s", rows[i].id);
		if (rc < 0) {
			assert_int_equal(e.code, ERR_ENV);
			assert_string_equal(e.msg,
					    "CNI_CONTAINERID: invalid characters in containerID");
			assert_non_null(strstr(e.details, rows[i].id + 16));
		}
	}
}

static void interface_names_are_checked(void **state)
{
	struct cni_call call;
	struct err e = {};

	(void)state;
	assert_int_equal(
		from_env(&call, &e,
			 (const char *const[]){"CNI_COMMAND=ADD", ALL, "CNI_IFNAME=a/b", NULL}),
		-1);
	assert_int_equal(e.code, ERR_ENV);
	assert_string_equal(e.msg, "CNI_IFNAME: \"a/b\": not an interface name");
	assert_int_equal(from_env(&call, &e,
				  (const char *const[]){"CNI_COMMAND=ADD", ALL,
							"CNI_IFNAME=0123456789012345", NULL}),
			 -1);
	assert_string_equal(
		e.msg, "CNI_IFNAME: \"0123456789012345\": an interface name has 1..15 characters");
}

/** Read @json as the configuration of @verb; ' stands for ". */
static int from_doc(struct test_call *c, enum cni_verb verb, const char *json, struct err *e)
{
	test_call_init(c, json);
	c->call.verb = verb;
	return cni_call_from_doc(&c->call, e);
}

static void name_and_version_are_checked_for_each_verb(void **state)
{
	static const struct {
		enum cni_verb verb;
		const char *json;
		int code;
		const char *msg;
	} rows[] = {
		{CNI_ADD, "{'name': 'net', 'cniVersion': '1.0.0'}", 0, ""},
		{CNI_ADD, "{'NAME': 'net', 'CNIVERSION': '1.0.0'}", 0, ""},
		{CNI_ADD, "{'name': 'net'}", 0, ""},
		{CNI_ADD, "{'name': 'net', 'cniVersion': null}", 0, ""},
		{CNI_ADD, "{'name': 'n.e_t-1'}", 0, ""},
		{CNI_CHECK, "{'name': 'net', 'cniVersion': '0.4.0'}", 0, ""},
		{CNI_STATUS, "{'name': 'net', 'cniVersion': '1.1.0'}", 0, ""},
		{CNI_ADD, "{'name': 'net', 'cniVersion': '9.9.9'}", ERR_VERSION,
		 "cniVersion: incompatible CNI versions"},
		{CNI_CHECK, "{'name': 'net', 'cniVersion': '0.3.1'}", ERR_VERSION,
		 "cniVersion: 0.3.1: config version does not allow CHECK: it needs 0.4.0"},
		{CNI_STATUS, "{'name': 'net', 'cniVersion': '1.0.0'}", ERR_VERSION,
		 "cniVersion: 1.0.0: config version does not allow STATUS: it needs 1.1.0"},
		{CNI_GC, "{'name': 'net', 'cniVersion': '1.0.0'}", ERR_VERSION,
		 "cniVersion: 1.0.0: config version does not allow GC: it needs 1.1.0"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(test_call_done) struct test_call c;
		struct err e = {};

		assert_int_equal(from_doc(&c, rows[i].verb, rows[i].json, &e),
				 rows[i].code ? -1 : 0);
		assert_int_equal(e.code, rows[i].code);
		assert_string_equal(e.msg, rows[i].msg);
	}
}

static void a_bad_name_is_a_bad_configuration(void **state)
{
	static const char *const rows[] = {
		"{'cniVersion': '1.0.0'}", "{'name': ''}",   "{'name': null}",  "{'name': '-a'}",
		"{'name': 'a/b'}",         "{'name': '..'}", "{'name': 'a b'}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(test_call_done) struct test_call c;
		struct err e = {};

		if (from_doc(&c, CNI_ADD, rows[i], &e) == 0)
			fail_msg("accepted: %s", rows[i]);
		assert_int_equal(e.code, ERR_CONFIG);
		assert_memory_equal(e.msg, "name", 4);
	}
}

static void without_a_version_it_is_the_oldest(void **state)
{
	_cleanup_(test_call_done) struct test_call c;
	struct err e = {};

	(void)state;
	assert_int_equal(from_doc(&c, CNI_ADD, "{'name': 'net2'}", &e), 0);
	assert_int_equal(c.call.version, CNI_0_1_0);
	assert_string_equal(c.call.at.network, "net2");
}

static void gc_takes_the_list_under_either_name(void **state)
{
	static const char *const rows[] = {
		"{'name': 'net', 'cniVersion': '1.1.0', 'cni.dev/valid-attachments': "
		"[{'containerID': 'c1', 'ifname': 'eth0'}, {'containerID': 'c2', 'ifname': "
		"'net1'}]}",
		"{'name': 'net', 'cniVersion': '1.1.0', 'cni.dev/attachments': "
		"[{'containerID': 'c1', 'ifname': 'eth0'}, {'containerID': 'c2', 'ifname': "
		"'net1'}]}",
		"{'name': 'net', 'cniVersion': '1.1.0', 'cni.dev/attachments': [], "
		"'cni.dev/valid-attachments': "
		"[{'containerID': 'c1', 'ifname': 'eth0'}, {'containerID': 'c2', 'ifname': "
		"'net1'}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(test_call_done) struct test_call c;
		struct err e = {};

		assert_int_equal(from_doc(&c, CNI_GC, rows[i], &e), 0);
		assert_true(c.call.gc);
		assert_int_equal(c.call.n_valid, 2);
		assert_true(cni_call_is_valid(&c.call, "c1", "eth0"));
		assert_true(cni_call_is_valid(&c.call, "c2", "net1"));
		assert_true(cni_call_is_valid(&c.call, "c2", "")); // an old lease file
		assert_false(cni_call_is_valid(&c.call, "c1", "net1"));
		assert_false(cni_call_is_valid(&c.call, "c3", "eth0"));
		assert_false(cni_call_is_valid(&c.call, "c3", ""));
	}
}

static void an_empty_list_is_not_no_list(void **state)
{
	_cleanup_(test_call_done) struct test_call empty, none, null;
	struct err e = {};

	(void)state;
	assert_int_equal(from_doc(&empty, CNI_GC,
				  "{'name': 'net', 'cniVersion': '1.1.0', "
				  "'cni.dev/valid-attachments': []}",
				  &e),
			 0);
	assert_true(empty.call.gc);
	assert_int_equal(empty.call.n_valid, 0);
	assert_int_equal(from_doc(&none, CNI_GC, "{'name': 'net', 'cniVersion': '1.1.0'}", &e), 0);
	assert_false(none.call.gc);
	assert_int_equal(from_doc(&null, CNI_GC,
				  "{'name': 'net', 'cniVersion': '1.1.0', "
				  "'cni.dev/valid-attachments': null}",
				  &e),
			 0);
	assert_false(null.call.gc);
}

static void a_list_that_cannot_be_understood_deletes_nothing(void **state)
{
	static const char *const rows[][2] = {
		{"{'cni.dev/valid-attachments': {}, 'name': 'n', 'cniVersion': '1.1.0'}",
		 "cni.dev/valid-attachments: must be a list"},
		{"{'cni.dev/attachments': ['c1'], 'name': 'n', 'cniVersion': '1.1.0'}",
		 "cni.dev/attachments[0]: must be an object with the strings containerID and "
		 "ifname"},
		{"{'cni.dev/valid-attachments': [{'containerID': 'a', 'ifname': 'b'}, "
		 "{'containerID': 'c'}], 'name': 'n', 'cniVersion': '1.1.0'}",
		 "cni.dev/valid-attachments[1]: must be an object with the strings containerID "
		 "and ifname"},
		{"{'cni.dev/valid-attachments': [{'containerID': 1, 'ifname': 'b'}], "
		 "'name': 'n', 'cniVersion': '1.1.0'}",
		 "cni.dev/valid-attachments[0]: must be an object with the strings containerID "
		 "and ifname"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(test_call_done) struct test_call c;
		struct err e = {};

		assert_int_equal(from_doc(&c, CNI_GC, rows[i][0], &e), -1);
		assert_string_equal(e.msg, rows[i][1]);
		assert_int_equal(e.code, ERR_DECODE);
	}
}

static void what_a_part_of_the_configuration_warns_of_is_logged(void **state)
{
	static const struct conf_field fields[] = {conf_str(struct cni_common, name, "mode"),
						   conf_end};
	_cleanup_(test_call_done) struct test_call lenient, strict;
	struct cni_common out = {};
	struct capture log;
	struct err e = {};
	const char *said;
	int rc;

	(void)state;
	test_call_init(&lenient, "{'ipam': {'modo': 1}}");
	test_call_init(&strict, "{'strict': true, 'ipam': {'modo': 1}}");
	log = capture_begin(STDERR_FILENO);
	rc = cni_read_conf(&lenient.call, &out, fields, conf_lookup(lenient.call.doc, "ipam"),
			   "ipam", false, &e);
	said = capture_end(&log);
	assert_int_equal(rc, 0);
	assert_string_equal(said, "level=warn msg=\"ipam.modo: 1: unknown key (did you mean "
				  "\\\"mode\\\"?)\"\n");
	assert_int_equal(cni_read_conf(&strict.call, &out, fields,
				       conf_lookup(strict.call.doc, "ipam"), "ipam", false, &e),
			 -1);
	assert_int_equal(e.code, ERR_UNKNOWN_FIELD);
	assert_int_equal(cni_read_conf(&strict.call, &out, fields,
				       conf_lookup(strict.call.doc, "ipam"), "ipam", true, &e),
			 0);
	strict.call.verb = CNI_GC; // what takes away is not held up
	log = capture_begin(STDERR_FILENO);
	rc = cni_read_conf(&strict.call, &out, fields, conf_lookup(strict.call.doc, "ipam"), "ipam",
			   false, &e);
	said = capture_end(&log);
	assert_int_equal(rc, 0);
	assert_non_null(strstr(said, "ipam.modo: 1: unknown key"));
}

static void requests_of_runtimes_and_users_are_read(void **state)
{
	_cleanup_(test_call_done) struct test_call c;

	(void)state;
	test_call_init(&c, "{'args': {'cni': {'mac': '02:00:00:00:00:01', 'ips': ['10.1.0.5/16'], "
			   "'labels': []}, 'other': 1}, 'runtimeConfig': {'mac': "
			   "'02:00:00:00:00:02', 'ips': ['10.1.0.6', 'fd00::6/64'], "
			   "'portMappings': [], 'ipRanges': [[]]}, 'dns': {'domain': 'x'}}");
	assert_string_equal(c.common.args.cni.mac, "02:00:00:00:00:01");
	assert_int_equal(c.common.args.cni.n_ips, 1);
	assert_string_equal(c.common.args.cni.ips[0], "10.1.0.5/16");
	assert_string_equal(c.common.runtime.mac, "02:00:00:00:00:02");
	assert_int_equal(c.common.runtime.n_ips, 2);
	assert_string_equal(c.common.runtime.ips[1], "fd00::6/64");
	assert_non_null(c.common.runtime.ip_ranges);
	assert_string_equal(c.common.dns.domain, "x");
}

static void the_containers_interface_is_the_one_in_a_sandbox(void **state)
{
	struct cni_iface ifaces[] = {
		{.name = "eth0"}, // of the node
		{.name = "eth0", .sandbox = ""},
		{.name = "eth1", .sandbox = "/run/netns/x"},
		{.name = "eth0", .sandbox = "/run/netns/x"},
	};
	const struct cni_result with = {.ifaces = ifaces, .n_ifaces = 4};
	const struct cni_result without = {.ifaces = ifaces, .n_ifaces = 3};
	struct cni_call call = {.at = {"net", "c1", "eth0"}, .prev = &with};

	(void)state;
	assert_ptr_equal(cni_call_iface(&call), &ifaces[3]);
	call.prev = &without;
	assert_null(cni_call_iface(&call));
	call.prev = NULL;
	assert_null(cni_call_iface(&call));
}

static void tags_of_valid_attachments_are_kept(void **state)
{
	static const struct cni_valid valid[] = {{"c1", "eth0"}, {"c2", "net1"}};
	const struct cni_call call = {.at.network = "net", .valid = valid, .n_valid = 2};
	const struct cni_call none = {.at.network = "net"};

	(void)state;
	assert_true(cni_call_keeps("edgeway net/c1/eth0", &call));
	assert_true(cni_call_keeps("edgeway net/c2/net1", &call));
	assert_false(cni_call_keeps("edgeway net/c1/net1", &call));
	assert_false(cni_call_keeps("edgeway net/c1/eth", &call));
	assert_false(cni_call_keeps("edgeway net/c1/eth01", &call));
	assert_false(cni_call_keeps("edgeway other/c1/eth0", &call));
	assert_false(cni_call_keeps("", &call));
	assert_false(cni_call_keeps("edgeway net/c1/eth0", &none));
}

static void a_tag_that_had_to_be_shortened_is_kept_too(void **state)
{
	char id[201], tag[ATTACHMENT_TAG];
	const struct attachment a = {"net", id, "eth0"};
	const struct cni_valid valid = {id, "eth0"};
	const struct cni_call call = {.at.network = "net", .valid = &valid, .n_valid = 1};

	(void)state;
	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	assert_non_null(strchr(attachment_tag(&a, tag), '#'));
	assert_true(cni_call_keeps(tag, &call));
	id[199] = 'y'; // which the tag does not show
	assert_false(cni_call_keeps(tag, &call));
}

static void what_is_kept_lives_as_long_as_the_document(void **state)
{
	json_t *doc = json_object(), *first = json_string("a"), *second = json_string("b");
	const struct cni_call call = {.doc = doc};
	struct err e = {};

	(void)state;
	json_incref(first); // ours, to look at it afterwards
	assert_int_equal(cni_call_keep(&call, first, &e), 0);
	assert_int_equal(cni_call_keep(&call, second, &e), 0);
	assert_int_equal(first->refcount, 2);
	json_decref(doc);
	assert_int_equal(first->refcount, 1);
	json_decref(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_verb_has_its_variables),
		cmocka_unit_test(an_empty_variable_is_a_missing_one),
		cmocka_unit_test(the_variables_end_up_in_the_call),
		cmocka_unit_test(verbs_that_concern_the_network_have_no_container),
		cmocka_unit_test(unknown_verbs_are_named),
		cmocka_unit_test(container_ids_are_identifiers),
		cmocka_unit_test(interface_names_are_checked),
		cmocka_unit_test(name_and_version_are_checked_for_each_verb),
		cmocka_unit_test(a_bad_name_is_a_bad_configuration),
		cmocka_unit_test(without_a_version_it_is_the_oldest),
		cmocka_unit_test(gc_takes_the_list_under_either_name),
		cmocka_unit_test(an_empty_list_is_not_no_list),
		cmocka_unit_test(a_list_that_cannot_be_understood_deletes_nothing),
		cmocka_unit_test(what_a_part_of_the_configuration_warns_of_is_logged),
		cmocka_unit_test(requests_of_runtimes_and_users_are_read),
		cmocka_unit_test(the_containers_interface_is_the_one_in_a_sandbox),
		cmocka_unit_test(tags_of_valid_attachments_are_kept),
		cmocka_unit_test(a_tag_that_had_to_be_shortened_is_kept_too),
		cmocka_unit_test(what_is_kept_lives_as_long_as_the_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
