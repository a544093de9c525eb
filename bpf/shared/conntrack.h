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
	CT_HIGH_BEGAN = 1 << 0, ///< the one of whom the first packet came is `high`
	CT_STACK = 1 << 1,      ///< its first packet went through the node's stack, so all do
	CT_REPLIED = 1 << 2,    ///< both have spoken
	CT_LOW_FIN = 1 << 3,
	CT_HIGH_FIN = 1 << 4,
	CT_RESET = 1 << 5,
	CT_PICKED_UP = 1 << 6, ///< TCP that was under way when it was first seen
	CT_CONFIRMED = 1 << 7, ///< TCP: the handshake is complete
	CT_NODE = 1 << 8,      ///< one end is the node itself
};

/** Where an end of a connection is, if it is a pod. */
struct ct_end {
	__u32 ifindex; ///< of the node's end of its pair; 0: not known
	__u8 mac[6];   ///< the pod's
	__u8 pad[2];
};

/** Append only, in what is padding or behind it: an upgrade copies entries as far as both know
 * them. */
struct ct_entry {
	struct ct_tuple tuple;
	__u32 seen;            ///< of the last packet, CT_SECONDS
	__u32 flags;           ///< enum ct_flags
	__u32 uplink;          ///< the uplink that it came by without the stack, or 0
	__u32 created;         ///< CT_TICKS
	__u32 reported;        ///< to who listens, CT_SECONDS
	__u32 epoch;           ///< in which `ends` holds
	struct ct_end ends[2]; ///< low and high
	__u32 looked;          ///< when all of it was looked at last, CT_GLANCES
	__u32 pad;
#ifdef CT_SPARE // another layout, to test how an upgrade to one goes
	__u8 spare[CT_SPARE];
#endif
};

/** Of 1.07 s, as is cheap to compute; wraps after 146 years. */
#define CT_SECONDS(ns) ((__u32)((ns) >> 30))
#define CT_TICKS(ns)   ((__u32)((ns) >> 26)) ///< of 67 ms; wraps after 9 years

/** Of 128 ticks of the kernel's clock, whatever it goes by: 0.1 to 1.3 s. */
#define CT_GLANCES(jiffies) ((__u32)((jiffies) >> 7))

/** MAP_CONNTRACK, array. A tag is part of the hash, never 0; 0 is a free place. */
struct ct_bucket {
	struct bpf_spin_lock lock; ///< of whoever changes more than `seen`
	__u32 tags[CT_WAYS];
	__u32 pad[7];
	struct ct_entry entries[CT_WAYS];
};

/**
 * The hash of a tuple: both buckets and the tag are bits of it. @seed keeps who sends from aiming
 * at one bucket. Multiply and shift by the constants of MurmurHash3's finalizer.
 */
static inline __u64 ct_hash(const struct ct_tuple *t, __u64 seed)
{
	const __u64 words[] = {t->low.halves[0], t->high.halves[0], // of IPv4 known beforehand
			       t->low.halves[1], t->high.halves[1],
			       (__u64)t->low_port << 32 | (__u64)t->high_port << 16 | t->proto};
	__u64 h = seed;

	for (int i = 0; i < 5; i++) {
		h = (h ^ words[i]) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
	}
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 29;
}

static inline __u32 ct_first_bucket(__u64 hash, __u32 mask)
{
	return (__u32)hash & mask;
}

static inline __u32 ct_second_bucket(__u64 hash, __u32 mask)
{
	return (__u32)(hash >> 20) & mask;
}

static inline __u32 ct_tag(__u64 hash)
{
	return (__u32)(hash >> 32) | 1;
}

/** How long an entry is kept after its last packet, in CT_SECONDS: no shorter than by the kernel.
 */
static inline __u32 ct_lifetime(__u32 flags, __u8 proto)
{
	switch (proto) {
	case 6: // TCP
		if (flags & CT_RESET)
			return 10;
		return flags & CT_CONFIRMED && !(flags & (CT_LOW_FIN | CT_HIGH_FIN)) ? 402400 : 120;
	case 132: // SCTP
		return flags & CT_REPLIED ? 600 : 60;
	default:
		return flags & CT_REPLIED ? 180 : 60;
	}
}
