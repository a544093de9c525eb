/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/**
 * SR-IOV virtual functions as their physical function's driver keeps them: IFLA_VFINFO_LIST of
 * RTM_*LINK (linux/if_link.h). `ip link set PF vf NUMBER ...` speaks of the same.
 *
 * What the interface of a VF has itself, its address and MTU, is link.h's.
 */
enum vf_attr {
	VF_MAC = 1,      ///< administrative address; zero = the VF may choose
	VF_VLAN = 2,     ///< VLAN, priority and protocol together
	VF_RATE = 4,     ///< both rates together
	VF_SPOOFCHK = 8, ///< frames with a foreign source address are dropped
	VF_LINK_STATE = 16,
	VF_TRUST = 32, ///< the VF may change its address and be promiscuous
	VF_ATTRS = 63, ///< all of them, each lower one applied before the next by the kernel
};

/** IFLA_VF_LINK_STATE_* of linux/if_link.h, which are its values. */
enum vf_link_state { VF_LINK_AUTO, VF_LINK_ENABLE, VF_LINK_DISABLE, VF_LINK_STATES };

struct vf {
	unsigned int known; ///< enum vf_attr: the members that mean something
	struct mac mac;
	uint16_t vlan;  ///< 1..4094; 0 = none
	uint16_t proto; ///< ETH_P_8021Q or ETH_P_8021AD of linux/if_ether.h
	uint8_t qos;    ///< 0..7
	bool spoofchk, trust;
	uint8_t link_state;          ///< enum vf_link_state
	uint32_t min_rate, max_rate; ///< Mbit/s; 0 = no limit
};

enum { VF_TEXT = 64 };

/**
 * Read VF @number of the interface @pf. A driver that does not know of spoofchk or trust leaves
 * them out of out->known. -1 with e->os == ENODEV if there is no such interface, or it has no such
 * VF.
 */
int vf_get(struct nl *nl, int pf, uint32_t number, struct vf *out, struct err *e) _must_check_;

/** What has passed through a VF since it was made, as its PF's driver counts: IFLA_VF_STATS. */
struct vf_stats {
	bool known; ///< the driver counts
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, broadcast, multicast, rx_dropped,
		tx_dropped;
};

/** One VF of a PF; return -1 with @e filled to stop. */
typedef int vf_fn(uint32_t number, const struct vf *vf, const struct vf_stats *stats, void *ctx,
		  struct err *e);

/**
 * Call @fn for each VF of the interface @pf, by one request. Drivers may take a while for counters:
 * without @with_stats they are not asked for them.
 */
int vf_each(struct nl *nl, int pf, bool with_stats, vf_fn *fn, void *ctx,
	    struct err *e) _must_check_;

/**
 * Append one request that sets what values->known names. The kernel applies one attribute after the
 * other and stops at the first that the driver refuses: those before it stay.
 */
void vf_set(struct nl_msg *m, int pf, uint32_t number, const struct vf *values);

/** Read VF @number out of an RTM_NEWLINK; false if it is not in there. */
bool vf_parse(const struct nlmsghdr *reply, uint32_t number, struct vf *out);

/** Call @fn for each VF in an RTM_NEWLINK. */
int vf_parse_all(const struct nlmsghdr *reply, vf_fn *fn, void *ctx, struct err *e) _must_check_;

/** What @b knows and @a has otherwise, or does not know: a set of enum vf_attr. */
unsigned int vf_diff(const struct vf *a, const struct vf *b);

/** One attribute for a message, "vlan 100 qos 3 proto 802.1Q", into @buf of VF_TEXT; returns it. */
const char *vf_text(const struct vf *vf, enum vf_attr attr, char *buf);
