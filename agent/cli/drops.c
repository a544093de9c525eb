// SPDX-License-Identifier: Apache-2.0
/** edgeway drops: what was dropped of whom, the last first. */
#include <linux/rtnetlink.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/maps.h"
#include "cli/pods.h"
#include "cli/text.h"
#include "cli/view.h"

struct drop {
	struct drop_key key;
	struct drop_count count;
};

/** Their numbers, names and meanings, as docs/drop-reasons.md has them. */
static json_t *list_reasons(void)
{
	json_t *rows = json_array();
	char buf[TEXT_SIZE];

	for (unsigned int i = 0; i < DROP_MAX; i++) {
		struct text_reason reason = text_reason(i, buf);

		json_array_append_new(rows, json_pack("{s:i, s:s, s:s, s:s}", "number", (int)i,
						      "reason", reason.name, "label", reason.label,
						      "meaning", reason.text));
	}
	return rows;
}

static int last_first(const void *a, const void *b)
{
	const struct drop *x = a, *y = b;

	return (x->count.last < y->count.last) - (x->count.last > y->count.last);
}

static int load(struct drop **out, size_t *n, struct arena *arena, struct err *e)
{
	_cleanup_(map_close) struct map map = MAP_CLOSED;
	const void *keys, *values;
	struct drop *drops;

	if (map_open(&map, MAP_DROPS, sizeof(struct drop_count), e) < 0 ||
	    map_all(&map, arena, &keys, &values, n, e) < 0)
		return -1;
	drops = arena_calloc(arena, *n + 1, sizeof(*drops));
	if (!drops)
		return err_set(e, ERR_TRY_AGAIN, "list drops: out of memory");
	for (size_t i = 0; i < *n; i++) {
		drops[i].key = ((const struct drop_key *)keys)[i];
		memcpy(&drops[i].count, map_value(&map, values, i), sizeof(drops->count));
	}
	qsort(drops, *n, sizeof(*drops), last_first);
	*out = drops;
	return 0;
}

static json_t *describe(const struct drop *drop, const struct pods *pods)
{
	uint64_t now = text_clock_now(), last = drop->count.last;
	json_t *row = json_object();
	char buf[TEXT_SIZE];
	struct text_reason reason = text_reason(drop->key.reason, buf);

	json_object_set_new(row, "reason", json_string(reason.name));
	json_object_set_new(row, "label", json_string(reason.label));
	json_object_set_new(row, "direction", json_string(text_direction(drop->key.dir, buf)));
	json_object_set_new(row, "packets", json_integer((json_int_t)drop->count.packets));
	json_object_set_new(row, "bytes", json_integer((json_int_t)drop->count.bytes));
	json_object_set_new(row, "last", json_string(text_time(last, text_clock_offset(), buf)));
	json_object_set_new(row, "seconds_ago",
			    json_real(text_seconds(now > last ? now - last : 0)));
	pods_describe(row, pods_by_index(pods, (int)drop->key.ifindex), (int)drop->key.ifindex);
	return row;
}

static void last_cell(const json_t *row, char *buf)
{
	(void)text_age(json_real_value(json_object_get(row, "seconds_ago")), buf);
}

static const struct view_column columns[] = {
	{"POD", .format = pods_cell},
	{"INTERFACE", .key = "interface"},
	{"DIRECTION", .key = "direction"},
	{"REASON", .key = "label"},
	{"PACKETS", .key = "packets"},
	{"BYTES", .key = "bytes"},
	{"LAST", .format = last_cell, .right = true},
	{},
};

static const struct view_column reason_columns[] = {
	{"NUMBER", .key = "number"},
	{"REASON", .key = "reason"},
	{"LABEL", .key = "label"},
	{"MEANING", .key = "meaning"},
	{},
};

int run_drops(const struct cli_args *args, struct err *e)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	json_auto_t *rows = NULL;
	struct pods all, chosen;
	struct drop *drops = NULL;
	size_t n = 0;

	if (cli_has(args, OPTION_REASONS)) {
		rows = list_reasons();
		view_rows(cli_has(args, OPTION_JSON), rows, reason_columns);
		return CLI_DONE;
	}
	nl = nl_open(NETLINK_ROUTE, e);
	if (!nl || load(&drops, &n, &arena, e) < 0 || pods_load(&all, nl, &arena, e) < 0)
		return -1;
	chosen = all;
	if (cli_has(args, OPTION_POD) &&
	    pods_select(&all, args->value[OPTION_POD], &chosen, &arena, e) < 0)
		return -1;
	rows = json_array();
	for (size_t i = 0; drops && i < n; i++)
		if (!cli_has(args, OPTION_POD) || pods_by_index(&chosen, (int)drops[i].key.ifindex))
			json_array_append_new(rows, describe(&drops[i], &all));
	view_rows(cli_has(args, OPTION_JSON), rows, columns);
	return CLI_DONE;
}
