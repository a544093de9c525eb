// SPDX-License-Identifier: Apache-2.0
/** edgeway conntrack: the connections that are tracked. */
#include <linux/rtnetlink.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/ct.h"
#include "cli/pods.h"
#include "cli/text.h"
#include "cli/view.h"
#include "node/datapath.h"

struct listing {
	json_t *rows;
	const struct pods *all;
	const struct pods *chosen; ///< NULL: of all pods
	uint64_t now;
};

/** Whether @address has passed to another pod since: the programs no longer go by such an entry. */
static bool is_outlived(const struct ct_entry *entry, const union address *address,
			const struct pods *pods)
{
	struct ipaddr ip = datapath_ip(address);
	const struct pod *pod = pods_by_address(pods, &ip);

	return pod && pod->since && (int32_t)(entry->created - pod->since) < 0;
}

static bool is_of(const union address *address, const struct pods *pods)
{
	struct ipaddr ip = datapath_ip(address);

	return pods_by_address(pods, &ip);
}

static int on_entry(const struct ct_entry *entry, void *ctx, struct err *e)
{
	const struct ct_tuple *t = &entry->tuple;
	struct listing *l = ctx;

	(void)e;
	if (is_outlived(entry, &t->low, l->all) || is_outlived(entry, &t->high, l->all))
		return 0;
	if (!l->chosen || is_of(&t->low, l->chosen) || is_of(&t->high, l->chosen))
		json_array_append_new(l->rows, ct_describe(entry, l->now));
	return 0;
}

static void source_cell(const json_t *row, char *buf)
{
	(void)text_end(view_get(row, "source"), (unsigned int)view_int(row, "source_port"), buf);
}

static void destination_cell(const json_t *row, char *buf)
{
	size_t n;

	(void)text_end(view_get(row, "destination"),
		       (unsigned int)view_int(row, "destination_port"), buf);
	n = strlen(buf);
	if (json_object_get(row, "icmp_id"))
		(void)snprintf(buf + n, VIEW_CELL - n, " id %lld", view_int(row, "icmp_id"));
}

static void age_cell(const json_t *row, char *buf)
{
	(void)text_age(json_real_value(json_object_get(row, "age_seconds")), buf);
}

static void expiry_cell(const json_t *row, char *buf)
{
	(void)text_age(json_real_value(json_object_get(row, "expires_in_seconds")), buf);
}

static void way_cell(const json_t *row, char *buf)
{
	(void)snprintf(buf, VIEW_CELL, "%s",
		       json_is_true(json_object_get(row, "stack")) ? "stack" : "direct");
}

static const struct view_column columns[] = {
	{"PROTO", .key = "proto"},
	{"BEGAN", .format = source_cell},
	{"WITH", .format = destination_cell},
	{"STATE", .key = "state"},
	{"WAY", .format = way_cell},
	{"AGE", .format = age_cell, .right = true},
	{"EXPIRES", .format = expiry_cell, .right = true},
	{},
};

int run_conntrack(const struct cli_args *args, struct err *e)
{
	_cleanup_(nl_closep) struct nl *nl = nl_open(NETLINK_ROUTE, e);
	_cleanup_(arena_free) struct arena arena = {};
	json_auto_t *rows = json_array();
	struct ct_table table;
	struct pods pods, chosen;
	struct listing listing = {.rows = rows, .all = &pods, .now = text_clock_now()};

	if (!nl || pods_load(&pods, nl, &arena, e) < 0)
		return -1;
	if (cli_has(args, OPTION_POD)) {
		if (pods_select(&pods, args->value[OPTION_POD], &chosen, &arena, e) < 0)
			return -1;
		listing.chosen = &chosen;
	}
	if (ct_each(&table, on_entry, &listing, e) < 0)
		return -1;
	view_rows(cli_has(args, OPTION_JSON), rows, columns);
	return CLI_DONE;
}
