// SPDX-License-Identifier: Apache-2.0
#include "calls.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static const struct conf_field common_fields[] = {
	CNI_COMMON_KEYS,
	conf_end,
};

/** @text with real quotes, to be freed. */
static char *quoted(const char *text)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	for (char *quote = copy; (quote = strchr(quote, '\'')); quote++)
		*quote = '"';
	return copy;
}

json_t *json_of(const char *text)
{
	_cleanup_(freep) char *copy = quoted(text);
	json_t *doc = json_loads(copy, 0, NULL);

	if (!doc)
		fail_msg("not JSON: %s", copy);
	return doc;
}

void test_call_init(struct test_call *c, const char *json)
{
	struct conf_report report = {.open = true};
	struct err e = {};

	*c = (struct test_call){.text = quoted(json)};
	c->call = (struct cni_call){
		.verb = CNI_ADD,
		.version = CNI_1_1_0,
		.at = {"net", "c1", "eth0"},
		.netns_fd = -1,
		.args = "",
		.path = "/usr/lib/cni",
		.input = c->text,
		.doc = json_of(json),
		.common = &c->common,
		.conf = &c->common,
		.prev = &c->prev,
		.arena = &c->arena,
	};
	if (conf_read(&c->common, common_fields, c->call.doc, "", &report, &c->arena, &e) < 0 ||
	    (c->common.prev_result && cni_result_read(&c->prev, c->common.prev_result, "prevResult",
						      CNI_1_1_0, &c->arena, &e) < 0))
		fail_msg("%s", e.msg);
}

void test_call_done(struct test_call *c)
{
	json_decref(c->call.doc);
	arena_free(&c->arena);
	free(c->text);
}

void set_environment(const char *const variables[])
{
	static const char *const all[] = {"CNI_COMMAND", "CNI_CONTAINERID",   "CNI_NETNS",
					  "CNI_IFNAME",  "CNI_PATH",          "CNI_ARGS",
					  "CNI_LOG",     "CNI_NETNS_OVERRIDE"};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_int_equal(unsetenv(all[i]), 0);
	for (; *variables; variables++) {
		char *copy = strdup(*variables), *eq = strchr(copy, '=');

		assert_non_null(eq);
		*eq = '\0';
		assert_int_equal(setenv(copy, eq + 1, 1), 0);
		free(copy);
	}
}
