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
#include "lib/quick.h"
#include "lib/verdict.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/** AF_INET and AF_INET6; sys/socket.h needs a libc. */
enum { FAMILY_IP4 = 2, FAMILY_IP6 = 10 };

/** Who sent a frame. */
struct sender {
	const struct endpoint *at; ///< NULL if the source is no address of the pod's, but allowed
	__u32 flags;               ///< enum endpoint_flags
	__u32 epoch;               ///< in which that is so
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
					  const struct ct_key *key, const struct endpoint *from,
					  __u32 epoch)
{
	struct ct_change change = {.epoch = epoch};
	const struct endpoint *to = bpf_map_lookup_elem(&endpoints, &p->dst);

	if (from->flags & ENDPOINT_ISOLATED)
		return drop(skb, p, DIR_OUT_OF_POD, DROP_ISOLATED);
	ct_end_is(&change, key->from_high, from);
	if (!is_direct(skb, p, from, to)) {
		change.set = CT_STACK;
		// Without a place it passes all the same: whom it must not reach is judged there.
		ct_open(skb, p, key, DIR_OUT_OF_POD, &change);
		return pass(skb, DIR_OUT_OF_POD);
	}
	if (to->flags & ENDPOINT_ISOLATED)
		return drop(skb, p, DIR_OUT_OF_POD, DROP_ISOLATED);
	ct_end_is(&change, !key->from_high, to);
	if (!ct_open(skb, p, key, DIR_OUT_OF_POD, &change))
		return pass(skb, DIR_OUT_OF_POD);
	return deliver(skb, to->ifindex, to->mac, DIR_OUT_OF_POD);
}

/** Out by an uplink, as who is outside came in. */
static __always_inline int from_pod_to_uplink(struct __sk_buff *skb, __u32 uplink)
{
	__u32 mtu = 0;

	if (bpf_check_mtu(skb, uplink, &mtu, 0, BPF_MTU_CHK_SEGS) != 0)
		return pass(skb, DIR_OUT_OF_POD); // the stack tells the pod
	count(DROP_NONE, DIR_OUT_OF_POD, skb->len);
	return bpf_redirect_neigh(uplink, NULL, 0, 0);
}

/** A further packet of a flow that does not go through the stack. */
static __always_inline int from_pod_direct(struct __sk_buff *skb, const struct endpoint *to,
					   __u32 uplink)
{
	if (uplink)
		return from_pod_to_uplink(skb, uplink);
	return to && to->ifindex != skb->ifindex
		       ? deliver(skb, to->ifindex, to->mac, DIR_OUT_OF_POD)
		       : pass(skb, DIR_OUT_OF_POD);
}

/** Whether @e is of another pod, which had the address of @at before it. */
static __always_inline bool is_before(const struct ct_entry *e, const struct endpoint *at)
{
	return (int)(e->created - at->since) < 0;
}

/** Whether @at may have no part in @e, since all that an isolated pod has it has with the node. */
static __always_inline bool is_closed_to(const struct endpoint *at, const struct ct_entry *e)
{
	return at->flags & ENDPOINT_ISOLATED && !(e->flags & CT_NODE);
}

static __always_inline int from_pod_error(struct __sk_buff *skb, const struct packet *p,
					  const struct endpoint *from)
{
	const struct ct_entry *e = quoted(skb, p, false);

	if (!e && from->flags & ENDPOINT_ISOLATED)
		return drop(skb, p, DIR_OUT_OF_POD, DROP_ISOLATED);
	if (!e || e->flags & CT_STACK)
		return pass(skb, DIR_OUT_OF_POD);
	return from_pod_direct(skb, bpf_map_lookup_elem(&endpoints, &p->dst), e->uplink);
}

/** Where a pod's way to who is outside leads: to the uplink in question, or elsewhere. */
enum way { WAY_THERE, WAY_ELSEWHERE, WAY_NONE };

/** Whether what the pod at @pod sends leaves by @uplink: this packet, or what answers it. */
static __noinline enum way way_by(struct __sk_buff *skb, const struct packet *p, __u32 pod,
				  __u32 uplink)
{
	bool answer = skb->ifindex == uplink;
	const union address *src = answer ? &p->dst : &p->src;
	const union address *dst = answer ? &p->src : &p->dst;
	struct bpf_fib_lookup fib = {.ifindex = pod};
	long rc;

	if (p->ethertype == bpf_htons(ETH_P_IP)) {
		fib.family = FAMILY_IP4;
		fib.ipv4_src = src->words[3];
		fib.ipv4_dst = dst->words[3];
	} else {
		fib.family = FAMILY_IP6;
		__builtin_memcpy(fib.ipv6_src, src, sizeof(fib.ipv6_src));
		__builtin_memcpy(fib.ipv6_dst, dst, sizeof(fib.ipv6_dst));
	}
	rc = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	if (rc != BPF_FIB_LKUP_RET_SUCCESS && rc != BPF_FIB_LKUP_RET_NO_NEIGH)
		return WAY_NONE; // or none for this packet: it is too long
	return fib.ifindex == uplink ? WAY_THERE : WAY_ELSEWHERE;
}

/** A packet of a flow, or the first of one, from where it says it is. */
static __always_inline int from_pod_known(struct __sk_buff *skb, const struct packet *p,
					  struct ct_key *key, struct ct_entry *e,
					  const struct endpoint *from, __u32 epoch)
{
	struct ct_change change = {.epoch = epoch};
	const struct endpoint *to = NULL;
	enum way way = WAY_THERE;

	if (e && !(e->flags & CT_STACK) && !e->uplink)
		to = bpf_map_lookup_elem(&endpoints, &p->dst);
	if (e && (is_before(e, from) || (to && is_before(e, to)))) {
		key->stale = true;
		e = NULL;
	}
	if (e && (is_closed_to(from, e) || (to && is_closed_to(to, e))))
		return drop(skb, p, DIR_OUT_OF_POD, DROP_ISOLATED);
	if (!e)
		return from_pod_first(skb, p, key, from, epoch);
	ct_end_is(&change, key->from_high, from);
	if (to)
		ct_end_is(&change, !key->from_high, to);
	if (e->uplink && !(e->flags & CT_STACK))
		way = way_by(skb, p, from->ifindex, e->uplink);
	if (way == WAY_NONE)
		return pass(skb, DIR_OUT_OF_POD); // the stack tells the pod; there may be one again
	if (way == WAY_ELSEWHERE)
		change.set |= CT_STACK;
	if (ct_is_news(e, &change))
		ct_apply(key, &change);
	ct_track(skb, p, key, e, DIR_OUT_OF_POD);
	return (e->flags | change.set) & CT_STACK ? pass(skb, DIR_OUT_OF_POD)
						  : from_pod_direct(skb, to, e->uplink);
}

/** What is of no flow: to a group, or from an address that only neighbours know. */
static __always_inline int from_pod_aside(struct __sk_buff *skb, const struct packet *p,
					  const struct sender *from)
{
	if (from->flags & ENDPOINT_ISOLATED && !(p->flags & (PACKET_ND | PACKET_MLD)))
		return drop(skb, p, DIR_OUT_OF_POD, DROP_ISOLATED);
	return pass(skb, DIR_OUT_OF_POD);
}

static __always_inline int from_pod_ip(struct __sk_buff *skb, const struct packet *p)
{
	struct ct_key key = {};
	struct ct_entry *e;
	struct sender from = {.epoch = epoch_before()};
	enum drop_reason reason = judge_source(skb, p, &from);

	if (reason != DROP_NONE)
		return drop(skb, p, DIR_OUT_OF_POD, reason);
	leave_ports(p);
	// In a frame to a group there may be a packet to a single pod all the same.
	if (!from.at || (p->flags & PACKET_GROUP && !bpf_map_lookup_elem(&endpoints, &p->dst)))
		return from_pod_aside(skb, p, &from);
	if (p->flags & PACKET_ERROR)
		return from_pod_error(skb, p, from.at);
	ct_key_of(&key, p);
	e = ct_lookup(&key, p);
	return from_pod_known(skb, p, &key, e, from.at, from.epoch);
}

__noinline int from_pod_long_way(struct __sk_buff *skb)
{
	struct packet p = {};
	enum drop_reason reason = read_ethernet(skb, &p);

	if (reason == DROP_NONE && !is_ip(&p))
		return from_pod_not_ip(skb, &p);
	if (reason == DROP_NONE)
		reason = read_packet(skb, &p);
	if (reason != DROP_NONE)
		return drop(skb, &p, DIR_OUT_OF_POD, reason);
	return from_pod_ip(skb, &p);
}

SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	struct quick q;
	struct ct_bucket *b = quick_find(skb, &q, true);

	if (!b || !(q.to.ifindex || q.uplink || q.flags & CT_STACK) || !quick_track(b, &q))
		return from_pod_long_way(skb);
	if (q.flags & CT_STACK)
		return pass(skb, DIR_OUT_OF_POD);
	return q.uplink ? from_pod_to_uplink(skb, q.uplink)
			: deliver(skb, q.to.ifindex, q.to.mac, DIR_OUT_OF_POD);
}

/**
 * Whether the node itself says this, which is always let in. What it passes on came in somewhere.
 * The packet's socket would not tell: it stays with what another pod sends by a bridge.
 */
static __always_inline bool is_nodes(const struct __sk_buff *skb)
{
	return !skb->ingress_ifindex;
}

/** Whether this came in elsewhere than by @pod, whose address it has. A bridge hides its ports. */
static __always_inline bool is_not_from(const struct __sk_buff *skb, const struct endpoint *pod)
{
	return pod && !is_nodes(skb) && skb->ingress_ifindex != pod->ifindex &&
	       !(pod->flags & ENDPOINT_CHAINED);
}

/** What is for the pod, but for none of its addresses. */
static __always_inline int to_pod_otherwise(struct __sk_buff *skb, const struct packet *p)
{
	__u32 ifindex = skb->ifindex;
	const struct interface *to = bpf_map_lookup_elem(&interfaces, &ifindex);
	bool closed;

	if (!to)
		return drop(skb, p, DIR_INTO_POD, DROP_NO_ENDPOINT);
	closed = to->flags & ENDPOINT_ISOLATED && !is_nodes(skb);
	if (p->ethertype == bpf_htons(ETH_P_ARP) || (p->flags & PACKET_ND && !closed) ||
	    (p->flags & PACKET_ND && (p->icmp_type == ND_SOLICIT || p->icmp_type == ND_ADVERT)))
		return pass(skb, DIR_INTO_POD); // without it the node could not find the pod
	if (!(p->flags & PACKET_GROUP) && !is_link_local_of(&p->dst, to->mac))
		return drop(skb, p, DIR_INTO_POD, DROP_NOT_MINE);
	if (closed)
		return drop(skb, p, DIR_INTO_POD, DROP_ISOLATED);
	return pass(skb, DIR_INTO_POD);
}

static __always_inline int to_pod_ip(struct __sk_buff *skb, const struct packet *p)
{
	// Whichever way it went before: this may have been translated, and the answer is to be,
	// too.
	struct ct_change change = {.set = CT_STACK, .epoch = epoch_before()};
	const struct endpoint *to = bpf_map_lookup_elem(&endpoints, &p->dst), *from;
	struct ct_entry *e;
	struct ct_key key = {};

	if (!to || to->ifindex != skb->ifindex || p->flags & PACKET_ND)
		return to_pod_otherwise(skb, p);
	// All its flows are with the node, and who pretends to be that sends from elsewhere.
	if (to->flags & ENDPOINT_ISOLATED && !is_nodes(skb))
		return drop(skb, p, DIR_INTO_POD, DROP_ISOLATED);
	from = bpf_map_lookup_elem(&endpoints, &p->src);
	if (is_not_from(skb, from))
		return drop(skb, p, DIR_INTO_POD, DROP_NOT_FROM_POD);
	if (p->flags & PACKET_ERROR)
		return pass(skb, DIR_INTO_POD);
	ct_key_of(&key, p);
	e = ct_lookup(&key, p);
	if (e && is_before(e, to)) {
		key.stale = true;
		e = NULL;
	}
	ct_end_is(&change, !key.from_high, to);
	if (from && from->ifindex == skb->ingress_ifindex)
		ct_end_is(&change, key.from_high, from);
	if (e) {
		if (ct_is_news(e, &change))
			ct_apply(&key, &change);
		ct_track(skb, p, &key, e, DIR_INTO_POD);
		return pass(skb, DIR_INTO_POD);
	}
	change.set |= is_nodes(skb) ? CT_NODE : 0;
	if (!ct_open(skb, p, &key, DIR_INTO_POD, &change) && to->flags & ENDPOINT_ISOLATED)
		return drop(skb, p, DIR_INTO_POD, DROP_CT_FULL); // no answer would be let out
	return pass(skb, DIR_INTO_POD);
}

__noinline int to_pod_long_way(struct __sk_buff *skb)
{
	struct packet p = {};
	enum drop_reason reason = read_ethernet(skb, &p);

	if (reason == DROP_NONE && !is_ip(&p))
		return to_pod_otherwise(skb, &p);
	if (reason == DROP_NONE)
		reason = read_packet(skb, &p);
	if (reason != DROP_NONE)
		return drop(skb, &p, DIR_INTO_POD, reason);
	leave_ports(&p);
	return to_pod_ip(skb, &p);
}

SEC("tc")
int to_pod(struct __sk_buff *skb)
{
	struct quick q;
	struct ct_bucket *b = quick_find(skb, &q, false);

	if (b && q.flags & CT_STACK && q.to.ifindex == skb->ifindex &&
	    (is_nodes(skb) ||
	     (!(q.flags & CT_NODE) && (!q.from || q.from == skb->ingress_ifindex))) &&
	    quick_track(b, &q))
		return pass(skb, DIR_INTO_POD);
	return to_pod_long_way(skb);
}

/** A packet from outside for @to: a flow that begins here goes past the stack, in and out. */
static __always_inline int from_uplink_for(struct __sk_buff *skb, const struct packet *p,
					   const struct endpoint *to, __u32 epoch)
{
	struct ct_change change = {.epoch = epoch};
	struct ct_key key = {};
	struct ct_entry *e;

	if (p->flags & PACKET_ERROR) {
		e = quoted(skb, p, true);
		return e && !(e->flags & CT_STACK) && e->uplink == skb->ifindex &&
				       !(to->flags & ENDPOINT_ISOLATED)
			       ? deliver(skb, to->ifindex, to->mac, DIR_FROM_UPLINK)
			       : TC_ACT_UNSPEC;
	}
	ct_key_of(&key, p);
	e = ct_lookup(&key, p);
	if (e && is_before(e, to)) {
		key.stale = true;
		e = NULL;
	}
	if (e && e->flags & CT_STACK) {
		// What is translated is seen nowhere else, and must not be over before its time.
		ct_track(skb, p, &key, e, DIR_FROM_UPLINK);
		return TC_ACT_UNSPEC;
	}
	// By another way than so far, or answered by another: to_pod makes it the stack's.
	if (e && (e->uplink != skb->ifindex ||
		  way_by(skb, p, to->ifindex, skb->ifindex) == WAY_ELSEWHERE))
		return TC_ACT_UNSPEC;
	if (to->flags & ENDPOINT_ISOLATED)
		return drop(skb, p, DIR_FROM_UPLINK, DROP_ISOLATED);
	if (e) {
		ct_track(skb, p, &key, e, DIR_FROM_UPLINK);
		return deliver(skb, to->ifindex, to->mac, DIR_FROM_UPLINK);
	}
	change.uplink = skb->ifindex;
	ct_end_is(&change, !key.from_high, to);
	// If not, the stack is to judge who says it is the node or another pod, or is answered by
	// another way.
	if (!ct_begins(p) || way_by(skb, p, to->ifindex, skb->ifindex) != WAY_THERE ||
	    !ct_open(skb, p, &key, DIR_FROM_UPLINK, &change))
		return TC_ACT_UNSPEC;
	return deliver(skb, to->ifindex, to->mac, DIR_FROM_UPLINK);
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

__noinline int from_uplink_long_way(struct __sk_buff *skb)
{
	struct packet p = {};
	__u32 epoch = epoch_before();
	const struct endpoint *to = endpoint_of(skb, &p, false);

	if (!to || to->flags & ENDPOINT_CHAINED || skb->pkt_type != PACKET_HOST ||
	    read_rest(skb, &p) != DROP_NONE || p.flags & PACKET_ND)
		return TC_ACT_UNSPEC;
	leave_ports(&p);
	return from_uplink_for(skb, &p, to, epoch);
}

SEC("tc")
int from_uplink(struct __sk_buff *skb)
{
	struct quick q;
	struct ct_bucket *b = quick_find(skb, &q, false);

	if (b && !(q.flags & CT_STACK) && q.uplink == skb->ifindex && q.to.ifindex &&
	    skb->pkt_type == PACKET_HOST && quick_track(b, &q))
		return deliver(skb, q.to.ifindex, q.to.mac, DIR_FROM_UPLINK);
	return from_uplink_long_way(skb);
}

/**
 * What was translated on its way is another flow out here than it was when it left the pod. The
 * answer is for the stack to translate back.
 */
__noinline int to_uplink_long_way(struct __sk_buff *skb)
{
	struct packet p = {};
	const struct endpoint *from = endpoint_of(skb, &p, true);
	struct ct_change change = {.set = CT_STACK};
	struct ct_entry *e;
	struct ct_key key = {};

	if (!from || read_rest(skb, &p) != DROP_NONE || p.flags & (PACKET_ND | PACKET_ERROR))
		return TC_ACT_UNSPEC;
	leave_ports(&p);
	ct_key_of(&key, &p);
	e = ct_lookup(&key, &p);
	if (e && is_before(e, from)) {
		key.stale = true;
		e = NULL;
	}
	if (e)
		ct_track(skb, &p, &key, e, DIR_TO_UPLINK);
	else
		ct_open(skb, &p, &key, DIR_TO_UPLINK, &change);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int to_uplink(struct __sk_buff *skb)
{
	struct quick q;

	return quick_find(skb, &q, false) && q.from ? TC_ACT_UNSPEC : to_uplink_long_way(skb);
}
