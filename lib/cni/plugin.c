// SPDX-License-Identifier: Apache-2.0
#include "cni/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/log.h"
#include "cni/json.h"
#include "cni/options.h"
#include "node/netns.h"

enum { CONFIG_MAX = 8 << 20 };

static int write_all(const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = write(STDOUT_FILENO, text, left);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			text += n;
			left -= (size_t)n;
		}
	}
	return 0;
}

static int print_json(const json_t *doc, struct err *e)
{
	_cleanup_(freep) char *text = json_dumps(doc, JSON_INDENT(4));

	if (!text || json_out_of_memory())
		return err_set(e, ERR_TRY_AGAIN, "write result: out of memory");
	return write_all(text) < 0 ? err_os(e, ERR_IO, errno, "write result") : 0;
}

static int print_versions(struct err *e)
{
	json_auto_t *doc = json_pack("{s:s, s:[]}", "cniVersion", cni_version_text(CNI_1_1_0),
				     "supportedVersions");

	for (int v = 0; v < CNI_VERSIONS; v++)
		json_array_append_new(json_object_get(doc, "supportedVersions"),
				      json_string(cni_version_text((enum cni_version)v)));
	return print_json(doc, e);
}

static int serve_verb(const struct cni_plugin *p, const struct cni_call *call, struct err *e)
{
	struct cni_result result = {};
	json_auto_t *doc = NULL;
	struct err ignored = {};

	if (cni_plugin_run(p, call, &result, e) < 0)
		return -1;
	if (call->verb != CNI_ADD)
		return 0;
	doc = cni_result_write(&result, call->version, e);
	if (doc && print_json(doc, e) == 0)
		return 0;
	// A result the runtime never saw is an ADD that it will not undo; memory that was short for
	// it may do for that.
	json_prepare();
	if (p->del && p->del(call, &ignored) < 0)
		log_warn("undo: %s", ignored.msg);
	return -1;
}

static int parse_input(struct cni_call *call, struct err *e)
{
	json_error_t why;
	size_t len;

	call->input = file_read_bytes(call->arena, STDIN_FILENO, CONFIG_MAX,
				      "the configuration on stdin", &len, e);
	if (!call->input)
		return -1;
	if (strlen(call->input) < len) // it would end there for us, and for a delegate
		return err_set(e, ERR_DECODE, "error parsing configuration: NUL byte at offset %zu",
			       strlen(call->input));
	call->doc = json_loads(call->input, 0, &why);
	if (!call->doc)
		return err_set(e, ERR_DECODE, "error parsing configuration: line %d column %d: %s",
			       why.line, why.column, why.text);
	if (!json_is_object(call->doc))
		return err_set(e, ERR_DECODE, "the configuration must be a JSON object");
	return 0;
}

/** prevResult. A DEL must not fail for want of it: it cleans by what it knows otherwise. */
static int read_prev(struct cni_call *call, struct err *e)
{
	struct json_t *json = call->common->prev_result;
	struct cni_result *prev;

	if (!json)
		return 0;
	prev = arena_calloc(call->arena, 1, sizeof(*prev));
	if (prev && cni_result_read(prev, json, "prevResult", call->version, call->arena, e) == 0)
		call->prev = prev;
	else if (call->verb != CNI_DEL)
		return prev ? -1 : err_set(e, ERR_TRY_AGAIN, "prevResult: out of memory");
	else
		log_warn("ignored: %s", e->msg);
	return 0;
}

/** The plugin's own namespace is never a container's, unless the caller insists. */
static int check_netns(int fd, struct err *e)
{
	const char *override = getenv("CNI_NETNS_OVERRIDE");

	if (override && (!strcmp(override, "1") || !strcasecmp(override, "true")))
		return 0;
	if (netns_is_current(fd))
		return err_set(e, ERR_NETNS,
			       "plugin's netns and netns from CNI_NETNS should not be the same");
	return 0;
}

static int open_netns(const struct cni_plugin *p, struct cni_call *call, struct err *e)
{
	_cleanup_(fd_closep) int fd = -1;

	if (!call->netns)
		return 0;
	if (netns_open(&fd, call->netns, e) < 0) {
		// A DEL comes late: of a namespace that has gone a plain file may be left.
		bool gone = e->code == ERR_NO_CONTAINER || e->code == ERR_ENV;

		if (p->needs_netns && !(call->verb == CNI_DEL && gone))
			return -1;
		*e = (struct err){};
		return 0;
	}
	if (check_netns(fd, e) < 0) {
		// The process that had the container's may be gone, and its number another's now.
		if (call->verb != CNI_DEL)
			return -1;
		*e = (struct err){};
		return 0;
	}
	if (p->needs_netns)
		call->netns_fd = TAKE_FD(fd);
	return 0;
}

static int serve(const struct cni_plugin *p, struct cni_call *call, struct err *e)
{
	if (cni_call_from_env(call, e) < 0)
		return -1;
	log_setup(p->name, cni_verb_text(call->verb), call->at.container, call->at.ifname);
	if (call->verb == CNI_VERSION)
		return print_versions(e);
	if (parse_input(call, e) < 0 || cni_call_from_doc(call, e) < 0 ||
	    cni_plugin_read(p, call, "", e) < 0 || read_prev(call, e) < 0 ||
	    open_netns(p, call, e) < 0)
		return -1;
	return serve_verb(p, call, e);
}

/** JSON is UTF-8; what came from the environment may be anything. NULL when memory is short. */
static json_t *any_text(const char *text)
{
	char clean[sizeof(((struct err *)0)->details)];
	json_t *string = json_string(text);

	if (string)
		return string;
	(void)snprintf(clean, sizeof(clean), "%s", text);
	for (char *c = clean; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(clean);
}

/** Also when memory is short: then without the parts that need it. */
static void print_error(const struct cni_call *call, const struct err *e)
{
	json_auto_t *doc =
		json_pack("{s:s, s:i, s:o}", "cniVersion", cni_version_text(call->version), "code",
			  e->code, "msg", any_text(e->msg));
	struct err ignored = {};

	if (e->details[0])
		json_object_set_new(doc, "details", any_text(e->details));
	if (json_out_of_memory())
		(void)write_all("{\"code\": 11, \"msg\": \"out of memory\"}\n");
	else if (print_json(doc, &ignored) < 0)
		log_write(LOG_LEVEL_ERROR, "%s (%s)", e->msg, ignored.msg);
}

int cni_main(const struct cni_plugin *plugin, int argc, char **argv)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct cni_call call = {.arena = &arena, .netns_fd = -1, .version = CNI_1_1_0};
	struct err e = {};
	int rc;

	log_setup(plugin->name, NULL, NULL, NULL);
	if (!getenv("CNI_COMMAND"))
		return cni_options(plugin, argc, argv);
	// A runtime that went away is a failed write, not a death in the middle of an ADD.
	(void)signal(SIGPIPE, SIG_IGN);
	json_prepare();
	rc = serve(plugin, &call, &e);
	if (rc < 0)
		print_error(&call, &e);
	fd_closep(&call.netns_fd);
	json_decref(call.doc);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
