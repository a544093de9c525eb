/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "deviceplugin/pool.h"

/** What is said of devices in JSON, and in files for others: the container, Multus, CDI. */

/** The files in /dev that a container needs for the device, each once. */
size_t dp_nodes(const struct dp_pool *pool, const struct dp_device *d,
		struct pci_node out[static PCI_NODES]);

/**
 * The value of PCIDEVICE_..._INFO: an object by PCI address, whose members say how the device is
 * reached. Arena memory; NULL if that is short.
 */
char *dp_describe(const struct dp_pool *pool, const struct dp_device *const devices[], size_t n,
		  struct arena *arena);

/** Write the device-info file that meta plugins look for: PREFIX-NAME-ADDRESS-device.json. */
int dp_write_device_info(const struct dp_pool *pool, const struct dp_device *d,
			 struct err *e) _must_check_;

/**
 * Write the pool's CDI specification, if it is otherwise by now: a device for each of ours that
 * needs files. CDI knows no device without any. What is there already is kept for devices in use.
 */
void dp_write_cdi(struct dp_pool *pool);
void dp_remove_cdi(const struct dp_pool *pool);

/** "PREFIX/net-pci": of which kind the devices are in CDI; @buf of DP_WHY bytes. */
const char *dp_cdi_kind(const struct dp_pool *pool, char *buf);
