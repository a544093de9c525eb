/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "../bpf/shared/datapath.h"
#include "base/addr.h"
#include "base/arena.h"
#include "netlink/link.h"
#include "node/attachment.h"

/** A pod as the maps and the node's links know it. */
struct pod {
	int index;      ///< of the node's end
	uint32_t flags; ///< enum endpoint_flags
	struct mac mac; ///< the pod's
	struct ipaddr *ips;
	size_t n_ips;
	uint32_t since;   ///< CT_TICKS: connections of before were another's; 0 if nothing says so
	bool is_known;    ///< it is in MAP_INTERFACES, not only in MAP_ENDPOINTS
	bool has_link;    ///< the node's end is there
	struct link link; ///< if so
	struct attachment attachment; ///< NULLs if it cannot be told whose it is
};

struct pods {
	struct pod *list; ///< by index of the interface
	size_t n;
};

/** All pods of the maps; arena memory. @nl: NETLINK_ROUTE, of the node. */
int pods_load(struct pods *out, struct nl *nl, struct arena *arena, struct err *e) _must_check_;

/**
 * Of @all those that @what means: an address, the name of the node's end, or the beginning of a
 * container's id. An error if there is none, or the id's beginning is that of several containers.
 */
int pods_select(const struct pods *all, const char *what, struct pods *out, struct arena *arena,
		struct err *e) _must_check_;

/** The pod behind interface @index, or with the address; NULL if there is none. */
const struct pod *pods_by_index(const struct pods *pods, int index);
const struct pod *pods_by_address(const struct pods *pods, const struct ipaddr *ip);

/** What every object about a pod says: "interface", "ifindex", "container", "network", "ifname". */
void pods_describe(json_t *object, const struct pod *pod, int index);

/** For tables: the beginning of the container's id, or the interface, of such an object. */
void pods_cell(const json_t *row, char *buf);
