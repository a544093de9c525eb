// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "cni/options.h"
#include "test.h"

static int resync_result;

static int resync(struct arena *arena, struct err *e)
{
	if (!arena_calloc(arena, 1, 1))
		return -1;
	if (resync_result == 0)
		return 0;
	(void)err_set(e, ERR_KERNEL, "cannot");
	return err_hint(e, "the reason");
}

static const struct conf_field fields[] = {
	conf_str(struct cni_common, name, "bridge", .str = "cni0", .help = "the bridge"),
	conf_end,
};

static const struct cni_plugin sample = {.name = "sample",
					 .about = "for tests",
					 .fields = fields,
					 .conf_size = sizeof(struct cni_common),
					 .resync = resync};

static char out[16 << 10], err[4096];

/** Run the command line `sample OPTION`; without one if it is NULL. Returns the exit status. */
static int run(const struct cni_plugin *plugin, const char *option)
{
	char word[64], *argv[] = {(char[]){"sample"}, option ? word : NULL, NULL};
	struct capture to_out = capture_begin(STDOUT_FILENO), to_err;
	int status;

	to_err = capture_begin(STDERR_FILENO);
	(void)snprintf(word, sizeof(word), "%s", option ? option : "");
	status = cni_options(plugin, option ? 2 : 1, argv);
	(void)snprintf(err, sizeof(err), "%s", capture_end(&to_err));
	(void)snprintf(out, sizeof(out), "%s", capture_end(&to_out));
	return status;
}

static void without_an_option_it_says_what_it_is_as_the_reference_does(void **state)
{
	(void)state;
	assert_int_equal(run(&sample, NULL), 0);
	assert_string_equal(out, "");
	assert_memory_equal(err, "CNI sample plugin", 17);
	assert_non_null(strstr(err, "CNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, "
				    "0.3.1, 0.4.0, 1.0.0, 1.1.0\n"));
}

static void version_goes_to_stdout(void **state)
{
	(void)state;
	assert_int_equal(run(&sample, "--version"), 0);
	assert_memory_equal(out, "CNI sample plugin, Edgeway ", 27);
	assert_string_equal(err, "");
}

static void help_lists_the_keys_and_what_can_be_done_by_hand(void **state)
{
	const struct cni_plugin plain = {.name = "sample", .about = "", .fields = fields};

	(void)state;
	assert_int_equal(run(&sample, "--help"), 0);
	assert_non_null(strstr(out, "  bridge "));
	assert_non_null(strstr(out, "--resync"));
	assert_int_equal(run(&plain, "--help"), 0);
	assert_null(strstr(out, "--resync"));
}

static void help_can_be_had_as_pages_of_the_documentation(void **state)
{
	(void)state;
	assert_int_equal(run(&sample, "--help=markdown"), 0);
	assert_string_equal(out, "| key | type | default | meaning |\n|---|---|---|---|\n"
				 "| `bridge` | string | \"cni0\" | the bridge |\n");
	assert_int_equal(run(&sample, "--help=errors"), 0);
	assert_ptr_equal(strstr(out, "| code | meaning | why | what to do |\n"
				     "|---|---|---|---|\n| 1 | "),
			 out);
}

static void resync_is_carried_out_or_says_why_not(void **state)
{
	(void)state;
	resync_result = 0;
	assert_int_equal(run(&sample, "--resync"), 0);
	assert_string_equal(out, "");
	assert_string_equal(err, "");
	resync_result = -1;
	assert_int_not_equal(run(&sample, "--resync"), 0);
	assert_string_equal(err, "sample: cannot\nthe reason\n");
}

static void unknown_options_are_refused(void **state)
{
	const struct cni_plugin plain = {.name = "sample", .about = "", .fields = fields};

	(void)state;
	assert_int_not_equal(run(&sample, "--frobnicate"), 0);
	assert_string_equal(err, "sample: --frobnicate: unknown option; try --help\n");
	assert_int_not_equal(run(&plain, "--resync"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_option_it_says_what_it_is_as_the_reference_does),
		cmocka_unit_test(version_goes_to_stdout),
		cmocka_unit_test(help_lists_the_keys_and_what_can_be_done_by_hand),
		cmocka_unit_test(help_can_be_had_as_pages_of_the_documentation),
		cmocka_unit_test(resync_is_carried_out_or_says_why_not),
		cmocka_unit_test(unknown_options_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
