// SPDX-License-Identifier: Apache-2.0
/**
 * pins - the pinned maps and programs of the data path, in the layout of bpf/shared, filled by
 *hand: for tests of what reads them, in states that packets would take long to bring about.
 *
 *	pins make
 *	pins interface NAME MAC [FLAGS]			of MAP_INTERFACES
 *	pins endpoint ADDRESS NAME MAC [FLAGS [SINCE]]	of MAP_ENDPOINTS
 *	pins attach NAME				the programs, which let everything pass
 *	pins connection PROTO LOW PORT HIGH PORT FLAGS CREATED SEEN	the last two: seconds of
 *2^30 ns ago pins drop NAME REASON DIRECTION PACKETS		of MAP_DROPS, 100 bytes each, seen
 *now pins count CPU REASON DIRECTION PACKETS		of MAP_COUNTERS, 100 bytes each pins event
 *flow|drop NAME SRC PORT DST PORT PROTO WHAT DIRECTION LOST
 *	pins settings					prints events and events_per_second
 *
 * Flags, reasons, directions are the numbers of the headers.
 */
#include <arpa/inet.h>

#include <linux/bpf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../bpf/shared/conntrack.h"
#include "../bpf/shared/datapath.h"
#include "bpf/objects.h"
#include "bpf/sys.h"
#include "node/datapath.h"

enum { FEW_BUCKETS = 64 };

static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "pins: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static unsigned int number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	if (end == text || *end)
		die(text, "no number");
	return (unsigned int)n;
}

static unsigned int index_of(const char *name)
{
	unsigned int index = *name == '#' ? number(name + 1) : if_nametoindex(name);

	if (!index)
		die(name, "no interface");
	return index;
}

static union address address_of(const char *text)
{
	struct ipaddr ip;
	const char *wrong = ip_parse(&ip, text);

	if (wrong)
		die(text, wrong);
	return datapath_address(&ip);
}

static void mac_of(const char *text, uint8_t *out)
{
	struct mac mac;
	const char *wrong = mac_parse(&mac, text);

	if (wrong)
		die(text, wrong);
	memcpy(out, mac.bytes, sizeof(mac.bytes));
}

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int map(const char *name)
{
	char path[128];
	struct err e = {};
	int fd;

	(void)snprintf(path, sizeof(path), EDGEWAY_PINS "/%s", name);
	fd = bpf_pinned(path, &e);
	if (fd < 0)
		die(path, e.msg);
	return fd;
}

static void put(const char *name, const void *key, const void *value)
{
	_cleanup_(fd_closep) int fd = map(name);
	struct err e = {};

	if (bpf_map_put(fd, key, value, 0, &e) < 0)
		die(name, e.msg);
}

static void get(const char *name, const void *key, void *value)
{
	_cleanup_(fd_closep) int fd = map(name);
	struct err e = {};

	if (bpf_map_get(fd, key, value, 0, &e) < 0)
		die(name, e.msg);
}

static void pin(const char *name, int fd)
{
	char path[128];

	(void)snprintf(path, sizeof(path), EDGEWAY_PINS "/%s", name);
	object_pin(fd, path);
	close(fd);
}

static void make(void)
{
	static const char *const programs[] = {"progs/from_pod", "progs/to_pod",
					       "progs/from_uplink", "progs/to_uplink"};
	const struct about about = {.build = 0xfeed,
				    .loads = 1,
				    .ct_bucket_size = sizeof(struct ct_bucket),
				    .ct_entries_at = offsetof(struct ct_bucket, entries),
				    .ct_entry_size = sizeof(struct ct_entry),
				    .ct_ways = CT_WAYS,
				    .ct_buckets = FEW_BUCKETS};
	uint32_t key = 0;

	pin(MAP_ABOUT, object_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct about), 1));
	pin(MAP_SETTINGS, object_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct settings), 1));
	pin(MAP_EPOCH, object_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(uint32_t), 1));
	pin(MAP_ENDPOINTS, object_map(BPF_MAP_TYPE_HASH, sizeof(union address),
				      sizeof(struct endpoint), ENDPOINTS_MAX));
	pin(MAP_INTERFACES,
	    object_map(BPF_MAP_TYPE_HASH, 4, sizeof(struct interface), INTERFACES_MAX));
	pin(MAP_CONNTRACK, object_locked_array(sizeof(struct ct_bucket), FEW_BUCKETS));
	pin(MAP_FRAGMENTS, object_map(BPF_MAP_TYPE_LRU_HASH, sizeof(struct fragment_key),
				      sizeof(struct fragment), FRAGMENTS_MAX));
	pin(MAP_COUNTERS,
	    object_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct counter), COUNTERS_MAX));
	pin(MAP_DROPS, object_map(BPF_MAP_TYPE_LRU_HASH, sizeof(struct drop_key),
				  sizeof(struct drop_count), DROPS_MAX));
	pin(MAP_EVENTS, object_map(BPF_MAP_TYPE_RINGBUF, 0, 0, EVENTS_BYTES));
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		pin(programs[i], object_program());
	put(MAP_ABOUT, &key, &about);
}

static void interface(char **a)
{
	uint32_t index = index_of(a[0]);
	struct interface value = {.flags = a[2] ? number(a[2]) : 0};

	mac_of(a[1], value.mac);
	put(MAP_INTERFACES, &index, &value);
}

static void endpoint(char **a)
{
	union address key = address_of(a[0]);
	struct endpoint value = {.ifindex = index_of(a[1]), .flags = a[3] ? number(a[3]) : 0};

	if (a[3] && a[4])
		value.since = CT_TICKS(now_ns()) - (number(a[4]) << 4);

	mac_of(a[2], value.mac);
	put(MAP_ENDPOINTS, &key, &value);
}

static void attach(char **a)
{
	struct datapath d = DATAPATH_CLOSED;
	struct err e = {};
	struct nl *nl = nl_open(NETLINK_ROUTE, &e);

	if (!nl || datapath_find(&d, &e) < 0 ||
	    datapath_attach_pod(&d, nl, (int)index_of(a[0]), &e) < 0)
		die(a[0], e.msg);
	datapath_close(&d);
	nl_closep(&nl);
}

/** In any place: who reads all of them does not look where. */
static void connection(char **a)
{
	uint64_t now = now_ns();
	struct ct_bucket bucket;
	uint32_t i, key = number(a[2]) % FEW_BUCKETS;

	get(MAP_CONNTRACK, &key, &bucket);
	for (i = 0; i < CT_WAYS && bucket.tags[i]; i++)
		;
	if (i == CT_WAYS)
		die(a[2], "the bucket is full");
	bucket.tags[i] = 1;
	bucket.entries[i] = (struct ct_entry){
		.tuple = {.low = address_of(a[1]),
			  .high = address_of(a[3]),
			  .low_port = htons((uint16_t)number(a[2])),
			  .high_port = htons((uint16_t)number(a[4])),
			  .proto = (uint8_t)number(a[0])},
		.flags = number(a[5]),
		.created = CT_TICKS(now) - (number(a[6]) << 4),
		.seen = CT_SECONDS(now) - number(a[7]),
	};
	put(MAP_CONNTRACK, &key, &bucket);
}

static void drop(char **a)
{
	struct drop_key key = {.ifindex = index_of(a[0]),
			       .reason = (uint16_t)number(a[1]),
			       .dir = (uint16_t)number(a[2])};
	struct drop_count value = {
		.packets = number(a[3]), .bytes = 100UL * number(a[3]), .last = now_ns()};

	put(MAP_DROPS, &key, &value);
}

static void count(char **a)
{
	uint32_t cpu = number(a[0]), key = COUNTER(number(a[1]), number(a[2]));
	struct counter *values;
	unsigned int cpus;
	struct err e = {};

	if (bpf_cpus(&cpus, &e) < 0 || cpu >= cpus)
		die(a[0], "no such CPU");
	values = calloc(cpus, sizeof(*values));
	if (!values)
		die(a[0], "out of memory");
	get(MAP_COUNTERS, &key, values);
	values[cpu] = (struct counter){.packets = number(a[3]), .bytes = 100UL * number(a[3])};
	put(MAP_COUNTERS, &key, values);
	free(values);
}

static void event(char **a)
{
	_cleanup_(fd_closep) int fd = map(MAP_EVENTS);
	const struct event value = {
		.time = now_ns(),
		.kind = !strcmp(a[0], "drop") ? EVENT_DROPS : EVENT_FLOWS,
		.ifindex = index_of(a[1]),
		.src = address_of(a[2]),
		.sport = htons((uint16_t)number(a[3])),
		.dst = address_of(a[4]),
		.dport = htons((uint16_t)number(a[5])),
		.proto = (uint8_t)number(a[6]),
		.what = (uint8_t)number(a[7]),
		.dir = (uint8_t)number(a[8]),
		.lost = number(a[9]),
		.tcp_flags = 2,
		.len = 60,
	};

	object_ring_put(fd, &value, sizeof(value));
}

static void settings(void)
{
	struct settings value;
	uint32_t key = 0;

	get(MAP_SETTINGS, &key, &value);
	(void)printf("%u %u\n", value.events, value.events_per_second);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (!strcmp(verb, "make"))
		make();
	else if (!strcmp(verb, "interface") && argc >= 4)
		interface(argv + 2);
	else if (!strcmp(verb, "endpoint") && argc >= 5)
		endpoint(argv + 2);
	else if (!strcmp(verb, "attach") && argc == 3)
		attach(argv + 2);
	else if (!strcmp(verb, "connection") && argc == 10)
		connection(argv + 2);
	else if (!strcmp(verb, "drop") && argc == 6)
		drop(argv + 2);
	else if (!strcmp(verb, "count") && argc == 6)
		count(argv + 2);
	else if (!strcmp(verb, "event") && argc == 12)
		event(argv + 2);
	else if (!strcmp(verb, "settings"))
		settings();
	else
		die(verb, "no such verb, or too few words behind it");
	return EXIT_SUCCESS;
}
