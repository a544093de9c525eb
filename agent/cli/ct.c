// SPDX-License-Identifier: Apache-2.0
#include "cli/ct.h"
#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>

#include "base/addr.h"
#include "cli/maps.h"
#include "cli/text.h"

/** Of CT_SECONDS() and CT_TICKS(). */
enum { SECOND_SHIFT = 30, TICK_SHIFT = 26 };

/** How many seconds CT_SECONDS or CT_TICKS of @ns are, to the millisecond. */
static double to_seconds(uint32_t units, unsigned int shift)
{
	return text_seconds((uint64_t)units << shift);
}

static bool is_expired(const struct ct_entry *entry, uint32_t now)
{
	return (int32_t)(now - entry->seen) >
	       (int32_t)ct_lifetime(entry->flags, entry->tuple.proto);
}

static int check_layout(const struct about *about, const struct map *map, struct err *e)
{
	uint64_t end = about->ct_entries_at + (uint64_t)about->ct_ways * about->ct_entry_size;
	uint64_t tags =
		offsetof(struct ct_bucket, tags) + (uint64_t)about->ct_ways * sizeof(uint32_t);

	if (end <= map->shape.value_size && tags <= about->ct_entries_at)
		return 0;
	return err_set(e, ERR_KERNEL, "%s does not describe %s: %u entries of %u bytes in %u",
		       MAP_ABOUT, MAP_CONNTRACK, about->ct_ways, about->ct_entry_size,
		       map->shape.value_size);
}

/** What is in one bucket. */
static int each_entry(const struct map *map, const struct about *about, struct ct_table *table,
		      ct_fn *fn, void *ctx, struct err *e)
{
	const unsigned char *tags = map->value + offsetof(struct ct_bucket, tags);
	uint32_t now = CT_SECONDS(text_clock_now());

	for (uint32_t i = 0; i < about->ct_ways; i++) {
		const unsigned char *at =
			map->value + about->ct_entries_at + (size_t)i * about->ct_entry_size;
		struct ct_entry entry = {};
		size_t size =
			about->ct_entry_size < sizeof(entry) ? about->ct_entry_size : sizeof(entry);
		uint32_t tag;

		memcpy(&tag, tags + i * sizeof(tag), sizeof(tag));
		if (!tag)
			continue;
		memcpy(&entry, at, size);
		if (is_expired(&entry, now)) {
			table->expired++;
			continue;
		}
		table->live++;
		if (fn && fn(&entry, ctx, e) < 0)
			return -1;
	}
	return 0;
}

int ct_each(struct ct_table *out, ct_fn *fn, void *ctx, struct err *e)
{
	_cleanup_(map_close) struct map map = MAP_CLOSED;
	struct ct_table table = {};
	struct about about;

	if (map_about(&about, e) < 0 || map_open(&map, MAP_CONNTRACK, 0, e) < 0 ||
	    check_layout(&about, &map, e) < 0)
		return -1;
	table.places = (uint64_t)map.shape.max_entries * about.ct_ways;
	for (uint32_t i = 0; i < map.shape.max_entries; i++) {
		int rc = map_read(&map, &i, BPF_F_LOCK, e);

		if (rc < 0 || (rc > 0 && each_entry(&map, &about, &table, fn, ctx, e) < 0))
			return -1;
	}
	*out = table;
	return 0;
}

/** From @then to @now, both of a clock that wraps; 0 if another CPU's clock was ahead. */
static uint32_t elapsed(uint32_t now, uint32_t then)
{
	return (int32_t)(now - then) > 0 ? now - then : 0;
}

static void describe_ports(json_t *row, const struct ct_tuple *t, bool high)
{
	unsigned int low_port = ntohs(t->low_port), high_port = ntohs(t->high_port);

	if (t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6) {
		json_object_set_new(row, "icmp_id", json_integer(low_port));
		return;
	}
	json_object_set_new(row, "source_port", json_integer(high ? high_port : low_port));
	json_object_set_new(row, "destination_port", json_integer(high ? low_port : high_port));
}

json_t *ct_describe(const struct ct_entry *entry, uint64_t now)
{
	const struct ct_tuple *t = &entry->tuple;
	bool high = entry->flags & CT_HIGH_BEGAN;
	uint32_t lifetime = ct_lifetime(entry->flags, t->proto);
	uint32_t idle = elapsed(CT_SECONDS(now), entry->seen);
	uint32_t age = elapsed(CT_TICKS(now), entry->created);
	json_t *row = json_object();
	char buf[TEXT_SIZE];

	json_object_set_new(row, "proto", json_string(text_proto(t->proto, buf)));
	json_object_set_new(row, "source",
			    json_string(text_address(high ? &t->high : &t->low, buf)));
	json_object_set_new(row, "destination",
			    json_string(text_address(high ? &t->low : &t->high, buf)));
	describe_ports(row, t, high);
	json_object_set_new(row, "state", json_string(text_ct_state(entry->flags, t->proto)));
	json_object_set_new(row, "answered", json_boolean(entry->flags & CT_REPLIED));
	json_object_set_new(row, "stack", json_boolean(entry->flags & CT_STACK));
	json_object_set_new(row, "node", json_boolean(entry->flags & CT_NODE));
	json_object_set_new(row, "uplink_ifindex", json_integer(entry->uplink));
	json_object_set_new(row, "age_seconds", json_real(to_seconds(age, TICK_SHIFT)));
	json_object_set_new(row, "idle_seconds", json_real(to_seconds(idle, SECOND_SHIFT)));
	json_object_set_new(
		row, "expires_in_seconds",
		json_real(to_seconds(lifetime > idle ? lifetime - idle : 0, SECOND_SHIFT)));
	return row;
}
