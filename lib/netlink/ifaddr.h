/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/**
 * Addresses of interfaces: RTM_*ADDR (linux/if_addr.h).
 */
struct iface_addr {
	int index; ///< of the interface
	struct prefix prefix;
	uint32_t flags; ///< IFA_F_*
};

enum ifaddr_how {
	IFADDR_NODAD = 0,    ///< an IPv6 address is usable at once
	IFADDR_DAD = 1,      ///< ... or after duplicate address detection
	IFADDR_NO_ROUTE = 2, ///< beside one of them: no route to the subnet comes with it
};

/** `ip addr add PREFIX dev INDEX`, with the broadcast address for IPv4 where there is one. */
void ifaddr_add(struct nl_msg *m, int index, const struct prefix *p, enum ifaddr_how how);
void ifaddr_del(struct nl_msg *m, int index, const struct prefix *p);

/** Whether @p is the first IPv4 address of the interface called @name: the cheapest question. */
bool ifaddr_is_first(const char *name, const struct prefix *p);

typedef int ifaddr_fn(const struct iface_addr *addr, void *ctx, struct err *e);

/** Call @fn for each address of interface @index, or of all if 0; @family 0 means both. */
int ifaddr_each(struct nl *nl, int index, int family, ifaddr_fn *fn, void *ctx,
		struct err *e) _must_check_;
