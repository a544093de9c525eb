/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/**
 * The short way, which nearly every packet goes: TCP or UDP without anything unusual about it, of a
 * flow that was seen within the second and on which nothing changes. All that it needs is in the
 * flow's entry. What it costs is the cache lines it touches, of code too: no calls, no loops, and
 * whatever is not plain is left to the long way, which says why if it is to be dropped.
 */
#include "lib/conntrack.h"
#include "lib/source.h"

/** What the flow of a packet knows. */
struct quick {
	struct ct_end from, to; ///< without an ifindex if it is no pod
	__u32 flags, uplink;    ///< of struct ct_entry
};

/** False if the packet is not plain; of @p only addresses, ports, protocol and TCP's flags are set.
 */
static __always_inline bool quick_read(const struct __sk_buff *skb, struct packet *p)
{
	const void *end = (void *)(long)skb->data_end;
	const struct ethhdr *eth = (void *)(long)skb->data;
	const __u8 *l4;

	if ((void *)(eth + 1) > end || eth->h_dest[0] & 1 || skb->vlan_present)
		return false;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		const struct iphdr *ip = (const void *)(eth + 1);

		l4 = (const __u8 *)(ip + 1);
		if ((void *)(l4 + 8) > end || *(__u8 *)ip != 0x45 ||
		    ip->frag_off & bpf_htons(FRAG_MORE | FRAG_OFFSET) ||
		    (__u32)bpf_ntohs(ip->tot_len) - sizeof(*ip) > skb->len - ETH_HLEN - sizeof(*ip))
			return false;
		p->proto = ip->protocol;
		address_of4(&p->src, ip->saddr);
		address_of4(&p->dst, ip->daddr);
	} else {
		const struct ipv6hdr *ip = (const void *)(eth + 1);

		l4 = (const __u8 *)(ip + 1);
		if (eth->h_proto != bpf_htons(ETH_P_IPV6) || (void *)(l4 + 8) > end ||
		    ip->version != 6 ||
		    bpf_ntohs(ip->payload_len) > skb->len - ETH_HLEN - sizeof(*ip))
			return false;
		p->proto = ip->nexthdr;
		address_of6(&p->src, &ip->saddr);
		address_of6(&p->dst, &ip->daddr);
		if (is_mapped4(&p->src) || is_mapped4(&p->dst))
			return false;
	}
	p->sport = *(const __be16 *)l4;
	p->dport = *(const __be16 *)(l4 + 2);
	if (p->proto == IPPROTO_UDP)
		return p->dport != bpf_htons(PORT_DHCP_CLIENT) &&
		       p->dport != bpf_htons(PORT_DHCP6_CLIENT);
	if (p->proto != IPPROTO_TCP || (void *)(l4 + 14) > end)
		return false;
	p->tcp_flags = l4[13];
	return !(p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST));
}

/** Whether the packet may change its flow's flags. */
static __always_inline bool quick_is_news(const struct packet *p, bool from_high, __u32 flags)
{
	bool reply = from_high != !!(flags & CT_HIGH_BEGAN);

	return p->proto == IPPROTO_TCP ? !(flags & CT_CONFIRMED) : reply && !(flags & CT_REPLIED);
}

/** What is read before is read before what is read behind. */
static __always_inline void keep_order(void)
{
	__u32 nothing = 0;

	if (reads_overtake)
		__sync_fetch_and_add(&nothing, 0); // BPF has no other barrier
	barrier();
}

/**
 * Look @skb's flow up, in the bucket where nearly all are. False if it is to go the long way.
 *
 * No lock is taken. The place may become another flow's, or know its ends anew, while it is read,
 * so tag and epoch are read again: whoever changes a place first makes one of them 0.
 */
static __noinline bool quick_find(const struct __sk_buff *skb, struct quick *q)
{
	struct ct_tuple t;
	struct packet p;
	struct ct_bucket *b;
	const struct ct_entry *e;
	__u32 tag, slot, at;
	bool from_high;
	__u64 hash;

	if (!quick_read(skb, &p))
		return false;
	from_high = ct_tuple_of(&t, &p);
	hash = ct_hash(&t, ct_seed);
	tag = ct_tag(hash);
	b = ct_bucket_at(ct_first_bucket(hash, ct_mask));
	if (!b)
		return false;
#pragma unroll
	for (slot = 0; slot < CT_WAYS - 1; slot++)
		if (b->tags[slot] == tag)
			break;
	keep_order();
	e = &b->entries[slot];
	at = e->epoch;
	q->flags = e->flags;
	q->uplink = e->uplink;
	q->from = from_high ? e->ends[1] : e->ends[0];
	q->to = from_high ? e->ends[0] : e->ends[1];
	if (!ct_same(&e->tuple, &t) || e->seen != CT_SECONDS(bpf_ktime_get_coarse_ns()) ||
	    at != current_epoch() || quick_is_news(&p, from_high, q->flags))
		return false;
	keep_order();
	return *(volatile __u32 *)&b->tags[slot] == tag && *(volatile __u32 *)&e->epoch == at;
}
