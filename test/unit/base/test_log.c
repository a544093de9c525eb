// SPDX-License-Identifier: Apache-2.0
#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "capture.h"
#include "test.h"

/** What is logged as @msg at @level. */
static const char *logged(enum log_level level, const char *msg)
{
	struct capture c = capture_begin(STDERR_FILENO);

	log_write(level, "%s", msg);
	return capture_end(&c);
}

static int no_environment(void **state)
{
	(void)state;
	log_setup(NULL, NULL, NULL, NULL);
	return unsetenv("CNI_LOG") || unsetenv("JOURNAL_STREAM");
}

static void a_line_says_who_speaks(void **state)
{
	(void)state;
	log_setup("bridge", "ADD", "3fa81c", "eth0");
	assert_string_equal(logged(LOG_LEVEL_WARN, "odd"),
			    "level=warn plugin=bridge verb=ADD container=3fa81c ifname=eth0 "
			    "msg=\"odd\"\n");
	log_setup("bridge", "GC", NULL, "");
	assert_string_equal(logged(LOG_LEVEL_ERROR, "bad"),
			    "level=error plugin=bridge verb=GC msg=\"bad\"\n");
}

static void a_message_stays_on_one_line_and_inside_its_quotes(void **state)
{
	static const struct {
		const char *msg, *line;
	} rows[] = {
		{"", "level=warn msg=\"\"\n"},
		{"a \"b\" c", "level=warn msg=\"a \\\"b\\\" c\"\n"},
		{"a\\b", "level=warn msg=\"a\\\\b\"\n"},
		{"a\nb\tc\r\x1b[31m", "level=warn msg=\"a b c  [31m\"\n"},
		{"caf\xc3\xa9", "level=warn msg=\"caf\xc3\xa9\"\n"},
		{"100% %s %n", "level=warn msg=\"100% %s %n\"\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(logged(LOG_LEVEL_WARN, rows[i].msg), rows[i].line);
}

static void a_long_message_is_cut_and_still_closed(void **state)
{
	char msg[4000];
	const char *line;
	size_t n;

	(void)state;
	memset(msg, '"', sizeof(msg) - 1); // each needs two characters
	msg[sizeof(msg) - 1] = '\0';
	line = logged(LOG_LEVEL_WARN, msg);
	n = strlen(line);
	assert_true(n > 1000 && n < 2000);
	assert_string_equal(line + n - 3, "\"\"\n"); // of \" the quote, then the closing one
	assert_int_equal(line[n - 4], '\\');

	memset(msg, 'x', sizeof(msg) - 1);
	line = logged(LOG_LEVEL_WARN, msg);
	assert_true(strlen(line) > 1000);
	assert_string_equal(line + strlen(line) - 3, "x\"\n");
}

static void the_threshold_is_warn_unless_the_environment_says_else(void **state)
{
	static const struct {
		const char *wanted;
		enum log_level last; ///< the least urgent that is shown
	} rows[] = {
		{NULL, LOG_LEVEL_WARN},       {"error", LOG_LEVEL_ERROR},
		{"warn", LOG_LEVEL_WARN},     {"info", LOG_LEVEL_INFO},
		{"debug", LOG_LEVEL_DEBUG},   {"DEBUG", LOG_LEVEL_DEBUG},
		{"nonsense", LOG_LEVEL_WARN}, {"", LOG_LEVEL_WARN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(rows[i].wanted ? setenv("CNI_LOG", rows[i].wanted, 1)
						: unsetenv("CNI_LOG"),
				 0);
		for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
			bool shown = *logged((enum log_level)level, "x") != '\0';

			if (shown != (level <= (int)rows[i].last))
				fail_msg("CNI_LOG=%s, level %d", rows[i].wanted, level);
		}
	}
}

static void under_the_journal_a_line_begins_with_its_priority(void **state)
{
	static const char *const lines[] = {
		"<3>level=error msg=\"x\"\n",
		"<4>level=warn msg=\"x\"\n",
		"<6>level=info msg=\"x\"\n",
		"<7>level=debug msg=\"x\"\n",
	};

	(void)state;
	assert_int_equal(setenv("JOURNAL_STREAM", "8:12345", 1), 0);
	assert_int_equal(setenv("CNI_LOG", "debug", 1), 0);
	for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++)
		assert_string_equal(logged((enum log_level)level, "x"), lines[level]);
}

static void names_of_any_length_fit_into_a_line(void **state)
{
	char name[300];
	const char *line;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	log_setup(name, name, name, name);
	line = logged(LOG_LEVEL_WARN, "still said");
	assert_non_null(strstr(line, " msg=\"still said\"\n"));
	assert_non_null(strstr(line, "level=warn plugin=nnn"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_line_says_who_speaks, no_environment),
		cmocka_unit_test_setup(a_message_stays_on_one_line_and_inside_its_quotes,
				       no_environment),
		cmocka_unit_test_setup(a_long_message_is_cut_and_still_closed, no_environment),
		cmocka_unit_test_setup(the_threshold_is_warn_unless_the_environment_says_else,
				       no_environment),
		cmocka_unit_test_setup(under_the_journal_a_line_begins_with_its_priority,
				       no_environment),
		cmocka_unit_test_setup(names_of_any_length_fit_into_a_line, no_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
