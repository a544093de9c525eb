/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#include "datapath.h"

/**
 * Connections. One entry serves both directions and both ends: a tuple is kept with the lower end
 * first. A flow may be in two buckets of CT_WAYS places each; in a full one the least worth keeping
 * makes room: what has expired, then what nobody has answered, then what is closing.
 */
enum { CT_WAYS = 8, CT_BUCKETS = 8192 };

/** An end: address and port, of ICMP the identifier, of other protocols 0. */
struct ct_tuple {
	union address low, high;
	__be16 low_port, high_port;
	__u8 proto;
	__u8 pad[3];
};

enum ct_flags {
	CT_HIGH_BEGAN = 1 << 0,	 ///< the one of whom the first packet came is `high`
	CT_STACK = 1 << 1,	 ///< its first packet went through the node's stack, so all do
	CT_REPLIED = 1 << 2,	 ///< both have spoken
	CT_LOW_FIN = 1 << 3,
	CT_HIGH_FIN = 1 << 4,
	CT_RESET = 1 << 5,
	CT_PICKED_UP = 1 << 6,	 ///< TCP that was under way when it was first seen
	CT_CONFIRMED = 1 << 7,	 ///< TCP: the handshake is complete
	CT_NODE = 1 << 8,	 ///< one end is the node itself
};

/** Append only, in what is padding or behind it: an upgrade copies entries as far as both know them. */
struct ct_entry {
	struct ct_tuple tuple;
	__u32 seen;    ///< of the last packet: CT_SECONDS(ns), which wraps after 146 years
	__u32 flags;   ///< enum ct_flags
	__u32 uplink;  ///< the uplink it came by without the stack, or 0
	__u32 created; ///< CT_SECONDS
	__u32 reported; ///< to who listens, CT_SECONDS
	__u32 pad;
};

#define CT_SECONDS(ns) ((__u32)((ns) >> 30)) ///< of 1.07 s

/** MAP_CONNTRACK, array. A tag is part of the hash, never 0; 0 is a free place. */
struct ct_bucket {
	struct bpf_spin_lock lock; ///< of whoever changes more than `seen`
	__u32 tags[CT_WAYS];
	__u32 pad[7];
	struct ct_entry entries[CT_WAYS];
};

/** How long an entry is kept after its last packet, in CT_SECONDS: no shorter than the kernel's. */
static inline __u32 ct_lifetime(__u32 flags, __u8 proto)
{
	if (proto == 6) {
		if (flags & CT_RESET)
			return 10;
		if ((flags & (CT_LOW_FIN | CT_HIGH_FIN)) == (CT_LOW_FIN | CT_HIGH_FIN))
			return 120;
		if (flags & (CT_LOW_FIN | CT_HIGH_FIN))
			return 120;
		return flags & CT_CONFIRMED ? 7200 : 120;
	}
	if (proto == 132)
		return flags & CT_REPLIED ? 600 : 60;
	return flags & CT_REPLIED ? 180 : 60;
}
