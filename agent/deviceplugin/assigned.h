/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "grpc/client.h"
#include "node/pci.h"

struct dp;

enum { DP_RESOURCE = 320 };

/**
 * Which devices the kubelet has given to whom: what it asked us for (Allocate), and what it says
 * (PodResourcesLister, pod-resources/kubelet.sock). It is asked when something has happened to
 * which the answer matters; it tells nothing by itself.
 *
 * A kubelet that has just started answers before it has heard of its pods (it reads them from the
 * API server). What it does not name then stays its pods' for a while; and as long as it does not
 * name what a container has it is asked again.
 */
struct dp_assignment {
	char address[PCI_ADDRESS];
	char resource[DP_RESOURCE];                       ///< "prefix/name", as which it was given
	char pod[254], namespace_name[64], container[64]; ///< "" while only Allocate has named it
	int64_t since;                                    ///< loop_now()
	bool confirmed;                                   ///< the kubelet says so, too
};

struct dp_assigned {
	struct dp *dp;
	struct dp_assignment *list;
	size_t n, room;
	struct grpc_client *client; ///< while it is being asked
	int64_t asked;
	bool again;     ///< ask once more when the answer is there
	bool answered;  ///< it has, once, and knew its pods
	int64_t doubt;  ///< until then it may not know them
	int64_t ending; ///< until then it may name pods that have given their devices back
	struct loop_timer retry;
	int64_t pause; ///< before the next one
};

void dp_assigned_open(struct dp_assigned *a, struct dp *dp);

/** The kubelet has asked for it, as the resource @name. */
void dp_assigned_note(struct dp_assigned *a, const char *address, const char *name);

/** A kubelet has come, or come again: ask what it knows. */
void dp_assigned_meet(struct dp_assigned *a);

/** A container has taken a device, or given it back: ask, and again while the pod ends. */
void dp_assigned_changed(struct dp_assigned *a);

/** Whom the kubelet has given it to, as whatever resource; NULL: nobody. */
const struct dp_assignment *dp_assigned_find(const struct dp_assigned *a, const char *address);

/**
 * Whom it has given it to as the resource @name, or as another. The kubelet counts devices by
 * resource: one that has changed to another while a pod has it is free there, as it sees it.
 */
const struct dp_assignment *dp_assigned_as(const struct dp_assigned *a, const char *address,
					   const char *name);
const struct dp_assignment *dp_assigned_otherwise(const struct dp_assigned *a, const char *address,
						  const char *name);

/** Ask; dp_publish() follows when the answer, or none, is there. */
void dp_assigned_ask(struct dp_assigned *a);

void dp_assigned_free(struct dp_assigned *a);
