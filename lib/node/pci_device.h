/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "node/pci.h"

/**
 * PCI devices of the kinds that programs may be given, as sysfs has them: what a device is, whether
 * it is a VF, and which files in /dev a program needs for it
 * (Documentation/ABI/testing/sysfs-bus-pci, Documentation/driver-api/vfio.rst of the kernel).
 */
enum pci_class { PCI_NETWORK = 0x02, PCI_ACCELERATOR = 0x12 }; ///< the upper byte of the class

enum {
	PCI_RDMA_NAME = 64,
	PCI_NODES = 12, ///< files in /dev that one device may need
	PCI_NODE_PATH = 64,
};

struct pci_device {
	struct pci_vf vf; ///< of what is no VF: pf is its own address, pf_netdev its own interface
	bool is_vf, has_vfs;
	unsigned int uplinks; ///< of a VF: interfaces that its PF has, representors not counted
	uint8_t class;        ///< enum pci_class
	uint16_t vendor, device;
	long acpi_index;          ///< the firmware's number for it; 0 = none
	int link_type;            ///< ARPHRD_* of its interface; -1 = it has none here
	int pf_link_type;         ///< the same of its PF's
	bool is_rdma;             ///< it has a device for InfiniBand verbs here
	char rdma[PCI_RDMA_NAME]; ///< name of that
};

/** A file in /dev for programs that drive the device. */
struct pci_node {
	char host[PCI_NODE_PATH];
	char inside[PCI_NODE_PATH]; ///< what programs look for, which may be another name
};

/**
 * The device at @address. 0: it is none of these classes, or gone meanwhile; 1: it is in @out.
 * @guess as of pci_vf_look().
 */
int pci_device_read(const char *sysfs, const char *address, uint32_t guess, struct pci_device *out);

/** All of them, by address; arena memory. */
int pci_device_list(const char *sysfs, struct arena *arena, struct pci_device **list, size_t *n,
		    struct err *e) _must_check_;

/**
 * How userspace reaches a device by its driver: vfio (an IOMMU group), or uio. Returns how many
 * @out has got, 2 at most; 0 if the driver is none for programs.
 */
size_t pci_device_nodes(const char *sysfs, const struct pci_device *device,
			struct pci_node out[static PCI_NODES]);

/** Its files in /dev/infiniband: uverbs, umad, issm, and rdma_cm, which all devices share. */
size_t pci_rdma_nodes(const char *sysfs, const struct pci_device *device,
		      struct pci_node out[static PCI_NODES]);
