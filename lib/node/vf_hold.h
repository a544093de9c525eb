/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "node/vf_record.h"

/**
 * Whether a VF may be given to somebody: what the records of the CNI plugin `sriov` and the VF
 * itself say.
 */
enum vf_hold_kind {
	VF_FREE,      ///< nobody's, and as it shall be (or never met, so that there is nothing to
		      ///< compare)
	VF_HELD,      ///< a container has it, which lives
	VF_LEFT,      ///< the container that had it is gone, and no DEL has come for it
	VF_DIRTY,     ///< nobody's, but not as it shall be
	VF_AWAY,      ///< there is no record, but its interface is in some other network namespace
	VF_UNCERTAIN, ///< a record cannot be read, or not whether its container lives
};

struct vf_hold {
	enum vf_hold_kind kind;
	char network[VF_OWNER], container[VF_OWNER], ifname[IFNAMSIZ]; ///< of VF_HELD, VF_LEFT
	char netns[256];         ///< of them: the path of the namespace; cut if it is longer
	char driver[PCI_DRIVER]; ///< that it had before its container wanted another; empty = this
				 ///< one
	char why[256];           ///< one line for people; empty if it is free
};

/**
 * @vf is as pci_vf_look() found it in this boot, @boot; @now is what its PF says of it, or NULL if
 * it says nothing. Reads two small files.
 */
void vf_hold_look(const struct pci_vf *vf, const char *boot, const struct vf *now,
		  struct vf_hold *out);

/** "free", "held", "left", "dirty", "away", "uncertain". */
const char *vf_hold_name(enum vf_hold_kind kind);
