/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/**
 * What a frame says, read once: addresses and ports are copied, so that nothing that comes after
 * needs to look into the frame again.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "lib/maps.h"

enum packet_flags {
	PACKET_GROUP = 1 << 0,    ///< to a group of stations: broadcast or multicast
	PACKET_FRAGMENT = 1 << 1, ///< any fragment
	PACKET_LATER = 1 << 2,    ///< without a header of its transport protocol
	PACKET_ERROR = 1 << 3,    ///< ICMP about another packet; `src`... are its outer ones
	PACKET_ND = 1 << 4,       ///< neighbour discovery
	PACKET_MLD = 1 << 5,      ///< a listener's report
};

struct packet {
	union address src, dst;
	__be16 sport, dport;
	__u8 proto;
	__u8 tcp_flags;
	__u8 icmp_type, icmp_code;
	__u8 flags; ///< enum packet_flags
	__u16 l4;   ///< offset of the transport header
	__be16 ethertype;
	__u32 fragment_id;
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };
enum { FRAG_MORE = 0x2000, FRAG_OFFSET = 0x1fff, FRAG6_MORE = 1, FRAG6_OFFSET = 0xfff8 };
enum { IP4_LOOSE_ROUTE = 131, IP4_STRICT_ROUTE = 137, IP4_NOP = 1, IP4_END = 0 };
enum { EXTENSIONS_MAX = 6, OPTIONS_MAX = 10 };
/** linux/icmp.h needs a libc, which there is none of here. */
enum {
	ICMP_DEST_UNREACH = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETERPROB = 12,
	ICMPV6_INFORMATIONAL = 128, ///< those below are errors
	MLD_REPORT = 131,
	MLD_DONE = 132,
	MLD2_REPORT = 143,
};
enum { ND_FIRST = 133, ND_ROUTER_ADVERT = 134, ND_SOLICIT = 135, ND_ADVERT = 136, ND_LAST = 137 };

/** Two stores of what is read as two: of smaller ones a CPU would have to wait for the cache. */
static __always_inline void address_of4(union address *out, __be32 ip)
{
	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ip is the last word");
	out->halves[0] = 0;
	out->halves[1] = (__u64)ip << 32 | bpf_htonl(0xffff);
}

static __always_inline void address_of6(union address *out, const struct in6_addr *ip)
{
	const __u64 *halves = (const __u64 *)ip; // aligned or not, which BPF knows how to read

	out->halves[0] = halves[0];
	out->halves[1] = halves[1];
}

/** The maps have IPv4 addresses in this form; on the wire there is none. */
static __always_inline bool is_mapped4(const union address *ip)
{
	return ip->halves[0] == 0 && ip->words[2] == bpf_htonl(0xffff);
}

/** Make the first @need bytes readable in place. */
static __always_inline bool readable(struct __sk_buff *skb, __u32 need)
{
	if (skb->data + need <= skb->data_end)
		return true;
	return need <= skb->len && bpf_skb_pull_data(skb, need) == 0;
}

/** Loose and strict source routing, which a sender has no business with. */
static __always_inline enum drop_reason read_options4(struct __sk_buff *skb, __u32 at, __u32 end)
{
	for (int i = 0; i < OPTIONS_MAX && at < end; i++) {
		__u8 option[2] = {};

		if (bpf_skb_load_bytes(skb, at, option, 1) < 0)
			return DROP_SHORT;
		if (option[0] == IP4_END)
			return DROP_NONE;
		if (option[0] == IP4_LOOSE_ROUTE || option[0] == IP4_STRICT_ROUTE)
			return DROP_SOURCE_ROUTE;
		if (option[0] == IP4_NOP) {
			at++;
			continue;
		}
		if (bpf_skb_load_bytes(skb, at, option, 2) < 0 || option[1] < 2)
			return DROP_MALFORMED;
		at += option[1];
	}
	return at >= end ? DROP_NONE : DROP_MALFORMED;
}

/** The ports of a fragment are those of the first, by leave_ports(). */
static __always_inline enum drop_reason read_fragment(struct packet *p)
{
	struct fragment_key key = {
		.src = p->src, .dst = p->dst, .id = p->fragment_id, .proto = p->proto};
	struct fragment *first;

	first = bpf_map_lookup_elem(&fragments, &key);
	if (!first)
		return DROP_FRAGMENT;
	p->sport = first->sport;
	p->dport = first->dport;
	return DROP_NONE;
}

static __always_inline void read_icmp(struct packet *p, const __u8 *head, bool v6)
{
	__u8 type = head[0];

	p->icmp_type = type;
	p->icmp_code = head[1];
	if (v6) {
		if (type < ICMPV6_INFORMATIONAL)
			p->flags |= PACKET_ERROR;
		else if (type >= ND_FIRST && type <= ND_LAST)
			p->flags |= PACKET_ND;
		else if (type == MLD_REPORT || type == MLD_DONE || type == MLD2_REPORT)
			p->flags |= PACKET_MLD;
	} else if (type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH ||
		   type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB ||
		   type == ICMP_REDIRECT) {
		p->flags |= PACKET_ERROR;
	}
	// A query's identifier stands for both ports; what has none is one conversation.
	p->sport = p->dport = *(__be16 *)(head + 4);
}

/** The transport header at p->l4. */
static __always_inline enum drop_reason read_transport(struct __sk_buff *skb, struct packet *p)
{
	__u32 at = p->l4, need = 8;
	const __u8 *head;

	if (p->proto == IPPROTO_TCP)
		need = 14;
	else if (p->proto != IPPROTO_UDP && p->proto != IPPROTO_ICMP &&
		 p->proto != IPPROTO_ICMPV6 && p->proto != IPPROTO_SCTP)
		return DROP_NONE;
	if (at > 2000 || !readable(skb, at + need))
		return DROP_SHORT;
	head = (void *)(long)skb->data + at;
	if ((void *)(head + 8) > (void *)(long)skb->data_end)
		return DROP_SHORT;
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) {
		read_icmp(p, head, p->proto == IPPROTO_ICMPV6);
		return DROP_NONE;
	}
	p->sport = *(__be16 *)head;
	p->dport = *(__be16 *)(head + 2);
	if (p->proto == IPPROTO_TCP) {
		if ((void *)(head + 14) > (void *)(long)skb->data_end)
			return DROP_SHORT;
		p->tcp_flags = head[13];
	}
	return DROP_NONE;
}

static __always_inline enum drop_reason read_ip4(struct __sk_buff *skb, struct packet *p)
{
	__u32 header, total, left = skb->len - ETH_HLEN;
	const struct iphdr *ip;
	__u16 fragment;

	if (!readable(skb, ETH_HLEN + sizeof(*ip)))
		return DROP_SHORT;
	ip = (void *)(long)skb->data + ETH_HLEN;
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return DROP_SHORT;
	header = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header < sizeof(*ip))
		return DROP_MALFORMED;
	// What will be segmented may be longer than its header can say.
	if (!skb->gso_segs && (total < header || total > left))
		return total < header ? DROP_MALFORMED : DROP_SHORT;
	address_of4(&p->src, ip->saddr);
	address_of4(&p->dst, ip->daddr);
	p->proto = ip->protocol;
	p->fragment_id = ip->id;
	p->l4 = ETH_HLEN + header;
	fragment = bpf_ntohs(ip->frag_off);
	if (fragment & (FRAG_MORE | FRAG_OFFSET))
		p->flags |= PACKET_FRAGMENT | (fragment & FRAG_OFFSET ? PACKET_LATER : 0);
	if (header > sizeof(*ip))
		return read_options4(skb, ETH_HLEN + sizeof(*ip), ETH_HLEN + header);
	return DROP_NONE;
}

/** Look through extension headers; only a fragment's says anything that matters here. */
static __always_inline enum drop_reason read_extensions(struct __sk_buff *skb, struct packet *p,
							__u8 next)
{
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		__u8 head[8] = {};

		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_FRAGMENT:
		case IPPROTO_AH:
			break;
		default:
			p->proto = next;
			return DROP_NONE;
		}
		if (bpf_skb_load_bytes(skb, p->l4, head, sizeof(head)) < 0)
			return DROP_SHORT;
		if (next == IPPROTO_ROUTING && head[2] == 0)
			return DROP_SOURCE_ROUTE;
		if (next == IPPROTO_FRAGMENT) {
			__u16 fragment = bpf_ntohs(*(__be16 *)(head + 2));

			p->fragment_id = *(__be32 *)(head + 4);
			if (fragment & (FRAG6_OFFSET | FRAG6_MORE))
				p->flags |= PACKET_FRAGMENT;
			p->l4 += sizeof(head);
			if (fragment & FRAG6_OFFSET) {
				p->flags |= PACKET_LATER;
				p->proto = head[0];
				return DROP_NONE;
			}
		} else {
			p->l4 += next == IPPROTO_AH ? (head[1] + 2) * 4 : (head[1] + 1) * 8;
		}
		next = head[0];
	}
	return DROP_EXTENSIONS;
}

static __always_inline enum drop_reason read_ip6(struct __sk_buff *skb, struct packet *p)
{
	__u32 left = skb->len - ETH_HLEN;
	const struct ipv6hdr *ip;
	__u8 next;

	if (!readable(skb, ETH_HLEN + sizeof(*ip)))
		return DROP_SHORT;
	ip = (void *)(long)skb->data + ETH_HLEN;
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return DROP_SHORT;
	if (ip->version != 6)
		return DROP_MALFORMED;
	if (!skb->gso_segs && bpf_ntohs(ip->payload_len) + sizeof(*ip) > left)
		return DROP_SHORT;
	address_of6(&p->src, &ip->saddr);
	address_of6(&p->dst, &ip->daddr);
	if (is_mapped4(&p->src) || is_mapped4(&p->dst))
		return DROP_MALFORMED;
	next = ip->nexthdr;
	p->l4 = ETH_HLEN + sizeof(*ip);
	if (next == IPPROTO_TCP || next == IPPROTO_UDP || next == IPPROTO_ICMPV6) {
		p->proto = next; // nearly always
		return DROP_NONE;
	}
	return read_extensions(skb, p, next);
}

/** The network header; p->ethertype is IPv4 or IPv6. */
__noinline int read_network(struct __sk_buff *skb, struct packet *p)
{
	if (!p)
		return DROP_SHORT;
	return p->ethertype == bpf_htons(ETH_P_IP) ? read_ip4(skb, p) : read_ip6(skb, p);
}

/** What comes behind it. */
__noinline int read_rest(struct __sk_buff *skb, struct packet *p)
{
	enum drop_reason reason = DROP_NONE;

	if (!p)
		return DROP_SHORT;
	if (!(p->flags & PACKET_LATER))
		reason = read_transport(skb, p);
	else
		reason = read_fragment(p);
	return reason;
}

/** Of a first fragment, for the later ones: once it is known that its sender is who it says. */
static __always_inline void leave_ports(const struct packet *p)
{
	struct fragment_key key = {
		.src = p->src, .dst = p->dst, .id = p->fragment_id, .proto = p->proto};
	struct fragment ports = {p->sport, p->dport};

	if ((p->flags & (PACKET_FRAGMENT | PACKET_LATER)) == PACKET_FRAGMENT)
		bpf_map_update_elem(&fragments, &key, &ports, BPF_ANY);
}

static __always_inline enum drop_reason read_packet(struct __sk_buff *skb, struct packet *p)
{
	enum drop_reason reason = read_network(skb, p);

	return reason == DROP_NONE ? read_rest(skb, p) : reason;
}

static __always_inline bool is_ip(const struct packet *p)
{
	return p->ethertype == bpf_htons(ETH_P_IP) || p->ethertype == bpf_htons(ETH_P_IPV6);
}

static __always_inline bool address_equal(const union address *a, const union address *b)
{
	return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}
