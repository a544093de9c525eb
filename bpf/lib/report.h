/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/** Who wants to know: counters always, events for who listens. */
#include "lib/packet.h"

/** Events of this CPU and second. */
struct event_budget {
	__u32 second, sent, lost;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_budget);
} event_budgets SEC(".maps");

static __always_inline __u32 events_wanted(void)
{
	const struct settings *s = bpf_map_lookup_elem(&settings, &(__u32){0});

	return s ? s->events : 0;
}

static __always_inline void count(enum drop_reason reason, enum direction dir, __u32 bytes)
{
	__u32 at = COUNTER(reason, dir);
	struct counter *c = bpf_map_lookup_elem(&counters, &at);

	if (c) {
		c->packets++;
		c->bytes += bytes;
	}
}

/** Returns the budget if there is some left; counts as lost what is above. */
static __always_inline struct event_budget *event_budget(__u64 now)
{
	struct event_budget *b = bpf_map_lookup_elem(&event_budgets, &(__u32){0});
	const struct settings *s = bpf_map_lookup_elem(&settings, &(__u32){0});

	if (!b || !s)
		return NULL;
	if (b->second != CT_SECONDS(now)) {
		b->second = CT_SECONDS(now);
		b->sent = 0;
	}
	if (b->sent < s->events_per_second) {
		b->sent++;
		return b;
	}
	b->lost++;
	return NULL;
}

/** What an event is about, beside the packet. */
struct occasion {
	__u32 kind;  ///< enum event_kind
	__u32 what;  ///< enum drop_reason or enum flow_event
	__u32 dir;   ///< enum direction
	__u32 flags; ///< of the connection
};

__noinline int send_event(struct __sk_buff *skb, const struct packet *p, const struct occasion *o)
{
	__u64 now = bpf_ktime_get_ns();
	struct event_budget *budget = event_budget(now);
	struct event *e;

	if (!budget || !p || !o)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		budget->lost++;
		return 0;
	}
	e->time = now; // one by one: a whole one would not fit on the stack
	e->kind = o->kind;
	e->ifindex = skb->ifindex;
	e->src = p->src;
	e->dst = p->dst;
	e->sport = p->sport;
	e->dport = p->dport;
	e->proto = p->proto;
	e->what = o->what;
	e->dir = o->dir;
	e->tcp_flags = p->tcp_flags;
	e->len = skb->len;
	e->lost = budget->lost;
	e->flags = o->flags;
	if (o->kind == EVENT_DROPS && (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6)) {
		e->sport = bpf_htons(p->icmp_type);
		e->dport = bpf_htons(p->icmp_code);
	}
	budget->lost = 0;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/** Count a drop, by whom and why, and tell who listens. */
__noinline int dropped(struct __sk_buff *skb, const struct packet *p, const struct occasion *o)
{
	struct drop_count *c, first = {1, skb->len, bpf_ktime_get_ns()};
	struct drop_key key = {.ifindex = skb->ifindex};

	if (!p || !o)
		return 0;
	key.reason = o->what;
	key.dir = o->dir;
	count(o->what, o->dir, skb->len);
	c = bpf_map_lookup_elem(&drops, &key);
	if (c) {
		__sync_fetch_and_add(&c->packets, 1);
		__sync_fetch_and_add(&c->bytes, skb->len);
		c->last = first.last;
	} else { // of two CPUs at once one is counted
		bpf_map_update_elem(&drops, &key, &first, BPF_NOEXIST);
	}
	if (events_wanted() & EVENT_DROPS)
		send_event(skb, p, o);
	return 0;
}
