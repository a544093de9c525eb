/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "base/arena.h"
#include "netlink/vf.h"
#include "node/attachment.h"
#include "node/boot.h"
#include "node/pci.h"

/**
 * What is remembered of virtual functions, in VF_RECORD_DIR, named by PCI address: for
 * whom one was changed, what it was before, and what "clean" means. A pod may write on its
 * interface whatever it likes; these files are what counts.
 *
 * A VF that is removed and made anew, by a reboot for one, has none of the settings of the one
 * before: a record belongs to one boot and one device (pci_vf.id), and to another it says nothing.
 *
 * Written before the first change, and on disk before it is made.
 */

/** All that an attachment may change. */
struct vf_state {
	struct vf attrs;         ///< as its PF has them
	struct mac address;      ///< of its interface; zero = it had none
	uint32_t mtu;            ///< 0 = it had none
	uint32_t flags;          ///< of IFF_PROMISC, IFF_ALLMULTI and IFF_NOARP those that were set
	char name[IFNAMSIZ];     ///< on the node
	char driver[PCI_DRIVER]; ///< as pci_vf
	char alias[256];         ///< one line; empty = none
};

#define VF_RECORD_DIR "/var/lib/edgeway/sriov"

enum { VF_OWNER = 256 }; ///< what a network or a container may be called, and the NUL

struct vf_record {
	char boot[BOOT_ID];
	uint64_t device; ///< pci_vf.id
	char network[VF_OWNER], container[VF_OWNER], ifname[IFNAMSIZ];
	char netns[PATH_MAX];    ///< of the container; with what it is, for a path may come again
	uint64_t ns_dev, ns_ino; ///< fstat(2) of it
	struct mac permanent;    ///< of the interface; zero = it had none
	char info[PATH_MAX]; ///< the file that describes the device to the container; empty = none
	char bound[PCI_DRIVER]; ///< the driver that the attachment gave it; empty = none
	struct vf_state was;    ///< before the attachment
	struct vf_state clean;  ///< what it shall be afterwards
};

/**
 * Who has the VF; or, without an owner, what was found when this device was first met (`clean`),
 * and what it was given back as last (`was`), which a configuration may want otherwise.
 */
enum vf_file { VF_USED, VF_FOUND };

/** Hold the lock of the VF at @address until the descriptor is closed; makes the directory. */
int vf_record_lock(const char *address, int *fd, struct err *e) _must_check_;

/** Returns 1, 0 if there is none, -1 on failure; ERR_DECODE if it cannot be understood. */
int vf_record_read(enum vf_file file, const char *address, struct vf_record *out,
		   struct err *e) _must_check_;
int vf_record_write(enum vf_file file, const char *address, const struct vf_record *record,
		    struct err *e) _must_check_;

/** What is not there is no error. */
int vf_record_remove(enum vf_file file, const char *address, struct err *e) _must_check_;

/** Whether it is about this very device. */
bool vf_record_is_of(const struct vf_record *record, const struct pci_vf *vf, const char *boot);

/**
 * Whether the namespace of the container is still what it was: 1, and @fd gets it; 0 if not, then
 * @fd is -1. -1 if it cannot be told, which does not mean that nobody is there.
 */
int vf_record_netns(const struct vf_record *record, int *fd, struct err *e) _must_check_;

/** Whether it is the attachment's. */
bool vf_record_belongs(const struct vf_record *record, const struct attachment *at);

/** The PCI addresses of all VFs that somebody has; arena memory. */
int vf_record_list(struct arena *arena, const char ***addresses, size_t *n,
		   struct err *e) _must_check_;
