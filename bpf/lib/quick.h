/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/**
 * The short way, which nearly every packet goes: TCP or UDP without anything unusual about it, of a
 * flow that was looked at within the second. All that it needs is in the flow's entry. What it
 * costs is the cache lines it touches, of code too: hardly a call, no loop, and whatever is not
 * plain is left to the long way, which says why if it is to be dropped.
 */
#include "lib/verdict.h"

/** What the flow of a packet knows. */
struct quick {
	struct ct_end to; ///< without an ifindex if it is no pod, as `from`
	__u32 from;       ///< the ifindex
	__u32 uplink;     ///< of struct ct_entry
	__u32 flags;      ///< enum ct_flags
	__u32 news;       ///< those that the packet sets
	__u32 slot, tag;
};

/** False if the packet is not plain; of @p only addresses, ports, protocol and TCP's flags are set.
 */
static __always_inline bool quick_read(const struct __sk_buff *skb, struct packet *p)
{
	const void *end = (void *)(long)skb->data_end;
	const struct ethhdr *eth = (void *)(long)skb->data;
	const __be16 *type = (const __be16 *)eth + 6; // at once: the struct would be read by bytes
	const __u8 *l4;

	if ((void *)(eth + 1) > end || eth->h_dest[0] & 1 || skb->vlan_present)
		return false;
	if (*type == bpf_htons(ETH_P_IP)) {
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
		if (*type != bpf_htons(ETH_P_IPV6) || (void *)(l4 + 8) > end || ip->version != 6 ||
		    bpf_ntohs(ip->payload_len) > skb->len - ETH_HLEN - sizeof(*ip))
			return false;
		p->proto = ip->nexthdr;
		address_of6(&p->src, &ip->saddr);
		address_of6(&p->dst, &ip->daddr);
		if (is_mapped4(&p->src) || is_mapped4(&p->dst))
			return false;
	}
	p->flags = p->tcp_flags = 0;
	p->sport = *(const __be16 *)l4;
	p->dport = *(const __be16 *)(l4 + 2);
	if (p->proto == IPPROTO_UDP)
		return p->dport != bpf_htons(PORT_DHCP_CLIENT) &&
		       p->dport != bpf_htons(PORT_DHCP6_CLIENT);
	if (p->proto != IPPROTO_TCP || (void *)(l4 + 14) > end)
		return false;
	p->tcp_flags = l4[13];
	return !ct_begins(p);
}

/** What the packet changes in its flow: nearly always nothing. */
static __always_inline __u32 quick_news(const struct packet *p, bool from_high, __u32 flags)
{
	bool settled = flags & (p->proto == IPPROTO_TCP ? CT_CONFIRMED : CT_REPLIED);

	return settled && !(p->tcp_flags & (TCP_FIN | TCP_RST)) ? 0 : ct_news(p, from_high, flags);
}

/** The place of whatever has this tag, CT_WAYS if nothing has. */
static __always_inline __u32 quick_slot(const struct ct_bucket *b, __u32 tag)
{
#pragma unroll
	for (__u32 slot = 0; slot < CT_WAYS; slot++)
		if (b->tags[slot] == tag)
			return slot;
	return CT_WAYS;
}

/**
 * Look @skb's flow up. NULL if it is to go the long way. With @sender the flow must be of a pod at
 * this interface, and the packet from its MAC address.
 *
 * No lock is taken. The place may become another flow's, or know its ends anew, while it is read,
 * so tag and epoch are read again: whoever changes a place first makes one of them 0.
 */
static __noinline struct ct_bucket *quick_find(const struct __sk_buff *skb, struct quick *q,
					       bool sender)
{
	struct ct_tuple t;
	struct packet p;
	struct ct_bucket *b;
	const struct ct_entry *e;
	const struct ct_end *from, *to;
	__u32 tag, slot, at;
	bool from_high;
	__u64 hash;

	if (!quick_read(skb, &p))
		return NULL;
	from_high = ct_tuple_of(&t, &p);
	hash = ct_hash(&t, ct_seed);
	tag = ct_tag(hash);
	b = ct_bucket_at(ct_first_bucket(hash, ct_mask));
	slot = b ? quick_slot(b, tag) : CT_WAYS;
	if (slot == CT_WAYS) {
		b = ct_bucket_at(ct_second_bucket(hash, ct_mask));
		slot = b ? quick_slot(b, tag) : CT_WAYS;
	}
	if (!b || slot == CT_WAYS)
		return NULL;
	e = &b->entries[slot];
	from = &e->ends[from_high];
	to = &e->ends[!from_high];
	at = *(volatile __u32 *)&e->epoch;
	keep_order();
	if (!ct_same(&e->tuple, &t) || e->looked != CT_GLANCES(bpf_jiffies64()) ||
	    at != current_epoch() ||
	    (sender && (from->ifindex != skb->ifindex || !has_source_mac(skb, from->mac))))
		return NULL;
	q->to = *to;
	q->from = from->ifindex;
	q->uplink = e->uplink;
	q->flags = e->flags;
	q->news = quick_news(&p, from_high, q->flags);
	q->slot = slot;
	q->tag = tag;
	keep_order();
	if (*(volatile __u32 *)&b->tags[slot] != tag || *(volatile __u32 *)&e->epoch != at)
		return NULL;
	return q->news && events_wanted() & EVENT_FLOWS ? NULL : b;
}

/** Set flags of a flow, if the place is still its own. */
static __noinline bool quick_note(struct ct_bucket *b, __u32 slot, __u32 tag, __u32 set)
{
	bool there;

	if (slot >= CT_WAYS)
		return false;
	bpf_spin_lock(&b->lock);
	there = b->tags[slot] == tag;
	if (there)
		b->entries[slot].flags |= set;
	bpf_spin_unlock(&b->lock);
	return there;
}

/** Once it is known that the packet is from who it says: what it changes. False: go the long way.
 */
static __always_inline bool quick_track(struct ct_bucket *b, const struct quick *q)
{
	return !q->news || quick_note(b, q->slot, q->tag, q->news);
}
