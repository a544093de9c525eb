/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/** What the programs do with a packet in the end. */
#include <linux/pkt_cls.h>

#include "lib/conntrack.h"
#include "lib/source.h"

enum { PACKET_HOST = 0 }; ///< skb->pkt_type: for the interface's own MAC address

/** The filters of others behind ours, and then the node's stack, see it next. */
static __always_inline int pass(const struct __sk_buff *skb, enum direction dir)
{
	count(DROP_NONE, dir, skb->len);
	return TC_ACT_UNSPEC;
}

static __always_inline int drop(struct __sk_buff *skb, const struct packet *p, enum direction dir,
				enum drop_reason reason)
{
	struct occasion o = {EVENT_DROPS, reason, dir, 0};

	dropped(skb, p, &o);
	return TC_ACT_SHOT;
}

/** Of an address that is aligned as numbers of four bytes are. */
static __always_inline __u64 mac_number(const __u8 *mac)
{
	return *(const __u32 *)mac | (__u64) * (const __u16 *)(mac + 4) << 32;
}

static __always_inline bool has_source_mac(const struct __sk_buff *skb, const __u8 *mac)
{
	const struct ethhdr *eth = (void *)(long)skb->data;

	// The last bytes of the receiver's address are read along.
	return (void *)(eth + 1) <= (void *)(long)skb->data_end &&
	       *(const __u64 *)(eth->h_source - 2) >> 16 == mac_number(mac);
}

/**
 * From @eth's receiver, the node, whichever of its addresses that is, to @mac. In two stores: the
 * kernel reads eight bytes at once, for which it would have to wait if they came one by one.
 */
static __always_inline void ethernet_forward(struct ethhdr *eth, const __u8 *mac)
{
	__u64 *first = (__u64 *)eth, old = *first;

	*first = mac_number(mac) | old << 48;
	*(__u32 *)(first + 1) = old >> 16;
}

/** Into the pod at once, past the node's stack and the pod's own filters. */
static __always_inline int deliver(struct __sk_buff *skb, __u32 ifindex, const __u8 *mac,
				   enum direction dir)
{
	struct ethhdr *eth = (void *)(long)skb->data;

	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return TC_ACT_SHOT; // it has been read before
	ethernet_forward(eth, mac);
	skb->mark = 0; // older kernels do not scrub what is redirected
	count(DROP_NONE, dir, skb->len);
	return bpf_redirect_peer(ifindex, 0);
}

/** The Ethernet header. */
static __always_inline enum drop_reason read_ethernet(struct __sk_buff *skb, struct packet *p)
{
	const struct ethhdr *eth;

	if (!readable(skb, ETH_HLEN))
		return DROP_SHORT;
	eth = (void *)(long)skb->data;
	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return DROP_SHORT;
	p->ethertype = skb->vlan_present ? 0 : eth->h_proto;
	if (eth->h_dest[0] & 1)
		p->flags |= PACKET_GROUP;
	return DROP_NONE;
}

/**
 * What an ICMP error is about: the flow of the packet that it quotes. That packet's sender is who
 * the error is for, or it could be let in by a flow of others; and its receiver sent the error, if
 * none @between them may have.
 */
static __noinline struct ct_entry *quoted(struct __sk_buff *skb, const struct packet *p,
					  bool between)
{
	struct packet inner = {};
	struct ct_key key = {};
	__be32 ips[2];
	__be16 ports[2] = {};
	__u32 at = p->l4 + 8;
	__u8 first;

	// Field by field: there is little room on the stack.
	if (p->ethertype == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, at, &first, 1) < 0 ||
		    bpf_skb_load_bytes(skb, at + 9, &inner.proto, 1) < 0 ||
		    bpf_skb_load_bytes(skb, at + 12, ips, sizeof(ips)) < 0)
			return NULL;
		address_of4(&inner.src, ips[0]);
		address_of4(&inner.dst, ips[1]);
		at += (first & 0xf) * 4;
	} else {
		if (bpf_skb_load_bytes(skb, at + 6, &inner.proto, 1) < 0 ||
		    bpf_skb_load_bytes(skb, at + 8, &inner.src, sizeof(inner.src)) < 0 ||
		    bpf_skb_load_bytes(skb, at + 24, &inner.dst, sizeof(inner.dst)) < 0)
			return NULL;
		at += sizeof(struct ipv6hdr);
	}
	if (inner.proto == IPPROTO_ICMP || inner.proto == IPPROTO_ICMPV6)
		at += 4; // the identifier
	if (inner.proto == IPPROTO_TCP || inner.proto == IPPROTO_UDP ||
	    inner.proto == IPPROTO_SCTP || inner.proto == IPPROTO_ICMP ||
	    inner.proto == IPPROTO_ICMPV6) {
		if (bpf_skb_load_bytes(skb, at, ports, sizeof(ports)) < 0)
			return NULL;
		inner.sport = ports[0];
		inner.dport = inner.proto == IPPROTO_ICMP || inner.proto == IPPROTO_ICMPV6
				      ? ports[0]
				      : ports[1];
	}
	if (!address_equal(&inner.src, &p->dst) ||
	    (!between && !address_equal(&inner.dst, &p->src)))
		return NULL;
	ct_key_of(&key, &inner);
	return ct_find(&key);
}
