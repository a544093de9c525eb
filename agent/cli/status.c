// SPDX-License-Identifier: Apache-2.0
/** edgeway status: what is loaded, how much is in use, what has passed and what has not. */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/ct.h"
#include "cli/listener.h"
#include "cli/maps.h"
#include "cli/text.h"
#include "cli/view.h"

static const char *const all_maps[] = {MAP_ABOUT,      MAP_SETTINGS,  MAP_ENDPOINTS,
				       MAP_INTERFACES, MAP_CONNTRACK, MAP_FRAGMENTS,
				       MAP_COUNTERS,   MAP_DROPS,     MAP_EVENTS};

static int add_memory(json_t *status, struct err *e)
{
	json_t *maps = json_object();
	uint64_t total = 0;

	json_object_set_new(status, "memory_bytes_of_maps", maps);
	for (size_t i = 0; i < ARRAY_SIZE(all_maps); i++) {
		_cleanup_(map_close) struct map map = MAP_CLOSED;
		uint64_t bytes;

		if (map_open(&map, all_maps[i], 0, e) < 0 || map_memory(&map, &bytes, e) < 0)
			return -1;
		json_object_set_new(maps, all_maps[i], json_integer((json_int_t)bytes));
		total += bytes;
	}
	json_object_set_new(status, "memory_bytes", json_integer((json_int_t)total));
	return 0;
}

/** How many elements a hash has. */
static int add_count(json_t *status, const char *key, const char *name, struct arena *arena,
		     struct err *e)
{
	_cleanup_(map_close) struct map map = MAP_CLOSED;
	const void *keys, *values;
	size_t n;

	if (map_open(&map, name, 0, e) < 0 || map_all(&map, arena, &keys, &values, &n, e) < 0)
		return -1;
	json_object_set_new(status, key,
			    json_pack("{s:I, s:I}", "used", (json_int_t)n, "room",
				      (json_int_t)map.shape.max_entries));
	return 0;
}

static int add_connections(json_t *status, struct err *e)
{
	struct ct_table table;

	if (ct_each(&table, NULL, NULL, e) < 0)
		return -1;
	json_object_set_new(status, "connections",
			    json_pack("{s:I, s:I}", "used", (json_int_t)table.live, "room",
				      (json_int_t)table.places));
	return 0;
}

/** The sum of what each CPU has counted. */
static struct counter sum(const struct map *map)
{
	struct counter total = {};

	for (unsigned int i = 0; i < map->parts; i++) {
		struct counter part;

		memcpy(&part, map->value + i * map_stride(map), sizeof(part));
		total.packets += part.packets;
		total.bytes += part.bytes;
	}
	return total;
}

static int add_counters(json_t *status, struct err *e)
{
	_cleanup_(map_close) struct map map = MAP_CLOSED;
	json_t *rows = json_array();
	char reason_buf[TEXT_SIZE], buf[TEXT_SIZE];

	json_object_set_new(status, "counters", rows);
	if (map_open(&map, MAP_COUNTERS, sizeof(struct counter), e) < 0)
		return -1;
	for (uint32_t i = 0; i < map.shape.max_entries; i++) {
		struct text_reason reason = text_reason(i / DIR_MAX, reason_buf);
		struct counter total;

		if (map_read(&map, &i, 0, e) < 0)
			return -1;
		total = sum(&map);
		if (total.packets)
			json_array_append_new(rows,
					      json_pack("{s:s, s:s, s:s, s:I, s:I}", "direction",
							text_direction(i % DIR_MAX, buf), "reason",
							reason.name, "label", reason.label,
							"packets", (json_int_t)total.packets,
							"bytes", (json_int_t)total.bytes));
	}
	return 0;
}

static int add_events(json_t *status, struct err *e)
{
	_cleanup_(map_close) struct map map = MAP_CLOSED;
	const struct settings *settings;
	json_t *on = json_array();
	pid_t pid = listener_pid();
	uint32_t key = 0;

	json_object_set_new(status, "events", on);
	json_object_set_new(status, "listener", pid ? json_integer(pid) : json_null());
	if (map_open(&map, MAP_SETTINGS, sizeof(*settings), e) < 0 ||
	    map_read(&map, &key, 0, e) < 0)
		return -1;
	settings = (const void *)map.value;
	if (settings->events & EVENT_FLOWS)
		json_array_append_new(on, json_string("flows"));
	if (settings->events & EVENT_DROPS)
		json_array_append_new(on, json_string("drops"));
	return 0;
}

static int collect(json_t *status, struct arena *arena, struct err *e)
{
	struct about about;
	char build[32];

	if (map_about(&about, e) < 0)
		return -1;
	(void)snprintf(build, sizeof(build), "%016" PRIx64, (uint64_t)about.build);
	json_object_set_new(status, "version", json_string(EDGEWAY_VERSION));
	json_object_set_new(status, "build", json_string(build));
	json_object_set_new(status, "loads", json_integer(about.loads));
	if (add_count(status, "interfaces", MAP_INTERFACES, arena, e) < 0 ||
	    add_count(status, "addresses", MAP_ENDPOINTS, arena, e) < 0 ||
	    add_connections(status, e) < 0 || add_memory(status, e) < 0 ||
	    add_events(status, e) < 0)
		return -1;
	return add_counters(status, e);
}

static void print_use(const json_t *status, const char *title, const char *key)
{
	const json_t *use = json_object_get(status, key);

	(void)printf("%-12s %lld of %lld\n", title, view_int(use, "used"), view_int(use, "room"));
}

static void bytes_cell(const json_t *row, char *buf)
{
	(void)text_bytes((uint64_t)view_int(row, "bytes"), buf);
}

static const struct view_column columns[] = {
	{"DIRECTION", .key = "direction"},
	{"BECAME OF IT", .key = "label"},
	{"PACKETS", .key = "packets"},
	{"BYTES", .format = bytes_cell, .right = true},
	{},
};

static void print(const json_t *status)
{
	const json_t *events = json_object_get(status, "events");
	long long pid = view_int(status, "listener");
	char buf[TEXT_SIZE];

	(void)printf("%-12s %s, loaded %lld times since boot\n", "programs",
		     view_get(status, "build"), view_int(status, "loads"));
	print_use(status, "interfaces", "interfaces");
	print_use(status, "addresses", "addresses");
	print_use(status, "connections", "connections");
	(void)printf("%-12s %s in %d maps\n", "memory",
		     text_bytes((uint64_t)view_int(status, "memory_bytes"), buf),
		     (int)ARRAY_SIZE(all_maps));
	if (pid)
		(void)printf("%-12s told to process %lld\n", "events", pid);
	else
		(void)printf("%-12s %s\n", "events",
			     json_array_size(events) ? "on, though nobody listens" : "off");
	(void)putchar('\n');
	view_table(stdout, json_object_get(status, "counters"), columns);
}

int run_status(const struct cli_args *args, struct err *e)
{
	_cleanup_(arena_free) struct arena arena = {};
	json_auto_t *status = json_object();

	if (collect(status, &arena, e) < 0)
		return -1;
	if (cli_has(args, OPTION_JSON))
		view_json(stdout, status);
	else
		print(status);
	return CLI_DONE;
}
