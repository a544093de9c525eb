// SPDX-License-Identifier: Apache-2.0
/** edgeway doctor: what keeps the data path from working on this node, found by looking and trying.
 */
#include "cli/doctor.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/view.h"

_printf_(6, 0) static void find(struct doctor *doc, const char *level, const char *check,
				const char *why, const char *fix, const char *fmt, va_list args)
{
	json_t *row = json_object();
	char text[512];

	(void)vsnprintf(text, sizeof(text), fmt, args);
	json_object_set_new(row, "level", json_string(level));
	json_object_set_new(row, "check", json_string(check));
	json_object_set_new(row, "found", view_string(text));
	json_object_set_new(row, "why", view_string(why));
	json_object_set_new(row, "fix", view_string(fix));
	json_array_append_new(doc->findings, row);
}

void doctor_ok(struct doctor *doc, const char *check, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	find(doc, "ok", check, NULL, NULL, fmt, args);
	va_end(args);
}

void doctor_warn(struct doctor *doc, const char *check, const char *why, const char *fix,
		 const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	find(doc, "warn", check, why, fix, fmt, args);
	va_end(args);
}

void doctor_fail(struct doctor *doc, const char *check, const char *why, const char *fix,
		 const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	find(doc, "fail", check, why, fix, fmt, args);
	va_end(args);
}

const struct link *doctor_link(const struct doctor *doc, int index)
{
	for (size_t i = 0; i < doc->n_links; i++)
		if (doc->links[i].index == index)
			return &doc->links[i];
	return NULL;
}

static int on_link(const struct link *link, void *ctx, struct err *e)
{
	struct doctor *doc = ctx;
	struct link *grown = arena_grow(doc->arena, doc->links, doc->n_links, sizeof(*grown));

	if (!grown)
		return err_os(e, ERR_TRY_AGAIN, ENOMEM, "list interfaces");
	doc->links = grown;
	grown[doc->n_links++] = *link;
	return 0;
}

/** What is loaded, and what the node's links and routes are. */
static int look(struct doctor *doc, struct err *e)
{
	doc->nl = nl_open(NETLINK_ROUTE, e);
	if (!doc->nl || link_each(doc->nl, 0, on_link, doc, e) < 0 ||
	    route_defaults(doc->nl, doc->uplinks, &doc->n_uplinks, e) < 0)
		return -1;
	if (datapath_find(&doc->d, e) < 0)
		return e->os == ENOENT ? 0 : err_wrap(e, "what is loaded");
	doc->is_loaded = true;
	return pods_load(&doc->pods, doc->nl, doc->arena, e);
}

static void examine(struct doctor *doc)
{
	static const struct {
		const char *name;
		int (*run)(struct doctor *doc, struct err *e);
	} checks[] = {
		{"kernel", doctor_kernel},  {"filters", doctor_attached}, {"MTU", doctor_mtu},
		{"sysctls", doctor_sysctl}, {"rules", doctor_rules},
	};
	struct err e = {};

	if (look(doc, &e) < 0)
		doctor_fail(doc, "data path", "what is not found out may be wrong", e.details, "%s",
			    e.msg);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		e = (struct err){};
		if (doc->nl && checks[i].run(doc, &e) < 0)
			doctor_fail(doc, checks[i].name, "what is not found out may be wrong",
				    e.details, "%s", e.msg);
	}
}

static int count(const json_t *findings, const char *level)
{
	const json_t *row;
	size_t i;
	int n = 0;

	json_array_foreach(findings, i, row)
		n += !strcmp(view_get(row, "level"), level);
	return n;
}

static void print(const json_t *findings)
{
	const json_t *row;
	size_t i;

	json_array_foreach(findings, i, row) {
		const char *why = view_get(row, "why"), *fix = view_get(row, "fix");

		(void)printf("%-5s %s: %s%s%s%s%s\n", view_get(row, "level"),
			     view_get(row, "check"), view_get(row, "found"), *why ? "; " : "", why,
			     *fix ? "; " : "", fix);
	}
	(void)printf("%d ok, %d warn, %d fail\n", count(findings, "ok"), count(findings, "warn"),
		     count(findings, "fail"));
}

static void doctor_free(struct doctor *doc)
{
	datapath_close(&doc->d);
	nl_closep(&doc->nl);
}

int run_doctor(const struct cli_args *args, struct err *e)
{
	json_auto_t *findings = json_array();
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(doctor_free) struct doctor doc = {
		.findings = findings, .arena = &arena, .d = DATAPATH_CLOSED};

	if (geteuid() != 0)
		return err_set(e, ERR_KERNEL, "this takes root");
	examine(&doc);
	if (cli_has(args, OPTION_JSON))
		view_json(stdout, findings);
	else
		print(findings);
	return count(findings, "fail") ? CLI_FOUND : CLI_DONE;
}
