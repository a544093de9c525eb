/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/** Flags of a bridge port (IFLA_BRPORT_*, linux/if_link.h). */
struct port {
	bool hairpin;  ///< may send back what it received: `bridge link set hairpin on`
	bool isolated; ///< exchanges nothing with other isolated ports: `bridge link set isolated
		       ///< on`
};

/** Set the flags of port @index. */
void port_set(struct nl_msg *m, int index, const struct port *port);

/** Read them. -1 if @index is no bridge port. */
int port_get(struct nl *nl, int index, struct port *out, struct err *e) _must_check_;
