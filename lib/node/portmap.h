/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/addr.h"
#include "node/ruleset.h"

/**
 * Ports of the node that lead to containers.
 *
 * Whatever the number of mappings, a packet of a new connection costs two look-ups:
 *
 *	table inet edgeway_portmap {
 *		map ports4 { type inet_proto . inet_service : ipv4_addr . inet_service
 *			elements = { tcp . 8080 comment "..." : 10.1.0.5 . 80 } }
 *		chain mapped {
 *			fib daddr type != local return
 *			jump conditional
 *			meta nfproto ipv4 dnat ip to ip daddr . meta l4proto . th dport map
 *@addr_ports4 meta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports4
 *			...
 *		}
 *		chain prerouting { type nat hook prerouting priority dstnat; jump mapped }
 *		chain output { type nat hook output priority dstnat; ... jump mapped }
 *		chain postrouting { type nat hook postrouting priority srcnat; ... }
 *		chain guard { type filter hook prerouting priority raw;
 *			iifname != "lo" ip daddr 127.0.0.0/8 drop
 *			iifname != "lo" ip saddr 127.0.0.0/8 drop }
 *	}
 *
 * What comes from the container's own subnet, or from 127.0.0.1, would be answered past the
 * translation, or to nowhere; so it is masqueraded. Sets say what: an address, a protocol, and the
 * port of the node by which it came, so that traffic to a cluster's services keeps its source. The
 * guard is for CVE-2020-8558: with route_localnet neighbours could reach 127.0.0.1, or pretend to
 *be 127.0.0.2.
 *
 * A line of a record is a mapping and what it is about ("map", "hairpin", "local", "all"), or a
 * note of who has it: "netns INODE PATH", "link NAME", "pod UID".
 */
extern const struct ruleset_kind portmap_kind;

struct portmap {
	uint8_t proto;         ///< IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP
	uint16_t host_port;    ///< of the node
	struct ipaddr host_ip; ///< the one address of the node; family 0 = any
	struct prefix target;  ///< the container's address, with its subnet's prefix length
	uint16_t port;         ///< of the container
	const char *condition; ///< what condition_parse() made; NULL or "" = none
};

/** All mappings of an attachment, and what tells later whether it is still there. */
struct portmap_plan {
	const struct portmap *maps;
	size_t n;
	bool snat;           ///< masquerade where the answer would not find back
	bool masq_all;       ///< and everywhere else
	const char *netns;   ///< path of the container's namespace, or NULL
	const char *pod_uid; ///< the same for each sandbox of a pod; NULL if unknown
	const char **links;  ///< the node's interfaces that it needs
	size_t n_links;
};

/**
 * Map the ports. One that another attachment has is taken from it if that is dead (its namespace
 * or one of its links is gone) or an earlier sandbox of the same pod; else ERR_EXISTS names it.
 */
int portmap_add(struct ruleset *rules, const struct attachment *a, const struct portmap_plan *plan,
		struct err *e) _must_check_;

/** Whether all is there; ERR_MISMATCH names the first mapping that is not. */
int portmap_check(struct ruleset *rules, const struct attachment *a,
		  const struct portmap_plan *plan, struct err *e) _must_check_;

/**
 * What has no end of its own, UDP for one, goes on where it went first. So forget the connections
 * that were made to mapped ports of the node before there was the mapping; or, when it is @gone,
 * those that were made through it. Those of TCP end by themselves, but to a container that
 * died without a word: @tcp forgets them too. @nl is a socket of NETLINK_NETFILTER, @route one of
 * NETLINK_ROUTE.
 */
int portmap_forget(struct nl *nl, struct nl *route, const struct portmap_plan *plan, bool gone,
		   bool tcp, struct arena *arena, struct err *e) _must_check_;

/** ERR_UNAVAILABLE if the kernel lacks what the rules need, by the name of its option. */
int portmap_probe(struct ruleset *rules, struct err *e) _must_check_;

/** "tcp", "udp", "sctp", whatever the case; 0 if it is none of them. */
uint8_t portmap_proto(const char *text);
const char *portmap_proto_text(uint8_t proto);
