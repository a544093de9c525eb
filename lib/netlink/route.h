/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/** One route: RTM_*ROUTE (linux/rtnetlink.h). */
struct route {
	struct prefix dst; ///< 0.0.0.0/0 or ::/0 for the default route
	struct ipaddr gw;  ///< family 0: no gateway, the destination is on the link
	int oif;           ///< index of the interface
	uint32_t priority; ///< 0 = the kernel's default
	uint32_t table;    ///< 0 = main
	uint32_t mtu;      ///< bytes; 0 = the interface's
	uint32_t advmss;   ///< bytes; 0 = derived
	int scope;         ///< RT_SCOPE_*; -1 = by the gateway: global with one, link without
};

/** `ip route add`: what the kernel already has in just this form is refused with EEXIST. */
void route_add(struct nl_msg *m, const struct route *r);

typedef int route_fn(const struct route *r, void *ctx, struct err *e);

/** Call @fn for each unicast route of @family, all tables, that leaves by interface @oif. */
int route_each(struct nl *nl, int oif, int family, route_fn *fn, void *ctx,
	       struct err *e) _must_check_;
