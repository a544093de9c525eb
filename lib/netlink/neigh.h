/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/**
 * `ip neigh replace IP lladdr MAC dev INDEX nud stale`: the node knows the neighbour from the first
 * packet on, and drops what it remembered of an earlier holder of the address; being stale, the
 * entry is confirmed by the kernel in the usual way once it is used.
 */
void neigh_set(struct nl_msg *m, int index, const struct ipaddr *ip, const struct mac *mac);

/** The same, `nud permanent`: the neighbour is never asked, and never forgotten. */
void neigh_set_permanent(struct nl_msg *m, int index, const struct ipaddr *ip,
			 const struct mac *mac);

/** ERR_MISMATCH unless that is how the neighbour is known. */
int neigh_check_permanent(struct nl *nl, int index, const struct ipaddr *ip, const struct mac *mac,
			  struct err *e) _must_check_;
