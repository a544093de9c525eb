/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/** One route: RTM_*ROUTE (linux/rtnetlink.h). */
struct route {
	struct prefix dst; ///< 0.0.0.0/0 or ::/0 for the default route
	struct ipaddr gw;  ///< family 0: no gateway, the destination is on the link
	struct ipaddr src; ///< source address to prefer; family 0: the kernel's choice
	int oif;           ///< index of the interface
	uint32_t priority; ///< 0 = the kernel's default
	uint32_t table;    ///< 0 = main
	uint32_t mtu;      ///< bytes; 0 = the interface's
	uint32_t advmss;   ///< bytes; 0 = derived
	int scope;         ///< RT_SCOPE_*; -1 = by the gateway: global with one, link without
	bool onlink;       ///< the gateway is a neighbour, though no other route says so
	bool local;        ///< only found, never added: to an address of the node itself
};

/** `ip route add`: what the kernel already has in just this form is refused with EEXIST. */
void route_add(struct nl_msg *m, const struct route *r);

/** The same, but any route of this priority to the destination is refused with EEXIST. */
void route_add_sole(struct nl_msg *m, const struct route *r);

/**
 * The route that the kernel would take to @ip, as it is in the table (RTM_F_FIB_MATCH), so that
 * @out->dst says how far it reaches. Without one, or if it refuses (blackhole), @out->oif is 0.
 */
int route_to(struct nl *nl, const struct ipaddr *ip, struct route *out, struct err *e) _must_check_;

enum { ROUTE_DEFAULTS = 16 };

/**
 * The indices of the interfaces by which the kernel would send to what it knows no closer route to,
 * in IPv4 and IPv6, each once: the default routes' in use. None is no error. With several next hops
 * all of them; beyond ROUTE_DEFAULTS the rest is left out. Costs two look-ups, however many routes
 * there are.
 */
int route_defaults(struct nl *nl, int oifs[static ROUTE_DEFAULTS], size_t *n,
		   struct err *e) _must_check_;

typedef int route_fn(const struct route *r, void *ctx, struct err *e);

/** Call @fn for each unicast route of @family, all tables, that leaves by interface @oif. */
int route_each(struct nl *nl, int oif, int family, route_fn *fn, void *ctx,
	       struct err *e) _must_check_;
