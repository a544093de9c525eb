/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/** A pod may only speak as itself. */
#include "lib/packet.h"

enum { PORT_DHCP_CLIENT = 68, PORT_DHCP6_CLIENT = 546 };
enum { ARPHRD_ETHER = 1 }; ///< linux/if_arp.h needs a libc
enum { ND_OPTION_SOURCE = 1, ND_OPTION_TARGET = 2, ND_OPTIONS_MAX = 5, ND_OPTIONS_AT = 24 };

/** An ARP message for IPv4 over Ethernet, RFC 826. */
struct arp_message {
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 op;
	__u8 sender_mac[6], sender_ip[4];
	__u8 target_mac[6], target_ip[4];
};

/** Solicitation and advertisement, RFC 4861 4.3 and 4.4. */
struct nd_message {
	__u8 type, code;
	__be16 checksum;
	__be32 reserved;
	union address target;
};

/** What options say, in units of 8 bytes; of addresses Ethernet's. */
struct nd_option {
	__u8 type, len;
	__u8 mac[6];
};

static __always_inline bool mac_equal(const __u8 *a, const __u8 *b)
{
	const __u16 *x = (const __u16 *)a, *y = (const __u16 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

/** Whether @ip is an address of the pod at @ifindex. */
static __always_inline bool is_of(const union address *ip, __u32 ifindex)
{
	const struct endpoint *e = bpf_map_lookup_elem(&endpoints, ip);

	return e && e->ifindex == ifindex;
}

static __always_inline bool is_unspecified(const union address *ip)
{
	return !(ip->halves[0] | ip->halves[1]);
}

/** The link-local address that the kernel makes of a MAC address: RFC 4291, appendix A. */
static __always_inline bool is_link_local_of(const union address *ip, const __u8 *mac)
{
	return ip->words[0] == bpf_htonl(0xfe800000) && ip->words[1] == 0 &&
	       ip->bytes[8] == (mac[0] ^ 2) && ip->bytes[9] == mac[1] && ip->bytes[10] == mac[2] &&
	       ip->bytes[11] == 0xff && ip->bytes[12] == 0xfe && ip->bytes[13] == mac[3] &&
	       ip->bytes[14] == mac[4] && ip->bytes[15] == mac[5];
}

static __always_inline enum drop_reason judge_arp(struct __sk_buff *skb, const struct interface *of)
{
	struct arp_message arp;
	union address sender;
	__be32 ip;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &arp, sizeof(arp)) < 0)
		return DROP_SHORT;
	if (arp.hardware != bpf_htons(ARPHRD_ETHER) || arp.protocol != bpf_htons(ETH_P_IP) ||
	    arp.hardware_len != 6 || arp.protocol_len != 4 || !mac_equal(arp.sender_mac, of->mac))
		return DROP_ARP;
	__builtin_memcpy(&ip, arp.sender_ip, sizeof(ip));
	address_of4(&sender, ip);
	// 0.0.0.0 asks whether an address is taken: RFC 5227.
	return !ip || is_of(&sender, skb->ifindex) ? DROP_NONE : DROP_ARP;
}

/** No option may say another MAC address; more than anybody sends could hide one. */
static __always_inline enum drop_reason judge_nd_options(struct __sk_buff *skb, __u32 at,
							 const struct interface *of)
{
	for (int i = 0; i < ND_OPTIONS_MAX; i++) {
		struct nd_option option = {};

		if (bpf_skb_load_bytes(skb, at, &option, sizeof(option)) < 0)
			return DROP_NONE; // no more of them
		if ((option.type == ND_OPTION_SOURCE || option.type == ND_OPTION_TARGET) &&
		    !mac_equal(option.mac, of->mac))
			return DROP_ND;
		if (!option.len)
			return DROP_NONE; // nobody reads on: RFC 4861, 4.6
		at += option.len * 8;
	}
	return DROP_ND;
}

static __always_inline enum drop_reason judge_nd(struct __sk_buff *skb, const struct packet *p,
						 const struct interface *of)
{
	struct nd_message nd = {};
	bool advert = p->icmp_type == ND_ADVERT;

	if (p->icmp_type == ND_ROUTER_ADVERT || p->icmp_type == ND_LAST)
		return DROP_ROUTER;
	if (p->flags & PACKET_FRAGMENT) // RFC 6980; it could hide what follows
		return DROP_ND;
	if (p->icmp_type == ND_FIRST) // its options come sooner
		return judge_nd_options(skb, p->l4 + 8, of);
	if (bpf_skb_load_bytes(skb, p->l4, &nd, sizeof(nd)) < 0)
		return DROP_SHORT;
	if ((advert || is_unspecified(&p->src)) && !is_of(&nd.target, skb->ifindex) &&
	    !is_link_local_of(&nd.target, of->mac))
		return DROP_ND;
	return judge_nd_options(skb, p->l4 + ND_OPTIONS_AT, of);
}

/** By whom it is for: clients look at no other port. */
static __always_inline bool is_dhcp_server(const struct packet *p)
{
	if (p->proto != IPPROTO_UDP)
		return false;
	return p->dport == bpf_htons(p->ethertype == bpf_htons(ETH_P_IP) ? PORT_DHCP_CLIENT
									 : PORT_DHCP6_CLIENT);
}

/** A source that is no address of the pod's: what a host has before it has one, and link-local. */
static __always_inline enum drop_reason judge_other_source(const struct packet *p,
							   const struct interface *of)
{
	if (p->ethertype == bpf_htons(ETH_P_IP))
		return DROP_SRC_IP4;
	if (is_link_local_of(&p->src, of->mac))
		return DROP_NONE;
	if (is_unspecified(&p->src) && p->proto == IPPROTO_ICMPV6)
		return DROP_NONE; // duplicate address detection, and its MLD reports
	return DROP_SRC_IP6;
}
