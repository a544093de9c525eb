/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

#include <linux/types.h>

/**
 * What the programs and user space share: the pinned maps, by name, and what is in them. A map's
 * name ends in the version of its layout; whoever changes a layout in a way that the old programs
 * would misread gives it the next number. Using what was padding needs none.
 */
#define EDGEWAY_PINS "/sys/fs/bpf/edgeway"

#define MAP_ABOUT      "about_v1"
#define MAP_SETTINGS   "settings_v1"
#define MAP_ENDPOINTS  "endpoints_v1"
#define MAP_INTERFACES "interfaces_v1"
#define MAP_CONNTRACK  "conntrack_v1"
#define MAP_FRAGMENTS  "fragments_v1"
#define MAP_COUNTERS   "counters_v1"
#define MAP_DROPS      "drops_v1"
#define MAP_EPOCH      "epoch_v1"
#define MAP_EVENTS     "events_v1"

/** An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
union address {
	__u8 bytes[16];
	__u32 words[4];
	__u64 halves[2];
};

enum { ENDPOINTS_MAX = 4096, INTERFACES_MAX = 2048 };

enum endpoint_flags {
	/** Nothing is let in or out but what the node itself says, and answers: no policy is known.
	 */
	ENDPOINT_ISOLATED = 1 << 0,

	/** A port of a bridge, set up by another plugin: frames between its ports are its own. */
	ENDPOINT_CHAINED = 1 << 1,
};

/** MAP_ENDPOINTS, hash: by each address of a pod, where the pod is. */
struct endpoint {
	__u32 ifindex;    ///< the node's end of its pair
	__u32 flags;      ///< enum endpoint_flags
	__u8 mac[6];      ///< the pod's
	__u8 node_mac[6]; ///< what the pod takes for its gateway's
	__u32 since;      ///< CT_TICKS: connections of before were another pod's
};

/** MAP_INTERFACES, hash: by ifindex of the node's end, whose it is. */
struct interface {
	__u32 flags; ///< enum endpoint_flags
	__u8 mac[6]; ///< the pod's
	__u8 pad[6];
};

/**
 * MAP_EPOCH, array of one __u32: another value after each change of endpoints and interfaces, from
 * whoever changes them. Connections remember where their ends are, but only within an epoch.
 */

/** MAP_SETTINGS, array of one: what may change while the programs run. */
struct settings {
	__u32 events;            ///< EVENT_FLOWS, EVENT_DROPS: who listens wants
	__u32 events_per_second; ///< of each kind and CPU, at most; what is above is counted as
				 ///< lost
};

/** MAP_COUNTERS, per-CPU array by COUNTER(reason, direction): sums since they were loaded. */
enum direction { DIR_OUT_OF_POD, DIR_INTO_POD, DIR_FROM_UPLINK, DIR_TO_UPLINK, DIR_MAX };
#define COUNTER(reason, dir) ((__u32)(reason)*DIR_MAX + (dir))
#define COUNTERS_MAX         (64 * DIR_MAX)
struct counter {
	__u64 packets, bytes;
};

/** MAP_DROPS, LRU hash: what was dropped of whom. */
enum { DROPS_MAX = 4096 };
struct drop_key {
	__u32 ifindex;
	__u16 reason; ///< enum drop_reason
	__u16 dir;    ///< enum direction
};
struct drop_count {
	__u64 packets, bytes;
	__u64 last; ///< CLOCK_MONOTONIC, ns
};

/** MAP_FRAGMENTS, LRU hash: the ports of datagrams whose later fragments have none. */
enum { FRAGMENTS_MAX = 4096 };
struct fragment_key {
	union address src, dst;
	__u32 id; ///< of the datagram, as it is in the header
	__u32 proto;
};
struct fragment {
	__be16 sport, dport;
};

/** MAP_EVENTS, ring buffer. */
enum { EVENTS_BYTES = 256 * 1024 };
enum event_kind { EVENT_FLOWS = 1 << 0, EVENT_DROPS = 1 << 1 };
enum flow_event { FLOW_NEW, FLOW_REPLIED, FLOW_GOES_ON, FLOW_CLOSED };
struct event {
	__u64 time; ///< CLOCK_MONOTONIC, ns
	__u32 kind; ///< one of enum event_kind
	__u32 ifindex;
	union address src, dst;
	__be16 sport, dport; ///< ICMP: type and code in a drop, the identifier in a flow
	__u8 proto;
	__u8 what;      ///< enum drop_reason, or enum flow_event
	__u8 dir;       ///< enum direction
	__u8 tcp_flags; ///< as in the header's 14th octet
	__u32 len;
	__u32 lost;  ///< how many of this CPU were not reported before this one
	__u32 flags; ///< of the connection: enum ct_flags
};

/** MAP_ABOUT, array of one: what is loaded. Written by the loader alone. */
struct about {
	__u64 build; ///< hash of the object that the programs come from
	__u32 loads; ///< how often something was loaded since boot
	__u32 ct_bucket_size, ct_entries_at, ct_entry_size, ct_ways, ct_buckets;
	__u64 ct_seed; ///< of the connection table's hash
};
