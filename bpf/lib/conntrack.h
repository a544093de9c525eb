/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/**
 * The connection table. Looking up takes no lock; whoever changes more of an entry than when it was
 * last seen holds its bucket's, and finds out under it whether the place is still what it was.
 */
#include "lib/report.h"

enum { CT_IDLE = 56 }; ///< CT_SECONDS, a minute: after that an answered flow may make room
enum { CT_INSERT_TRIES = 3 };
enum { CT_REPORT_EVERY = 5 }; ///< CT_SECONDS

/** A packet's flow. No hole in it, as global functions want: all that is global here is so because
 * the verifier looks into such once, not once for each way to them. */
struct ct_key {
	struct ct_tuple tuple;
	__u64 hash;
	__u32 now, ticks; ///< CT_SECONDS and CT_TICKS
	__u32 from_high;  ///< whether the sender is the tuple's `high`
	__u32 stale;      ///< whether there is an entry, of an earlier life
};

static __always_inline bool ct_same(const struct ct_tuple *a, const struct ct_tuple *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3] && x[4] == y[4];
}

/** Whether @a is above @b, without a branch: the borrow of b - a. */
static __always_inline __u64 ct_above(__u64 a, __u64 b)
{
	return ((~b & a) | ((~b | a) & (b - a))) >> 63;
}

/**
 * The tuple of @p's flow; whether the sender is its `high`. Packets go to and fro, so branches
 * would be taken by turns, and guessed wrong by the CPU. Exchanged is what a mask is laid on.
 */
static __always_inline bool ct_tuple_of(struct ct_tuple *t, const struct packet *p)
{
	const __u64 *src = p->src.halves, *dst = p->dst.halves;
	__u64 from_high = ct_above(src[1], dst[1]), mask;

	if (src[1] == dst[1]) // hardly ever
		from_high = src[0] != dst[0] ? src[0] > dst[0] : p->sport > p->dport;
	mask = -from_high;
	barrier_var(mask); // or the compiler makes branches of it
	*t = (struct ct_tuple){.proto = p->proto};
	for (int i = 0; i < 2; i++) {
		__u64 other = (src[i] ^ dst[i]) & mask;

		t->low.halves[i] = src[i] ^ other;
		t->high.halves[i] = dst[i] ^ other;
	}
	t->low_port = p->sport ^ ((p->sport ^ p->dport) & mask);
	t->high_port = p->dport ^ ((p->sport ^ p->dport) & mask);
	return from_high;
}

static __always_inline void ct_key_now(struct ct_key *key)
{
	__u64 time = bpf_ktime_get_coarse_ns();

	key->now = CT_SECONDS(time);
	key->ticks = CT_TICKS(time);
}

static __noinline void ct_key_of(struct ct_key *key, const struct packet *p)
{
	key->from_high = ct_tuple_of(&key->tuple, p);
	key->hash = ct_hash(&key->tuple, ct_seed);
	key->stale = false;
	ct_key_now(key);
}

static __always_inline struct ct_bucket *ct_bucket_at(__u32 index)
{
	return bpf_map_lookup_elem(&conntrack, &index);
}

static __always_inline struct ct_entry *ct_search(struct ct_bucket *b, const struct ct_key *key)
{
	__u32 tag = ct_tag(key->hash);

#pragma unroll
	for (int i = 0; i < CT_WAYS; i++)
		if (b->tags[i] == tag && ct_same(&b->entries[i].tuple, &key->tuple))
			return &b->entries[i];
	return NULL;
}

/** Find the entry of @key, dead or alive. */
static __noinline struct ct_entry *ct_find(const struct ct_key *key)
{
	struct ct_bucket *b = ct_bucket_at(ct_first_bucket(key->hash, ct_mask));
	struct ct_entry *e = b ? ct_search(b, key) : NULL;

	if (e)
		return e;
	b = ct_bucket_at(ct_second_bucket(key->hash, ct_mask));
	return b ? ct_search(b, key) : NULL;
}

/** What becomes of an entry. */
struct ct_change {
	__u32 set;             ///< of the flags
	__u32 uplink;          ///< of a flow that begins
	__u32 renew;           ///< nothing is kept: a flow begins
	__u32 epoch;           ///< if not 0, what follows is true in it
	struct ct_end ends[2]; ///< low and high; without an ifindex as it was
};

static __always_inline __u32 current_epoch(void)
{
	const __u32 *now = bpf_map_lookup_elem(&epoch, &(__u32){0});

	return now ? *now : 0;
}

/**
 * What is read before is read before what is read behind. BPF has no barrier but atomic operations
 * that return what was there; of adding nothing the compiler makes one that does not.
 */
static __always_inline void keep_order(void)
{
	__u32 nothing = 0;

	if (reads_overtake)
		__sync_lock_test_and_set(&nothing, 0);
	barrier();
}

/** The epoch, read before whatever is to hold in it. */
static __always_inline __u32 epoch_before(void)
{
	__u32 now = current_epoch();

	keep_order();
	return now;
}

/** In @change, the pod at one end: the sender's, or the receiver's. */
static __always_inline void ct_end_is(struct ct_change *change, bool high,
				      const struct endpoint *at)
{
	struct ct_end *end = high ? &change->ends[1] : &change->ends[0];

	end->ifindex = at->ifindex;
	__builtin_memcpy(end->mac, at->mac, sizeof(end->mac));
}

/** Under the lock, or before anybody sees it. */
static __always_inline void ct_remember_in(struct ct_entry *e, const struct ct_change *change)
{
	bool other = e->epoch != change->epoch;

	__sync_lock_test_and_set(&e->epoch, 0); // a barrier, too: nobody believes what follows yet
	if (other || change->ends[0].ifindex)
		e->ends[0] = change->ends[0];
	if (other || change->ends[1].ifindex)
		e->ends[1] = change->ends[1];
	__sync_lock_test_and_set(&e->epoch, change->epoch);
}

/** Under the lock of its bucket, so the place is still the flow's. False if it is not any more. */
static __always_inline bool ct_change_in(struct ct_bucket *b, const struct ct_key *key,
					 const struct ct_change *change)
{
	__u32 tag = ct_tag(key->hash), ticks = key->ticks;
	bool done = false;

	bpf_spin_lock(&b->lock);
#pragma unroll
	for (int i = 0; i < CT_WAYS; i++) {
		struct ct_entry *e = &b->entries[i];

		if (done || b->tags[i] != tag || !ct_same(&e->tuple, &key->tuple))
			continue;
		done = true;
		if (change->renew) {
			e->flags = change->set;
			e->uplink = change->uplink;
			e->created = ticks;
			e->reported = key->now;
			e->seen = key->now;
		} else {
			e->flags |= change->set;
		}
		if (change->epoch)
			ct_remember_in(e, change);
	}
	bpf_spin_unlock(&b->lock);
	return done;
}

/** Whether @e would become another by @change, of a flow that does not begin. */
static __always_inline bool ct_is_news(const struct ct_entry *e, const struct ct_change *change)
{
	return change->set & ~e->flags || e->epoch != change->epoch ||
	       (change->ends[0].ifindex && !e->ends[0].ifindex) ||
	       (change->ends[1].ifindex && !e->ends[1].ifindex);
}

/** Returns 1, or 0 if there is no such flow any more. */
__noinline int ct_apply(const struct ct_key *key, const struct ct_change *change)
{
	struct ct_bucket *b;

	if (!key || !change)
		return 0;
	b = ct_bucket_at(ct_first_bucket(key->hash, ct_mask));

	if (b && ct_change_in(b, key, change))
		return 1;
	b = ct_bucket_at(ct_second_bucket(key->hash, ct_mask));
	return b && ct_change_in(b, key, change);
}

enum { WORTH_FREE = 0, WORTH_EXPIRED = 1, WORTH_CLASS = 28 };
#define WORTH_KEEP (~0U)

/**
 * How much is lost with what is in a place; the least is taken. What is alive is not: answered and
 * seen within the last minute.
 */
__noinline __u32 ct_worth(__u32 flags, __u32 proto, __u32 idle)
{
	__u32 class;

	if ((int)idle < 0) // of another CPU, a moment ahead
		idle = 0;
	if (idle > ct_lifetime(flags, proto))
		return WORTH_EXPIRED;
	if (idle >= 2 && !(flags & (CT_REPLIED | CT_CONFIRMED)))
		class = 1;
	else if (flags & (CT_RESET | CT_LOW_FIN | CT_HIGH_FIN))
		class = 2;
	else if (idle >= CT_IDLE && flags & CT_STACK)
		class = 3; // the stack knows it, too, and it is taken up again
	else if (!(flags & (CT_REPLIED | CT_CONFIRMED)))
		class = 4; // only just begun: a flood displaces itself
	else if (idle >= CT_IDLE)
		class = 5;
	else
		return WORTH_KEEP;
	return class << WORTH_CLASS | ((1U << WORTH_CLASS) - 1 - (idle & 0xfffffff));
}

/** The place of least worth in a bucket. */
struct ct_victim {
	__u32 slot, tag, seen, worth, free;
};

__noinline int ct_choose(__u32 index, __u32 now, struct ct_victim *v)
{
	const struct ct_bucket *b = ct_bucket_at(index);

	if (!v)
		return 0;
	*v = (struct ct_victim){.worth = WORTH_KEEP};
	if (!b)
		return 0;
	for (int i = 0; i < CT_WAYS; i++) {
		const struct ct_entry *e = &b->entries[i];
		__u32 tag = b->tags[i], seen = e->seen;
		__u32 worth = tag ? ct_worth(e->flags, e->tuple.proto, now - seen) : WORTH_FREE;

		v->free += worth == WORTH_FREE;
		if (worth >= v->worth)
			continue;
		v->slot = i;
		v->tag = tag;
		v->seen = seen;
		v->worth = worth;
	}
	return 0;
}

/** Put @new where @v is, unless somebody has used that place meanwhile. */
static __always_inline bool ct_replace(__u32 index, const struct ct_victim *v, __u32 tag,
				       const struct ct_entry *new)
{
	struct ct_bucket *b = ct_bucket_at(index);
	__u32 slot = v->slot;
	bool done = false;

	if (!b || slot >= CT_WAYS)
		return false;
	bpf_spin_lock(&b->lock);
	if (b->tags[slot] == v->tag && b->entries[slot].seen == v->seen) {
		// Barriers, too: whoever looks for the old one must not find half of the new.
		__sync_lock_test_and_set(&b->tags[slot], 0);
		b->entries[slot] = *new;
		__sync_lock_test_and_set(&b->tags[slot], tag);
		done = true;
	}
	bpf_spin_unlock(&b->lock);
	return done;
}

/** Put in a flow that is not there. Returns 1, or 0 if no place may be had. */
__noinline int ct_insert(const struct ct_key *key, const struct ct_entry *new)
{
	__u32 first, second;

	if (!key || !new)
		return 0;
	first = ct_first_bucket(key->hash, ct_mask);
	second = ct_second_bucket(key->hash, ct_mask);
	for (int i = 0; i < CT_INSERT_TRIES; i++) {
		struct ct_victim a = {}, b = {};
		bool in_second;

		ct_choose(first, key->now, &a);
		if (a.worth == WORTH_FREE && a.free > CT_WAYS / 2) {
			in_second = false; // nearly always
		} else {
			ct_choose(second, key->now, &b);
			in_second = b.free > a.free || (!a.free && b.worth < a.worth);
		}
		if ((in_second ? b.worth : a.worth) == WORTH_KEEP)
			return 0;
		if (ct_replace(in_second ? second : first, in_second ? &b : &a, ct_tag(key->hash),
			       new))
			return 1;
	}
	return 0;
}

/** The entry of a packet's flow, or NULL: none, or its time is over. */
static __always_inline struct ct_entry *ct_lookup(struct ct_key *key, const struct packet *p)
{
	struct ct_entry *e = ct_find(key);
	__u32 flags;

	if (!e)
		return NULL;
	flags = e->flags;
	if (key->now != e->seen && key->now - e->seen > ct_lifetime(flags, p->proto) &&
	    (int)(key->now - e->seen) > 0)
		key->stale = true;
	else if ((p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
		 flags & (CT_RESET | CT_LOW_FIN | CT_HIGH_FIN))
		key->stale = true; // the port is used again
	return key->stale ? NULL : e;
}

/** Whether the packet may begin a flow: of TCP only a SYN does, anything else is picked up. */
static __always_inline bool ct_begins(const struct packet *p)
{
	return p->proto != IPPROTO_TCP || (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

static __always_inline void tell(struct __sk_buff *skb, const struct packet *p, enum direction dir,
				 enum flow_event what, __u32 flags)
{
	struct occasion o = {EVENT_FLOWS, what, dir, flags};

	if (events_wanted() & EVENT_FLOWS)
		send_event(skb, p, &o);
}

/** Where a new entry is put together: there is no room on the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ct_entry);
} new_entries SEC(".maps");

/** A flow begins with this packet, as @change says. False if there is no place for it. */
static __always_inline bool ct_open(struct __sk_buff *skb, const struct packet *p,
				    const struct ct_key *key, enum direction dir,
				    struct ct_change *change)
{
	change->renew = true;
	change->set |= key->from_high ? CT_HIGH_BEGAN : 0;
	change->set |= ct_begins(p) ? 0 : CT_PICKED_UP;
	if (key->stale) {
		if (!ct_apply(key, change))
			return false;
	} else {
		struct ct_entry *new = bpf_map_lookup_elem(&new_entries, &(__u32){0});

		if (!new)
			return false;
		new->tuple = key->tuple;
		new->seen = new->reported = key->now;
		new->flags = change->set;
		new->uplink = change->uplink;
		new->created = key->ticks;
		new->epoch = change->epoch;
		new->looked = CT_GLANCES(bpf_jiffies64());
		new->ends[0] = change->ends[0];
		new->ends[1] = change->ends[1];
		if (!ct_insert(key, new))
			return false;
	}
	tell(skb, p, dir, FLOW_NEW, change->set);
	return true;
}

/** What the packet changes in its flow. */
static __always_inline __u32 ct_news(const struct packet *p, bool from_high, __u32 flags)
{
	bool reply = from_high != !!(flags & CT_HIGH_BEGAN);
	__u32 set = reply ? CT_REPLIED : 0;

	if (p->proto != IPPROTO_TCP || p->flags & PACKET_LATER)
		return set & ~flags;
	if (p->tcp_flags & TCP_FIN)
		set |= from_high ? CT_HIGH_FIN : CT_LOW_FIN;
	if (p->tcp_flags & TCP_RST)
		set |= CT_RESET;
	if (flags & CT_PICKED_UP)
		set |= (flags | set) & CT_REPLIED ? CT_CONFIRMED : 0;
	else if (flags & CT_REPLIED && !reply && !(p->tcp_flags & TCP_SYN))
		set |= CT_CONFIRMED;
	return set & ~flags;
}

__noinline int ct_changed(struct __sk_buff *skb, const struct packet *p, const struct ct_key *key,
			  __u32 set_and_dir)
{
	enum direction dir = set_and_dir >> 16;
	struct ct_change change = {.set = set_and_dir & 0xffff};

	if (!p || !key)
		return 0;
	ct_apply(key, &change);
	if (change.set & (CT_RESET | CT_LOW_FIN | CT_HIGH_FIN))
		tell(skb, p, dir, FLOW_CLOSED, change.set);
	else if (change.set & CT_REPLIED)
		tell(skb, p, dir, FLOW_REPLIED, change.set);
	return 0;
}

/** A packet of a known flow has come by. */
static __always_inline void ct_track(struct __sk_buff *skb, const struct packet *p,
				     const struct ct_key *key, struct ct_entry *e,
				     enum direction dir)
{
	__u32 set = ct_news(p, key->from_high, e->flags);
	__u32 looked = CT_GLANCES(bpf_jiffies64());

	if (set)
		ct_changed(skb, p, key, set | (__u32)dir << 16);
	if (e->looked != looked)
		e->looked = looked;
	if (e->seen == key->now)
		return; // a write that nobody needs would cost another CPU its copy
	e->seen = key->now;
	if (events_wanted() & EVENT_FLOWS && key->now - e->reported >= CT_REPORT_EVERY) {
		e->reported = key->now;
		tell(skb, p, dir, FLOW_GOES_ON, e->flags);
	}
}
