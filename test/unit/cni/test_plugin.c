// SPDX-License-Identifier: Apache-2.0
/** cni_main() with a plugin made for the test, from the environment to what it prints. */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "calls.h"
#include "capture.h"
#include "cni/plugin.h"
#include "sandbox.h"
#include "test.h"

/** What the plugin below was asked to do, and how it is to answer. */
static struct {
	char verbs[100];
	struct err fail;
	bool has_prev, has_netns;
	size_t n_valid;
} seen;

struct conf {
	struct cni_common common;
	int64_t mtu;
};

static const struct conf_field fields[] = {
	CNI_COMMON_KEYS,
	conf_int(struct conf, mtu, "mtu", .min = 68, .max = 65535),
	conf_end,
};

static int note(const char *verb, const struct cni_call *call, struct err *e)
{
	strcat(strcat(seen.verbs, verb), " ");
	seen.has_prev = call->prev != NULL;
	seen.has_netns = call->netns_fd >= 0;
	seen.n_valid = call->n_valid;
	if (!seen.fail.code)
		return 0;
	*e = seen.fail;
	return -1;
}

static int add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	const struct cni_iface eth0 = {
		.name = call->at.ifname,
		.sandbox = call->netns,
		.mtu = ((const struct conf *)call->conf)->mtu,
	};

	if (!cni_result_add_iface(result, call->arena, &eth0))
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	return note("ADD", call, e);
}

static int del(const struct cni_call *call, struct err *e)
{
	return note("DEL", call, e);
}

static int check(const struct cni_call *call, struct err *e)
{
	return note("CHECK", call, e);
}

static int status(const struct cni_call *call, struct err *e)
{
	return note("STATUS", call, e);
}

static int gc(const struct cni_call *call, struct err *e)
{
	return note("GC", call, e);
}

static int pass_on(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	(void)result;
	return note("ADD", call, e);
}

static const struct cni_plugin full = {
	.name = "sample",
	.about = "for tests",
	.fields = fields,
	.conf_size = sizeof(struct conf),
	.needs_netns = true,
	.add = add,
	.del = del,
	.check = check,
	.status = status,
	.gc = gc,
};

static const struct cni_plugin bare = {.name = "bare",
				       .about = "does nothing",
				       .fields = fields,
				       .conf_size = sizeof(struct conf)};

static int fresh(void **state)
{
	if (sandbox(state) != 0)
		return -1;
	close(pod("red"));
	memset(&seen, 0, sizeof(seen));
	return 0;
}

/** One run of a plugin: its exit status, what it printed, and that as JSON. */
struct run {
	int status;
	char out[4096], err[4096];
	json_t *json;
};

static void run_done(struct run *r)
{
	json_decref(r->json);
}

#define RUN(name) _cleanup_(run_done) struct run name = {}

/** Make @text (with ' for ") the standard input. */
static void feed(const char *text)
{
	int fd = memfd_create("stdin", MFD_CLOEXEC);

	assert_true(fd >= 0);
	for (; *text; text++)
		assert_int_equal(write(fd, *text == '\'' ? "\"" : text, 1), 1);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	close(fd);
}

static void invoke(struct run *r, const struct cni_plugin *plugin, const char *verb,
		   const char *netns, const char *config)
{
	char command[64], path[64], *argv[] = {command, NULL};
	struct capture out, err;

	(void)snprintf(command, sizeof(command), "CNI_COMMAND=%s", verb);
	(void)snprintf(path, sizeof(path), "CNI_NETNS=%s", netns);
	set_environment((const char *const[]){command, "CNI_CONTAINERID=c1", "CNI_IFNAME=eth0",
					      "CNI_PATH=/nowhere", path, NULL});
	feed(config);
	out = capture_begin(STDOUT_FILENO);
	err = capture_begin(STDERR_FILENO);
	r->status = cni_main(plugin, 1, argv);
	(void)snprintf(r->err, sizeof(r->err), "%s", capture_end(&err));
	(void)snprintf(r->out, sizeof(r->out), "%s", capture_end(&out));
	r->json = json_loads(r->out, 0, NULL);
}

/** The run must have failed with this code and message, printed as the error object. */
static void failed(const struct run *r, int code, const char *msg)
{
	if (r->status == 0 || !r->json)
		fail_msg("exit status %d, printed: %s", r->status, r->out);
	assert_int_equal(json_integer_value(json_object_get(r->json, "code")), code);
	assert_string_equal(json_string_value(json_object_get(r->json, "msg")), msg);
	assert_true(json_is_string(json_object_get(r->json, "cniVersion")));
}

#define NET1 "{'cniVersion': '1.1.0', 'name': 'net', 'type': 'sample'"

static void an_add_prints_its_result_and_nothing_else(void **state)
{
	json_auto_t *want = json_of("{'cniVersion': '1.1.0', 'interfaces': [{'name': 'eth0', "
				    "'sandbox': '/run/netns/red', 'mtu': 1400}]}");
	RUN(r);

	(void)state;
	invoke(&r, &full, "ADD", "/run/netns/red", NET1 ", 'mtu': 1400}");
	assert_int_equal(r.status, 0);
	assert_true(json_equal(r.json, want));
	assert_string_equal(r.err, "");
	assert_string_equal(seen.verbs, "ADD ");
	assert_true(seen.has_netns);
}

static void a_chained_plugin_passes_on_what_came_before(void **state)
{
#define BEFORE                                                                                     \
	"'interfaces': [{'name': 'eth0', 'sandbox': '/x'}], 'ips': [{'address': '10.1.0.5/24', "   \
	"'interface': 0}], 'dns': {'domain': 'x'}}"
	json_auto_t *want = json_of("{'cniVersion': '1.1.0', " BEFORE);
	struct cni_plugin chained = full;
	RUN(passed);
	RUN(alone);

	(void)state;
	chained.chained = true;
	chained.add = pass_on;
	invoke(&passed, &chained, "ADD", "/run/netns/red", NET1 ", 'prevResult': {" BEFORE "}");
	assert_int_equal(passed.status, 0);
	if (!json_equal(passed.json, want))
		fail_msg("%s", passed.out);
	invoke(&alone, &chained, "ADD", "/run/netns/red", NET1 "}");
	failed(&alone, ERR_CONFIG, "prevResult: required for ADD, but missing");
	assert_string_equal(seen.verbs, "ADD ");
}

static void the_result_has_the_version_of_the_configuration(void **state)
{
	RUN(r);

	(void)state;
	invoke(&r, &full, "ADD", "/run/netns/red", "{'cniVersion': '0.4.0', 'name': 'net'}");
	assert_string_equal(json_string_value(json_object_get(r.json, "cniVersion")), "0.4.0");
}

static void other_verbs_print_nothing(void **state)
{
	static const struct {
		const char *verb, *rest;
	} rows[] = {
		{"DEL", "}"},
		{"CHECK", ", 'prevResult': {}}"},
		{"STATUS", "}"},
		{"GC", ", 'cni.dev/valid-attachments': []}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char config[200], verbs[16];
		RUN(r);

		seen.verbs[0] = '\0';
		(void)snprintf(config, sizeof(config), NET1 "%s", rows[i].rest);
		invoke(&r, &full, rows[i].verb, "/run/netns/red", config);
		assert_int_equal(r.status, 0);
		assert_string_equal(r.out, "");
		(void)snprintf(verbs, sizeof(verbs), "%s ", rows[i].verb);
		assert_string_equal(seen.verbs, verbs);
	}
}

static void verbs_a_plugin_does_not_have_succeed(void **state)
{
	static const char *const verbs[] = {"DEL", "CHECK", "STATUS", "GC"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		RUN(r);

		invoke(&r, &bare, verbs[i], "/run/netns/red",
		       NET1 ", 'prevResult': {}, 'cni.dev/attachments': []}");
		assert_int_equal(r.status, 0);
		assert_string_equal(r.out, "");
	}
}

static void version_needs_no_input(void **state)
{
	json_auto_t *want = json_of("{'cniVersion': '1.1.0', 'supportedVersions': ['0.1.0', "
				    "'0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']}");
	RUN(r);

	(void)state;
	invoke(&r, &full, "VERSION", "", "this is not JSON");
	assert_int_equal(r.status, 0);
	assert_true(json_equal(r.json, want));
}

static void failures_are_printed_as_errors(void **state)
{
	RUN(r);

	(void)state;
	(void)err_set(&seen.fail, ERR_KERNEL, "add veth \"x\": File exists");
	(void)err_hint(&seen.fail, "kernel: no\nreally");
	invoke(&r, &full, "ADD", "/run/netns/red", NET1 "}");
	failed(&r, ERR_KERNEL, "add veth \"x\": File exists");
	assert_string_equal(json_string_value(json_object_get(r.json, "details")),
			    "kernel: no\nreally");
	assert_string_equal(r.err, "");
}

static void bad_input_is_refused_before_anything_is_done(void **state)
{
	static const struct {
		const char *verb, *netns, *config;
		int code;
		const char *msg;
	} rows[] = {
		{"ADD", "/run/netns/red", "", ERR_DECODE,
		 "error parsing configuration: line 1 column 0: '[' or '{' expected near end of "
		 "file"},
		{"ADD", "/run/netns/red", "{} {}", ERR_DECODE,
		 "error parsing configuration: line 1 column 4: end of file expected near '{'"},
		{"ADD", "/run/netns/red", "[]", ERR_DECODE,
		 "the configuration must be a JSON object"},
		{"ADD", "/run/netns/red", NET1 ", 'mtu': 9}", ERR_CONFIG,
		 "mtu: 9: must be 68..65535"},
		{"ADD", "/run/netns/red", NET1 ", 'strict': true, 'mtx': 9}", ERR_UNKNOWN_FIELD,
		 "mtx: 9: unknown key (did you mean \"mtu\"?)"},
		{"ADD", "/run/netns/red", NET1 ", 'prevResult': {'ips': 7}}", ERR_DECODE,
		 "prevResult.ips: 7: must be a list"},
		{"ADD", "/run/netns/gone", NET1 "}", ERR_NO_CONTAINER,
		 "CNI_NETNS: open network namespace /run/netns/gone: No such file or directory"},
		{"ADD", "/run", NET1 "}", ERR_ENV, "CNI_NETNS: \"/run\": not a network namespace"},
		{"ADD", "/proc/self/ns/net", NET1 "}", ERR_NETNS,
		 "plugin's netns and netns from CNI_NETNS should not be the same"},
		{"CHECK", "/run/netns/red", NET1 "}", ERR_CONFIG,
		 "prevResult: required for CHECK, but missing"},
		{"ADD", "", NET1 "}", ERR_ENV, "required env variables [CNI_NETNS] missing"},
		{"WALK", "/run/netns/red", NET1 "}", ERR_ENV,
		 "CNI_COMMAND: \"WALK\": must be ADD, DEL, CHECK, STATUS, GC or VERSION"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		RUN(r);

		invoke(&r, &full, rows[i].verb, rows[i].netns, rows[i].config);
		failed(&r, rows[i].code, rows[i].msg);
		assert_string_equal(seen.verbs, "");
	}
}

static void unknown_keys_are_warned_of_on_stderr(void **state)
{
	RUN(r);

	(void)state;
	invoke(&r, &full, "ADD", "/run/netns/red", NET1 ", 'mtx': 9}");
	assert_int_equal(r.status, 0);
	assert_string_equal(r.err, "level=warn plugin=sample verb=ADD container=c1 ifname=eth0 "
				   "msg=\"mtx: 9: unknown key (did you mean \\\"mtu\\\"?)\"\n");
}

static void del_goes_on_without_namespace_and_previous_result(void **state)
{
	static const struct {
		const char *netns, *rest;
	} rows[] = {
		{"", "}"},
		{"/run/netns/gone", "}"},
		{"/run/netns/gone", ", 'prevResult': {'ips': 7}}"},
		{"/run/netns/red", ", 'prevResult': {'cniVersion': '7.7.7'}}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char config[200];
		RUN(r);

		seen.verbs[0] = '\0';
		(void)snprintf(config, sizeof(config), NET1 "%s", rows[i].rest);
		invoke(&r, &full, "DEL", rows[i].netns, config);
		assert_int_equal(r.status, 0);
		assert_string_equal(seen.verbs, "DEL ");
		assert_false(seen.has_prev);
		assert_int_equal(seen.has_netns, i == 3);
	}
}

static void the_own_namespace_is_fine_if_the_caller_insists(void **state)
{
	static const char *const words[] = {"1", "true", "TRUE"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		char *argv[] = {(char[]){"sample"}, NULL};
		struct capture out;
		int rc;

		set_environment((const char *const[]){"CNI_COMMAND=ADD", "CNI_CONTAINERID=c1",
						      "CNI_IFNAME=eth0", "CNI_PATH=/nowhere",
						      "CNI_NETNS=/proc/self/ns/net", NULL});
		assert_int_equal(setenv("CNI_NETNS_OVERRIDE", words[i], 1), 0);
		feed(NET1 "}");
		out = capture_begin(STDOUT_FILENO);
		rc = cni_main(&full, 1, argv);
		(void)capture_end(&out);
		assert_int_equal(rc, 0);
	}
}

static void gc_without_a_list_does_nothing(void **state)
{
	RUN(none);
	RUN(some);

	(void)state;
	invoke(&none, &full, "GC", "", NET1 "}");
	assert_int_equal(none.status, 0);
	assert_string_equal(seen.verbs, "");
	invoke(&some, &full, "GC", "",
	       NET1 ", 'cni.dev/valid-attachments': [{'containerID': 'a', 'ifname': 'b'}]}");
	assert_string_equal(seen.verbs, "GC ");
	assert_int_equal(seen.n_valid, 1);
}

static void an_add_whose_result_cannot_be_written_is_undone(void **state)
{
	char *argv[] = {(char[]){"sample"}, NULL};
	int saved, rc, full_disk = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct capture err;
	const char *said;

	(void)state;
	set_environment((const char *const[]){"CNI_COMMAND=ADD", "CNI_CONTAINERID=c1",
					      "CNI_IFNAME=eth0", "CNI_PATH=/nowhere",
					      "CNI_NETNS=/run/netns/red", NULL});
	feed(NET1 "}");
	err = capture_begin(STDERR_FILENO);
	saved = dup(STDOUT_FILENO);
	(void)dup2(full_disk, STDOUT_FILENO);
	rc = cni_main(&full, 1, argv);
	(void)dup2(saved, STDOUT_FILENO);
	said = capture_end(&err);
	close(saved);
	close(full_disk);
	assert_int_not_equal(rc, 0);
	assert_string_equal(seen.verbs, "ADD DEL ");
	assert_non_null(strstr(said, "write result: No space left on device"));
}

static void an_add_whose_result_has_no_form_in_its_version_is_undone(void **state)
{
	RUN(r);

	(void)state;
	invoke(&r, &full, "ADD", "/run/netns/red", "{'cniVersion': '0.2.0', 'name': 'net'}");
	failed(&r, ERR_CONFIG,
	       "cannot convert the result to version 0.2.0: no valid IP "
	       "addresses; use cniVersion 0.3.0 or later");
	assert_string_equal(seen.verbs, "ADD DEL ");
}

/** A message may be cut within a character of several bytes; what is printed is JSON all the same.
 */
static void an_error_about_any_text_is_still_json(void **state)
{
	(void)state;
	for (size_t pad = 0; pad < 4; pad++) {
		char config[3000] = NET1 ", 'mtu': '";
		RUN(r);

		strncat(config, "xxxx", pad);
		for (int i = 0; i < 400; i++)
			strcat(config, "\xe2\x82\xac"); // the Euro sign
		strcat(config, "'}");
		invoke(&r, &full, "ADD", "/run/netns/red", config);
		assert_int_not_equal(r.status, 0);
		if (!r.json)
			fail_msg("not JSON: \"%s\"", r.out);
		assert_int_equal(json_integer_value(json_object_get(r.json, "code")), ERR_DECODE);
		assert_non_null(strstr(json_string_value(json_object_get(r.json, "msg")),
				       "must be an integer"));
	}
}

static void a_value_that_was_cut_from_a_long_name_is_still_json(void **state)
{
	char config[600] = "{'cniVersion': '1.1.0', 'name': 'xx";
	RUN(r);

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(config, "\xe2\x82\xac");
	strcat(config, "'}");
	invoke(&r, &full, "ADD", "/run/netns/red", config);
	assert_int_not_equal(r.status, 0);
	if (!r.json)
		fail_msg("not JSON: \"%s\"", r.out);
	assert_int_equal(json_integer_value(json_object_get(r.json, "code")), ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, fresh)
		on_a_node(an_add_prints_its_result_and_nothing_else),
		on_a_node(a_chained_plugin_passes_on_what_came_before),
		on_a_node(the_result_has_the_version_of_the_configuration),
		on_a_node(other_verbs_print_nothing),
		on_a_node(verbs_a_plugin_does_not_have_succeed),
		on_a_node(version_needs_no_input),
		on_a_node(failures_are_printed_as_errors),
		on_a_node(bad_input_is_refused_before_anything_is_done),
		on_a_node(unknown_keys_are_warned_of_on_stderr),
		on_a_node(del_goes_on_without_namespace_and_previous_result),
		on_a_node(the_own_namespace_is_fine_if_the_caller_insists),
		on_a_node(gc_without_a_list_does_nothing),
		on_a_node(an_add_whose_result_cannot_be_written_is_undone),
		on_a_node(an_add_whose_result_has_no_form_in_its_version_is_undone),
		on_a_node(an_error_about_any_text_is_still_json),
		on_a_node(a_value_that_was_cut_from_a_long_name_is_still_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
