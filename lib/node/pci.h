/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/**
 * SR-IOV virtual functions on the PCI bus, as sysfs has them
 * (Documentation/ABI/testing/sysfs-bus-pci and PCI/pci-iov-howto of the kernel).
 *
 * @sysfs is where sysfs is: PCI_SYSFS, or a recorded tree. A sysfs shows the interfaces of the
 * network namespace it was mounted in: a VF whose interface is in a container has none here.
 */
#define PCI_SYSFS "/sys"

enum {
	PCI_ADDRESS = 13, ///< "0000:03:10.0" and the NUL
	PCI_DRIVER = 64,
};

struct pci_vf {
	char address[PCI_ADDRESS];
	uint64_t id;          ///< of this device until it is removed; in this boot no other has it
	char pf[PCI_ADDRESS]; ///< its physical function
	char pf_netdev[IFNAMSIZ];   ///< whose interface takes attributes of its VFs
	uint32_t number;            ///< among the VFs of @pf
	char netdev[IFNAMSIZ];      ///< its own interface; empty = none here
	char driver[PCI_DRIVER];    ///< empty = none
	char representor[IFNAMSIZ]; ///< where the switch of a PF in switchdev mode sees it; empty =
				    ///< none
	int numa_node;              ///< -1 = unknown
	int iommu_group;            ///< -1 = none
};

/** NULL if @text is an address as sysfs writes it, in lower case with domain; else what is wrong.
 */
const char *pci_address_check(const char *text);

/**
 * Look the VF at @address up. ERR_CONFIG if there is no such device or it is no VF, and e->os
 * ENOENT if it is gone; ERR_UNAVAILABLE if its PF has no interface here, or several so that it
 * cannot be told which.
 */
int pci_vf_find(const char *sysfs, const char *address, struct pci_vf *out,
		struct err *e) _must_check_;

/** Whether there is a device at @address; false if that is none. */
bool pci_exists(const char *sysfs, const char *address);

/**
 * As pci_vf_find(), but the interface of the PF may be missing: @uplinks is how many there are that
 * might be it, and unless that is 1, out->pf_netdev is empty. Who looks at one after the other
 * saves time by a good @guess at out->number.
 */
int pci_vf_look(const char *sysfs, const char *address, uint32_t guess, struct pci_vf *out,
		unsigned int *uplinks, struct err *e) _must_check_;

/** The interface of the VF has appeared, gone, or has another name: read vf->netdev and driver
 * anew. A device that is gone has none. ERR_IO if it cannot be told. */
int pci_vf_refresh(const char *sysfs, struct pci_vf *vf, struct err *e) _must_check_;

/** Whether @driver hands a device to programs, so that it has no interface (vfio-pci and alike). */
bool pci_driver_is_userspace(const char *driver);

/**
 * Give the VF to @driver: driver_override, unbind, drivers_probe. ERR_KERNEL if it is then not
 * bound to it. Takes as long as the drivers need.
 */
int pci_vf_bind(const char *sysfs, struct pci_vf *vf, const char *driver,
		struct err *e) _must_check_;

/**
 * Take that back, however far it has come: no override, and @driver again, which the kernel finds
 * by itself; "" = none.
 */
int pci_vf_unbind(const char *sysfs, struct pci_vf *vf, const char *driver,
		  struct err *e) _must_check_;
