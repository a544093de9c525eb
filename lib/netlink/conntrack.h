/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/addr.h"
#include "netlink/nl.h"

/**
 * Connections the kernel tracks: IPCTNL_MSG_CT_* (linux/netfilter/nfnetlink_conntrack.h), over a
 * socket opened with NETLINK_NETFILTER.
 */
struct conntrack {
	struct ipaddr dst;      ///< where the first packet was sent to
	struct ipaddr answerer; ///< who answers: another one if it was translated
	uint8_t tuple[96];      ///< of the first packet, as the kernel names it: 72 for IPv6
	size_t tuple_len;
	uint16_t port; ///< and to which port there
	uint16_t zone;
	uint32_t id;
};

typedef int conntrack_fn(const struct conntrack *c, void *ctx, struct err *e);

/**
 * Call @fn for each connection of @family and protocol @proto whose first packet was sent to port
 * @port, 0 for any. Others stay in the kernel (CTA_FILTER, since Linux 5.8; older ones send all),
 * but it looks at each: several milliseconds with the usual size of its table, even if that is
 * empty.
 */
int conntrack_each(struct nl *nl, int family, uint8_t proto, uint16_t port, conntrack_fn *fn,
		   void *ctx, struct err *e) _must_check_;

/** Delete just this one: ENOENT if it is gone, or has been replaced. */
void conntrack_del(struct nl_msg *m, const struct conntrack *c);
