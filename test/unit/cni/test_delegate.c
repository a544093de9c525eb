// SPDX-License-Identifier: Apache-2.0
/** Delegates are small shell scripts here. */
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "calls.h"
#include "capture.h"
#include "cni/delegate.h"
#include "sandbox.h"
#include "test.h"

/** An executable /run/plugins/@name with this shell code. */
static void plugin(const char *name, const char *code)
{
	char path[128], text[2048];

	(void)snprintf(path, sizeof(path), "/run/plugins/%s", name);
	(void)snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", code);
	file_put(path, text);
	assert_int_equal(chmod(path, 0755), 0);
}

static int plugins(void **state)
{
	static const char *const env[] = {"CNI_COMMAND=ADD",       "CNI_CONTAINERID=c1",
					  "CNI_IFNAME=eth0",       "CNI_NETNS=/run/netns/x",
					  "CNI_PATH=/run/plugins", NULL};

	if (sandbox(state) != 0)
		return -1;
	set_environment(env);
	return mkdir("/run/plugins", 0755);
}

/** One run of delegate @type; its result borrows from the call. */
struct run {
	struct test_call c;
	struct cni_result r;
	struct err e;
	int rc;
};

static void run_done(struct run *x)
{
	test_call_done(&x->c);
}

static void run_delegate(struct run *x, const char *type, enum cni_verb verb)
{
	*x = (struct run){};
	test_call_init(&x->c, "{'cniVersion': '1.0.0', 'name': 'net', 'colour': 'blue'}");
	x->c.call.path = getenv("CNI_PATH");
	x->c.call.version = CNI_1_0_0;
	x->rc = delegate_run(&x->c.call, type, verb, verb == CNI_ADD ? &x->r : NULL, &x->e);
}

#define RUN(name) _cleanup_(run_done) struct run name

static void the_result_of_an_add_is_read(void **state)
{
	RUN(x);
	char text[PREFIX_TEXT];

	(void)state;
	plugin("ipam", "echo '{\"cniVersion\": \"1.0.0\", \"ips\": [{\"address\": "
		       "\"10.1.0.5/16\"}], \"dns\": {\"domain\": \"example\"}}'");
	run_delegate(&x, "ipam", CNI_ADD);
	assert_int_equal(x.rc, 0);
	assert_int_equal(x.r.n_ips, 1);
	assert_string_equal(prefix_format(&x.r.ips[0].address, text), "10.1.0.5/16");
	assert_string_equal(x.r.dns.domain, "example");
}

static void a_result_without_a_version_has_that_of_the_configuration(void **state)
{
	RUN(x);

	(void)state;
	plugin("ipam", "echo '{\"ips\": [{\"address\": \"10.1.0.5/16\"}]}'");
	run_delegate(&x, "ipam", CNI_ADD);
	assert_int_equal(x.rc, 0);
	assert_int_equal(x.r.n_ips, 1);
}

static void it_sees_our_environment_and_configuration_but_its_own_verb(void **state)
{
	RUN(x);

	(void)state;
	assert_int_equal(setenv("TRACEPARENT", "00-abc", 1), 0);
	plugin("ipam", "cat > /run/stdin; env > /run/env");
	run_delegate(&x, "ipam", CNI_DEL);
	assert_int_equal(x.rc, 0);
	assert_string_equal(file_text("/run/stdin"),
			    "{\"cniVersion\": \"1.0.0\", \"name\": \"net\", \"colour\": \"blue\"}");
	sh("grep -qx CNI_COMMAND=DEL /run/env && test $(grep -c ^CNI_COMMAND= /run/env) = 1 && "
	   "grep -qx CNI_CONTAINERID=c1 /run/env && grep -qx CNI_NETNS=/run/netns/x /run/env && "
	   "grep -qx TRACEPARENT=00-abc /run/env");
	assert_string_equal(getenv("CNI_COMMAND"), "ADD"); // ours is as it was
}

static void each_verb_has_its_name(void **state)
{
	static const enum cni_verb verbs[] = {CNI_DEL, CNI_CHECK, CNI_STATUS, CNI_GC};

	(void)state;
	plugin("ipam", "test \"$CNI_COMMAND\" = \"$(cat /run/want)\"");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		RUN(x);

		file_put("/run/want", cni_verb_text(verbs[i]));
		run_delegate(&x, "ipam", verbs[i]);
		assert_int_equal(x.rc, 0);
	}
}

static void its_error_keeps_code_and_details(void **state)
{
	RUN(x);

	(void)state;
	plugin("ipam", "echo '{\"cniVersion\": \"1.0.0\", \"code\": 11, \"msg\": \"try later\", "
		       "\"details\": \"the pool is busy\"}'; exit 1");
	run_delegate(&x, "ipam", CNI_ADD);
	assert_int_equal(x.rc, -1);
	assert_int_equal(x.e.code, 11);
	assert_string_equal(x.e.msg, "ipam: try later");
	assert_string_equal(x.e.details, "the pool is busy");
}

static void whatever_it_does_is_an_error_one_can_read(void **state)
{
	static const struct {
		const char *code, *msg;
	} rows[] = {
		{"exit 3", "ipam: failed with status 3 and no message"},
		{"echo garbage; exit 3", "ipam: failed with status 3 and no message"},
		{"echo '[]'; exit 1", "ipam: failed with status 1 and no message"},
		{"echo '{\"code\": 7}'; exit 1", "ipam: failed with status 1 and no message"},
		{"kill -9 $$", "ipam: killed by signal 9"},
		{"echo '{\"ips\": ['; kill -15 $$", "ipam: killed by signal 15"},
		{"echo '{\"msg\": \"m\", \"code\": 0}'; exit 1", "ipam: m"},
		{"echo '{\"msg\": \"m\", \"code\": -5}'; exit 1", "ipam: m"},
		{"echo '{\"msg\": \"m\", \"code\": 99999999999}'; exit 1", "ipam: m"},
		{"echo '{\"msg\": \"m\", \"code\": \"7\"}'; exit 1", "ipam: m"},
		{"", "ipam: its result is not JSON: "},
		{"printf 'hello world'", "ipam: its result is not JSON: hello world"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		RUN(x);

		plugin("ipam", rows[i].code);
		run_delegate(&x, "ipam", CNI_ADD);
		assert_int_equal(x.rc, -1);
		assert_string_equal(x.e.msg, rows[i].msg);
		assert_int_equal(x.e.code, ERR_DELEGATE);
	}
}

static void a_result_that_is_not_one_names_the_place(void **state)
{
	RUN(x);

	(void)state;
	plugin("ipam", "echo '{\"ips\": [{\"address\": \"10.1.0.5\"}]}'");
	run_delegate(&x, "ipam", CNI_ADD);
	assert_int_equal(x.rc, -1);
	assert_string_equal(x.e.msg, "ipam: result.ips[0].address: \"10.1.0.5\": prefix length "
				     "missing, write it as address/length");
}

static void a_success_without_output_is_fine_for_other_verbs(void **state)
{
	RUN(silent);
	RUN(chatty);

	(void)state;
	plugin("ipam", "");
	run_delegate(&silent, "ipam", CNI_DEL);
	assert_int_equal(silent.rc, 0);
	plugin("ipam", "echo something");
	run_delegate(&chatty, "ipam", CNI_DEL);
	assert_int_equal(chatty.rc, 0);
}

static void an_answer_without_end_is_refused(void **state)
{
	RUN(x);

	(void)state;
	plugin("ipam", "head -c 3000000 /dev/zero | tr '\\0' ' '; echo '{}'");
	run_delegate(&x, "ipam", CNI_ADD);
	assert_int_equal(x.rc, -1);
	assert_string_equal(x.e.msg, "ipam: read its answer: larger than 1048576 bytes");
}

static void its_stderr_is_ours(void **state)
{
	struct capture log;
	const char *said;
	RUN(x);

	(void)state;
	plugin("ipam", "echo careful >&2; echo '{}'");
	log = capture_begin(STDERR_FILENO);
	run_delegate(&x, "ipam", CNI_ADD);
	said = capture_end(&log);
	assert_string_equal(said, "careful\n");
	assert_int_equal(x.rc, 0);
}

static void the_first_regular_file_of_the_path_is_run(void **state)
{
	RUN(x);

	(void)state;
	sh("mkdir -p /run/a/ipam /run/b /run/plugins && ln -s /run/plugins/real /run/b/ipam");
	plugin("real", "echo '{\"ips\": [{\"address\": \"10.1.0.5/16\"}]}'");
	plugin("ipam", "exit 9");
	assert_int_equal(setenv("CNI_PATH", "/run/none::/run/a:/run/b:/run/plugins", 1), 0);
	run_delegate(&x, "ipam", CNI_ADD);
	assert_int_equal(x.rc, 0);
	assert_int_equal(x.r.n_ips, 1);
}

static void what_cannot_be_run_says_why(void **state)
{
	static const struct {
		const char *type;
		int code;
		const char *msg;
	} rows[] = {
		{"gone", ERR_DELEGATE, "failed to find plugin \"gone\" in path [/run/plugins]"},
		{"dir", ERR_DELEGATE, "failed to find plugin \"dir\" in path [/run/plugins]"},
		{"../plugins/noexec", ERR_CONFIG,
		 "\"../plugins/noexec\": a plugin type is a file name"},
		{"/run/plugins/noexec", ERR_CONFIG,
		 "\"/run/plugins/noexec\": a plugin type is a file name"},
		{"", ERR_CONFIG, "\"\": a plugin type is a file name"},
		{"noexec", ERR_DELEGATE, "run /run/plugins/noexec: Permission denied"},
		{"nointerp", ERR_DELEGATE, "run /run/plugins/nointerp: No such file or directory"},
	};

	(void)state;
	sh("mkdir /run/plugins/dir && echo exit > /run/plugins/noexec && "
	   "echo '#!/no/such/shell' > /run/plugins/nointerp && chmod 755 /run/plugins/nointerp");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		RUN(x);

		run_delegate(&x, rows[i].type, CNI_ADD);
		assert_int_equal(x.rc, -1);
		assert_string_equal(x.e.msg, rows[i].msg);
		assert_int_equal(x.e.code, rows[i].code);
	}
}

/**
 * How many descriptors this process has open. Counted here, for a command that looks at its parent
 * may do so before popen() has closed the command's end of the pipe.
 */
static size_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void no_descriptor_is_left_behind_or_handed_on(void **state)
{
	size_t before;

	(void)state;
	plugin("ipam", "ls /proc/self/fd | wc -l > /run/fds; echo '{}'");
	before = open_descriptors();
	for (int i = 0; i < 3; i++) {
		RUN(x);

		run_delegate(&x, i == 2 ? "gone" : "ipam", CNI_ADD);
	}
	assert_int_equal(open_descriptors(), before);
	assert_string_equal(sh_output("ls /proc/self/fd | wc -l"), file_text("/run/fds"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define with_plugins(test) cmocka_unit_test_setup(test, plugins)
		with_plugins(the_result_of_an_add_is_read),
		with_plugins(a_result_without_a_version_has_that_of_the_configuration),
		with_plugins(it_sees_our_environment_and_configuration_but_its_own_verb),
		with_plugins(each_verb_has_its_name),
		with_plugins(its_error_keeps_code_and_details),
		with_plugins(whatever_it_does_is_an_error_one_can_read),
		with_plugins(a_result_that_is_not_one_names_the_place),
		with_plugins(a_success_without_output_is_fine_for_other_verbs),
		with_plugins(an_answer_without_end_is_refused),
		with_plugins(its_stderr_is_ours),
		with_plugins(the_first_regular_file_of_the_path_is_run),
		with_plugins(what_cannot_be_run_says_why),
		with_plugins(no_descriptor_is_left_behind_or_handed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
