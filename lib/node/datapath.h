/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "../bpf/shared/datapath.h"
#include "base/addr.h"
#include "base/arena.h"
#include "netlink/nl.h"

/**
 * The eBPF data path of the node, from the side of who attaches a pod: programs and maps pinned
 * below EDGEWAY_PINS. They are loaded once, by whoever comes first: the loader, a program of its
 * own in the directory of the plugins, is executed for it under a lock. It is executed again if
 * what is pinned was built from other sources than the loader carries: an upgrade in place.
 */
struct datapath {
	int endpoints, interfaces, epoch, about;      ///< maps
	int from_pod, to_pod, from_uplink, to_uplink; ///< programs
	int lock; ///< shared: as long as it is held nothing is loaded, replaced or unloaded
};

/** Ours among an interface's filters: this and the name of the program, "edgeway/from_pod". */
#define DATAPATH_FILTER "edgeway/"

/** Under whose lock programs are loaded and replaced. */
#define DATAPATH_LOCK "/run/edgeway/datapath.lock"

#define DATAPATH_CLOSED                                                                            \
	{                                                                                          \
		-1, -1, -1, -1, -1, -1, -1, -1, -1                                                 \
	}

/**
 * Open everything, and load it first if that has not been done, has not come to its end, or was
 * done by a loader of another build than ours. @loader is the path of the executable.
 */
int datapath_open(struct datapath *d, const char *loader, struct err *e) _must_check_;

/**
 * Open what is loaded, of whatever build, and nothing else: -1 with e->os ENOENT if nothing is, or
 * not yet all of it.
 */
int datapath_find(struct datapath *d, struct err *e) _must_check_;
void datapath_close(struct datapath *d);

/** The pod's end: what the programs know of it. Replaces what is there. */
int datapath_put_interface(const struct datapath *d, int ifindex, const struct interface *value,
			   struct err *e) _must_check_;
int datapath_put_endpoint(const struct datapath *d, const struct ipaddr *ip,
			  const struct endpoint *value, struct err *e) _must_check_;

/** Look one up: 1, 0 if there is none, -1. */
int datapath_get_interface(const struct datapath *d, int ifindex, struct interface *out,
			   struct err *e) _must_check_;
int datapath_get_endpoint(const struct datapath *d, const struct ipaddr *ip, struct endpoint *out,
			  struct err *e) _must_check_;

/** Forget one, if it is still @ifindex's: an address that has passed to another pod stays. */
int datapath_forget_endpoint(const struct datapath *d, const struct ipaddr *ip, int ifindex,
			     struct err *e) _must_check_;

/** Forget an interface and whatever endpoints still lead to it. */
int datapath_forget_interface(const struct datapath *d, int ifindex, struct err *e) _must_check_;

/**
 * Attach from_pod and to_pod to the node's end @ifindex; or detach whatever of ours is there, and
 * the qdisc with it if that leaves it empty. Where somebody else's program is at our place
 * (filter_put()) the former fails with ERR_EXISTS, and the latter leaves it alone.
 */
int datapath_attach_pod(const struct datapath *d, struct nl *nl, int ifindex,
			struct err *e) _must_check_;
int datapath_detach(struct nl *nl, int ifindex, struct err *e) _must_check_;

/** The same with from_uplink and to_uplink, unless they are there. */
int datapath_attach_uplink(const struct datapath *d, struct nl *nl, int ifindex,
			   struct err *e) _must_check_;

/** Whether the programs at the node's end @ifindex are those that are pinned. */
int datapath_is_attached(const struct datapath *d, struct nl *nl, int ifindex, bool *out,
			 struct err *e) _must_check_;

/** The present as endpoint.since has it. */
uint32_t datapath_now(void);

/** An address as the programs' maps have it. */
union address datapath_address(const struct ipaddr *ip);
struct ipaddr datapath_ip(const union address *address);
