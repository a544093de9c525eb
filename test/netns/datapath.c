// SPDX-License-Identifier: Apache-2.0
// datapath - what a plugin does with the eBPF data path, without a plugin:
//
//	open LOADER                                 load it if need be
//	attach LOADER INTERFACE ADDRESS MAC         set up a pod
//	detach INTERFACE                            and forget it
//	uplink LOADER INTERFACE
//	filter INTERFACE ingress|egress PROGRAM     attach what is pinned, of whatever build
//	attached INTERFACE                          exit status: by what is pinned now?
//	connect N                                   make up N connections
//	connections                                 list them, a line each
//	drops                                       "INTERFACE DIRECTION REASON PACKETS"
//	ids                                         of what is pinned, a line each
#include <arpa/inet.h>

#include <dirent.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../bpf/shared/conntrack.h"
#include "../bpf/shared/drop.h"
#include "bpf/sys.h"
#include "netlink/filter.h"
#include "node/datapath.h"

static struct err e;

static void die(void)
{
	(void)fprintf(stderr, "%s\n%s\n", e.msg, e.details);
	exit(EXIT_FAILURE);
}

static int ifindex(const char *name)
{
	int index = (int)if_nametoindex(name);

	if (!index) {
		(void)err_set(&e, ERR_CONFIG, "no interface %s", name);
		die();
	}
	return index;
}

static void attach(const struct datapath *d, struct nl *nl, char *argv[])
{
	int index = ifindex(argv[0]);
	struct endpoint endpoint = {.ifindex = (uint32_t)index};
	struct interface interface = {};
	struct ifreq ifr = {};
	struct ipaddr ip;
	struct mac mac;

	if (ip_parse(&ip, argv[1]) || mac_parse(&mac, argv[2]))
		exit(2);
	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", argv[0]);
	if (nl_ioctl(nl, SIOCGIFHWADDR, &ifr) < 0)
		exit(2);
	memcpy(endpoint.mac, mac.bytes, sizeof(endpoint.mac));
	memcpy(endpoint.node_mac, ifr.ifr_hwaddr.sa_data, sizeof(endpoint.node_mac));
	memcpy(interface.mac, mac.bytes, sizeof(interface.mac));
	if (datapath_put_interface(d, index, &interface, &e) < 0 ||
	    datapath_put_endpoint(d, &ip, &endpoint, &e) < 0 ||
	    datapath_attach_pod(d, nl, index, &e) < 0)
		die();
}

static int pinned(const char *name)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), EDGEWAY_PINS "/%s", name);
	fd = bpf_pinned(path, &e);
	if (fd < 0)
		die();
	return fd;
}

static void attach_pinned(struct nl *nl, char *argv[])
{
	char path[64], name[64];
	struct filter filter = {strcmp(argv[1], "egress") ? FILTER_INGRESS : FILTER_EGRESS, -1,
				name};

	(void)snprintf(path, sizeof(path), "progs/%s", argv[2]);
	(void)snprintf(name, sizeof(name), DATAPATH_FILTER "%s", argv[2]);
	filter.prog = pinned(path);
	if (filter_qdisc_add(nl, ifindex(argv[0]), &e) < 0 ||
	    filter_put(nl, ifindex(argv[0]), &filter, &e) < 0)
		die();
}

/** By the program that an upgrade carries connections over with. */
static void connect_many(int n)
{
	_cleanup_(fd_closep) int carry = pinned("progs/carry");
	unsigned char frame[2048] = {[12] = 8};
	struct ct_entry entry = {.tuple = {.proto = 17, .high_port = htons(53)}};
	struct timespec now;
	uint32_t verdict;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	entry.seen = CT_SECONDS((uint64_t)now.tv_sec * 1000000000);
	for (int i = 0; i < n; i++) {
		entry.tuple.low.words[3] = htonl(0x0a090000 + (uint32_t)i);
		entry.tuple.high.words[3] = htonl(0x0b090000);
		entry.tuple.low_port = htons((uint16_t)(1024 + i));
		entry.flags = CT_REPLIED | (i & 1 ? CT_STACK : 0);
		memcpy(frame + ETH_HLEN, &entry, sizeof(entry));
		// More than enough, zeros, for tables whose entries are longer.
		if (bpf_prog_run(carry, frame, ETH_HLEN + sizeof(entry) + 256, &verdict, &e) < 0)
			die();
		if (verdict != 0)
			(void)fprintf(stderr, "no place for connection %d\n", i);
	}
}

static void list_connections(void)
{
	_cleanup_(fd_closep) int about_fd = pinned(MAP_ABOUT), map = pinned(MAP_CONNTRACK);
	struct about about;
	char *bucket;

	if (bpf_map_get(about_fd, &(uint32_t){0}, &about, 0, &e) < 0)
		die();
	bucket = calloc(1, about.ct_bucket_size);
	for (uint32_t i = 0; bucket && i < about.ct_buckets; i++) {
		const struct ct_bucket *b = (void *)bucket;

		if (bpf_map_get(map, &i, bucket, 4 /* BPF_F_LOCK */, &e) < 0)
			die();
		for (uint32_t way = 0; way < about.ct_ways; way++) {
			const struct ct_entry *entry =
				(void *)(bucket + about.ct_entries_at + way * about.ct_entry_size);

			if (b->tags[way])
				(void)printf("%u:%u-%u:%u proto %u flags %#x seen %u\n",
					     ntohl(entry->tuple.low.words[3]),
					     ntohs(entry->tuple.low_port),
					     ntohl(entry->tuple.high.words[3]),
					     ntohs(entry->tuple.high_port), entry->tuple.proto,
					     entry->flags, entry->seen);
		}
	}
	free(bucket);
}

/** An interface that has gone is listed by its number. */
static void list_drops(void)
{
#define REASON_NAME(name, label, text) #name,
	static const char *const reasons[] = {DROP_REASONS(REASON_NAME)};
	static const char *const dirs[] = {"out_of_pod", "into_pod", "from_uplink", "to_uplink"};
	static struct drop_key keys[DROPS_MAX];
	static struct drop_count counts[DROPS_MAX];
	_cleanup_(fd_closep) int map = pinned(MAP_DROPS);
	struct bpf_map_shape shape;
	uint32_t n;

	if (bpf_map_shape(map, &shape, &e) < 0 ||
	    bpf_map_all(map, &shape, keys, counts, &n, &e) < 0)
		die();
	for (uint32_t i = 0; i < n; i++) {
		char name[IF_NAMESIZE];

		if (!if_indextoname(keys[i].ifindex, name))
			(void)snprintf(name, sizeof(name), "%u", keys[i].ifindex);
		(void)printf("%s %s %s %llu\n", name, dirs[keys[i].dir], reasons[keys[i].reason],
			     (unsigned long long)counts[i].packets);
	}
}

static void list_ids(const char *dir, bool progs)
{
	DIR *d = opendir(dir);
	const struct dirent *de;

	while (d && (de = readdir(d))) {
		struct bpf_map_shape shape = {};
		char path[512];
		int fd;

		if (de->d_type != DT_REG)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, de->d_name);
		fd = bpf_pinned(path, &e);
		if (fd < 0 ||
		    (progs ? bpf_prog_id(fd, &shape.id, &e) : bpf_map_shape(fd, &shape, &e)) < 0)
			die();
		(void)printf("%s %u\n", de->d_name, shape.id);
		close(fd);
	}
	if (d)
		closedir(d);
}

int main(int argc, char *argv[])
{
	_cleanup_(datapath_close) struct datapath d = DATAPATH_CLOSED;
	_cleanup_(nl_closep) struct nl *nl = nl_open(NETLINK_ROUTE, &e);
	const char *command = argc > 1 ? argv[1] : "";
	bool loads = !strcmp(command, "open") || !strcmp(command, "attach") ||
		     !strcmp(command, "uplink");
	bool finds = !strcmp(command, "attached") || !strcmp(command, "detach");
	bool good = false;

	if (!nl || (loads && datapath_open(&d, argv[2], &e) < 0) ||
	    (finds && datapath_find(&d, &e) < 0))
		die();
	if (!strcmp(command, "attach"))
		attach(&d, nl, argv + 3);
	else if (!strcmp(command, "uplink") &&
		 datapath_attach_uplink(&d, nl, ifindex(argv[3]), &e) < 0)
		die();
	else if (!strcmp(command, "detach") &&
		 (datapath_detach(nl, ifindex(argv[2]), &e) < 0 ||
		  datapath_forget_interface(&d, ifindex(argv[2]), &e) < 0))
		die();
	else if (!strcmp(command, "attached") &&
		 datapath_is_attached(&d, nl, ifindex(argv[2]), &good, &e) < 0)
		die();
	else if (!strcmp(command, "filter"))
		attach_pinned(nl, argv + 2);
	else if (!strcmp(command, "connect"))
		connect_many(atoi(argv[2]));
	else if (!strcmp(command, "connections"))
		list_connections();
	else if (!strcmp(command, "drops"))
		list_drops();
	else if (!strcmp(command, "ids")) {
		list_ids(EDGEWAY_PINS, false);
		list_ids(EDGEWAY_PINS "/progs", true);
	}
	return !strcmp(command, "attached") && !good;
}
