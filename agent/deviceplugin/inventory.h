/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "deviceplugin/config.h"
#include "netlink/nl.h"
#include "node/pci_device.h"
#include "node/vf_hold.h"

/**
 * What devices the node has, to which resource each belongs, and whether it can be given to
 * anybody. Looked up anew whenever something has changed; nothing runs, so the command `edgeway
 * devices` says the same as the daemon.
 */
enum { DP_NO_RESOURCE = -1, DP_ID = 64 };

struct dp_device {
	struct pci_device pci;
	int resource;                       ///< index in dp_config.resources, or DP_NO_RESOURCE
	const struct dp_selector *selector; ///< that has claimed it
	struct vf_hold hold;
	struct vf vf;      ///< what its PF says of it; known == 0: nothing
	bool carrier_lost; ///< its PF has no carrier, and that counts
	char trouble[128]; ///< why nobody can use it, whoever has it; empty = nothing
};

struct dp_inventory {
	struct arena arena;
	struct dp_device *devices; ///< by address
	size_t n;
};

/**
 * Look at everything. @sysfs: where it is; @nl: NETLINK_ROUTE in the node's namespace. The
 * configuration is borrowed as long as the inventory lives.
 */
int dp_inventory_take(struct dp_inventory *out, const struct dp_config *config, const char *sysfs,
		      const char *boot, struct nl *nl, struct err *e) _must_check_;

void dp_inventory_free(struct dp_inventory *inventory);

const struct dp_device *dp_inventory_find(const struct dp_inventory *inventory,
					  const char *address);

/**
 * How the VF @d is held at this moment, for whoever is about to give it away: no event may have
 * told yet, and a PF that is down tells nothing (netdev_state_change() of the kernel). Other
 * devices are held by nobody.
 */
int dp_inventory_hold(const struct dp_device *d, const char *sysfs, const char *boot, struct nl *nl,
		      struct vf_hold *out, struct err *e) _must_check_;

/** Whether there are devices that are offered though their PF is down. */
bool dp_inventory_is_deaf(const struct dp_inventory *inventory);

/**
 * Whether the selector fits the device. One that a container has is what it was before: it stays in
 * its resource, though its interface is away, or its driver another.
 */
bool dp_selects(const struct dp_selector *s, const struct dp_resource *r,
		const struct dp_device *device);
