// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/**
 * The eBPF data path.
 *
 *	from_pod     at the node's end of a pod's pair, ingress: what the pod sends
 *	to_pod       at the same, egress: what the node's stack sends into the pod
 *	from_uplink  at an uplink, ingress: what comes from outside
 *	to_uplink    at an uplink, egress: what leaves, as it is after address translation
 *
 * Between two pods of the node a packet meets from_pod alone, which hands it over to the receiver.
 * What the node's stack may have to translate goes through the stack, from its first packet to its
 * last: CT_STACK. No way into a pod is without from_pod, from_uplink or to_pod.
 */
#include "lib/carry.h"
#include "lib/verdict.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/** Who sent a frame. */
struct sender {
	const struct endpoint *at; ///< NULL if the source is no address of the pod's, but allowed
	__u32 flags;               ///< enum endpoint_flags
};

static __always_inline enum drop_reason judge_source(struct __sk_buff *skb, const struct packet *p,
						     struct sender *from)
{
	const struct endpoint *at = bpf_map_lookup_elem(&endpoints, &p->src);
	enum drop_reason reason = DROP_NONE;
	const struct interface *of;
	__u32 ifindex = skb->ifindex;

	if (is_dhcp_server(p))
		return DROP_DHCP_SERVER;
	if (at && at->ifindex == ifindex && !(p->flags & PACKET_ND)) {
		from->at = at;
		from->flags = at->flags;
		return has_source_mac(skb, at->mac) ? DROP_NONE : DROP_SRC_MAC;
	}
	of = bpf_map_lookup_elem(&interfaces, &ifindex);
	if (!of)
		return DROP_NO_ENDPOINT;
	from->flags = of->flags;
	if (!has_source_mac(skb, of->mac))
		return DROP_SRC_MAC;
	if (!at || at->ifindex != ifindex)
		reason = judge_other_source(p, of);
	return reason == DROP_NONE && p->flags & PACKET_ND ? judge_nd(skb, p, of) : reason;
}

/** ARP, and what is neither. */
static __always_inline int from_pod_not_ip(struct __sk_buff *skb, const struct packet *p)
{
	__u32 ifindex = skb->ifindex;
	const struct interface *of = bpf_map_lookup_elem(&interfaces, &ifindex);
	enum drop_reason reason = DROP_ETHERTYPE;

	if (!of)
		reason = DROP_NO_ENDPOINT;
	else if (!has_source_mac(skb, of->mac))
		reason = DROP_SRC_MAC;
	else if (p->ethertype == bpf_htons(ETH_P_ARP))
		reason = judge_arp(skb, of);
	return reason == DROP_NONE ? pass(skb, DIR_OUT_OF_POD)
				   : drop(skb, p, DIR_OUT_OF_POD, reason);
}

/** Whether a flow that begins with this packet goes from pod to pod. */
static __always_inline bool is_direct(const struct __sk_buff *skb, const struct packet *p,
				      const struct endpoint *from, const struct endpoint *to)
{
	return to && to->ifindex != skb->ifindex && ct_begins(p) && skb->pkt_type == PACKET_HOST &&
	       !((from->flags | to->flags) & ENDPOINT_CHAINED);
}

/** The first packet of a flow out of a pod. */
static __always_inline int from_pod_first(struct __sk_buff *skb, const struct packet *p,
					  const struct ct_key *key, const struct endpoint *from)
{
	const struct endpoint *to = bpf_map_lookup_elem(&endpoints, &p->dst);

	if (from->flags & ENDPOINT_ISOLATED)
		return drop(skb, p, DIR_OUT_OF_POD, DROP_ISOLATED);
	if (!is_direct(skb, p, from, to)) {
		// Without a place it passes all the same: whom it must not reach is judged there.
		ct_open(skb, p, key, DIR_OUT_OF_POD, CT_STACK, 0);
		return pass(skb, DIR_OUT_OF_POD);
	}
	if (to->flags & ENDPOINT_ISOLATED)
		return drop(skb, p, DIR_OUT_OF_POD, DROP_ISOLATED);
	if (!ct_open(skb, p, key, DIR_OUT_OF_POD, 0, 0))
		return pass(skb, DIR_OUT_OF_POD);
	return deliver(skb, to, DIR_OUT_OF_POD);
}

/** A further packet of a flow that does not go through the stack. */
static __always_inline int from_pod_direct(struct __sk_buff *skb, const struct packet *p,
					   __u32 uplink)
{
	const struct endpoint *to;

	if (uplink) {
		__u32 mtu = 0;

		if (bpf_check_mtu(skb, uplink, &mtu, 0, 0) != 0)
			return pass(skb, DIR_OUT_OF_POD); // the stack tells the pod
		count(DROP_NONE, DIR_OUT_OF_POD, skb->len);
		return bpf_redirect_neigh(uplink, NULL, 0, 0);
	}
	to = bpf_map_lookup_elem(&endpoints, &p->dst);
	return to && to->ifindex != skb->ifindex ? deliver(skb, to, DIR_OUT_OF_POD)
						 : pass(skb, DIR_OUT_OF_POD);
}

/** Whether @e is of another pod, which had the address of @at before it. */
static __always_inline bool is_before(const struct ct_entry *e, const struct endpoint *at)
{
	return (int)(e->created - at->since) <= 0;
}

static __always_inline int from_pod_known(struct __sk_buff *skb, const struct packet *p,
					  const struct endpoint *from)
{
	struct ct_key key;
	struct ct_entry *e;

	if (p->flags & PACKET_ERROR) {
		e = quoted(skb, p);
		if (!e && from->flags & ENDPOINT_ISOLATED)
			return drop(skb, p, DIR_OUT_OF_POD, DROP_ISOLATED);
		return e && !(e->flags & CT_STACK) ? from_pod_direct(skb, p, e->uplink)
						   : pass(skb, DIR_OUT_OF_POD);
	}
	ct_key_of(&key, &p->src, &p->dst, p->sport, p->dport, p->proto);
	e = ct_lookup(&key, p);
	if (e && is_before(e, from)) {
		key.stale = true;
		e = NULL;
	}
	if (!e)
		return from_pod_first(skb, p, &key, from);
	ct_track(skb, p, &key, e, DIR_OUT_OF_POD);
	if (e->flags & CT_STACK)
		return pass(skb, DIR_OUT_OF_POD);
	return from_pod_direct(skb, p, e->uplink);
}

/** What is of no flow: to a group, or from an address that only neighbours know. */
static __always_inline int from_pod_aside(struct __sk_buff *skb, const struct packet *p,
					  const struct sender *from)
{
	if (from->flags & ENDPOINT_ISOLATED && !(p->flags & (PACKET_ND | PACKET_MLD)))
		return drop(skb, p, DIR_OUT_OF_POD, DROP_ISOLATED);
	return pass(skb, DIR_OUT_OF_POD);
}

SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	struct packet p = {};
	struct sender from = {};
	enum drop_reason reason = read_ethernet(skb, &p);

	if (reason == DROP_NONE && !is_ip(&p))
		return from_pod_not_ip(skb, &p);
	if (reason == DROP_NONE)
		reason = read_packet(skb, &p);
	if (reason == DROP_NONE)
		reason = judge_source(skb, &p, &from);
	if (reason != DROP_NONE)
		return drop(skb, &p, DIR_OUT_OF_POD, reason);
	// In a frame to a group there may be a packet to a single pod all the same.
	if (!from.at || (p.flags & PACKET_GROUP && !bpf_map_lookup_elem(&endpoints, &p.dst)))
		return from_pod_aside(skb, &p, &from);
	return from_pod_known(skb, &p, from.at);
}

/** What is for the pod, but for none of its addresses. */
static __always_inline int to_pod_otherwise(struct __sk_buff *skb, const struct packet *p)
{
	__u32 ifindex = skb->ifindex;
	const struct interface *to = bpf_map_lookup_elem(&interfaces, &ifindex);

	if (!to)
		return drop(skb, p, DIR_INTO_POD, DROP_NO_ENDPOINT);
	if (p->flags & PACKET_ND || p->ethertype == bpf_htons(ETH_P_ARP))
		return pass(skb, DIR_INTO_POD);
	if (!(p->flags & PACKET_GROUP) && !is_link_local_of(&p->dst, to->mac))
		return drop(skb, p, DIR_INTO_POD, DROP_NOT_MINE);
	if (to->flags & ENDPOINT_ISOLATED && !skb->sk)
		return drop(skb, p, DIR_INTO_POD, DROP_ISOLATED);
	return pass(skb, DIR_INTO_POD);
}

/** For an address of the pod's. The node itself is always let in: who else sends has no socket
 * here. */
static __always_inline int to_pod_known(struct __sk_buff *skb, const struct packet *p,
					const struct endpoint *to)
{
	bool node = skb->sk, closed = to->flags & ENDPOINT_ISOLATED && !node;
	struct ct_key key;
	struct ct_entry *e;

	if (p->flags & PACKET_ERROR) {
		if (closed && !quoted(skb, p))
			return drop(skb, p, DIR_INTO_POD, DROP_ISOLATED);
		return pass(skb, DIR_INTO_POD);
	}
	ct_key_of(&key, &p->src, &p->dst, p->sport, p->dport, p->proto);
	e = ct_lookup(&key, p);
	if (e && is_before(e, to)) {
		key.stale = true;
		e = NULL;
	}
	if (e) {
		ct_track(skb, p, &key, e, DIR_INTO_POD);
		return pass(skb, DIR_INTO_POD);
	}
	if (closed)
		return drop(skb, p, DIR_INTO_POD, DROP_ISOLATED);
	if (!ct_open(skb, p, &key, DIR_INTO_POD, CT_STACK | (node ? CT_NODE : 0), 0) &&
	    to->flags & ENDPOINT_ISOLATED)
		return drop(skb, p, DIR_INTO_POD, DROP_CT_FULL); // the answer would not be let out
	return pass(skb, DIR_INTO_POD);
}

SEC("tc")
int to_pod(struct __sk_buff *skb)
{
	struct packet p = {};
	const struct endpoint *to;
	enum drop_reason reason = read_ethernet(skb, &p);

	if (reason == DROP_NONE && !is_ip(&p))
		return to_pod_otherwise(skb, &p);
	if (reason == DROP_NONE)
		reason = read_packet(skb, &p);
	if (reason != DROP_NONE)
		return drop(skb, &p, DIR_INTO_POD, reason);
	to = bpf_map_lookup_elem(&endpoints, &p.dst);
	if (!to || to->ifindex != skb->ifindex || p.flags & PACKET_ND)
		return to_pod_otherwise(skb, &p);
	return to_pod_known(skb, &p, to);
}

/** A packet from outside for @to: a flow that begins here goes past the stack, in and out. */
static __always_inline int from_uplink_for(struct __sk_buff *skb, const struct packet *p,
					   const struct endpoint *to)
{
	struct ct_key key;
	struct ct_entry *e;

	if (p->flags & PACKET_ERROR) {
		e = quoted(skb, p);
		return e && !(e->flags & CT_STACK) ? deliver(skb, to, DIR_FROM_UPLINK)
						   : TC_ACT_UNSPEC;
	}
	ct_key_of(&key, &p->src, &p->dst, p->sport, p->dport, p->proto);
	e = ct_lookup(&key, p);
	if (e && is_before(e, to)) {
		key.stale = true;
		e = NULL;
	}
	if (e && e->flags & CT_STACK)
		return TC_ACT_UNSPEC; // to_pod will see it
	if (e) {
		ct_track(skb, p, &key, e, DIR_FROM_UPLINK);
		return deliver(skb, to, DIR_FROM_UPLINK);
	}
	if (to->flags & ENDPOINT_ISOLATED)
		return drop(skb, p, DIR_FROM_UPLINK, DROP_ISOLATED);
	if (!ct_begins(p) || !ct_open(skb, p, &key, DIR_FROM_UPLINK, 0, skb->ifindex))
		return TC_ACT_UNSPEC;
	return deliver(skb, to, DIR_FROM_UPLINK);
}

/** Whose the packet is, once it is known that it is IP: NULL if it is nobody's here. */
static __always_inline const struct endpoint *endpoint_of(struct __sk_buff *skb, struct packet *p,
							  bool source)
{
	if (read_ethernet(skb, p) != DROP_NONE || !is_ip(p) || p->flags & PACKET_GROUP ||
	    read_network(skb, p) != DROP_NONE)
		return NULL; // the stack's to judge
	return bpf_map_lookup_elem(&endpoints, source ? &p->src : &p->dst);
}

SEC("tc")
int from_uplink(struct __sk_buff *skb)
{
	struct packet p = {};
	const struct endpoint *to = endpoint_of(skb, &p, false);

	if (!to || to->flags & ENDPOINT_CHAINED || skb->pkt_type != PACKET_HOST ||
	    read_rest(skb, &p) != DROP_NONE || p.flags & PACKET_ND)
		return TC_ACT_UNSPEC;
	return from_uplink_for(skb, &p, to);
}

/**
 * What was translated on its way is another flow out here than it was when it left the pod. The
 * answer is for the stack to translate back.
 */
SEC("tc")
int to_uplink(struct __sk_buff *skb)
{
	struct packet p = {};
	const struct endpoint *from = endpoint_of(skb, &p, true);
	struct ct_entry *e;
	struct ct_key key;

	if (!from || read_rest(skb, &p) != DROP_NONE || p.flags & (PACKET_ND | PACKET_ERROR))
		return TC_ACT_UNSPEC;
	ct_key_of(&key, &p.src, &p.dst, p.sport, p.dport, p.proto);
	e = ct_lookup(&key, &p);
	if (e && is_before(e, from)) {
		key.stale = true;
		e = NULL;
	}
	if (!e)
		ct_open(skb, &p, &key, DIR_TO_UPLINK, CT_STACK, 0);
	return TC_ACT_UNSPEC;
}
