/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/** Flags of a bridge port (IFLA_BRPORT_*, linux/if_link.h). */
struct port {
	bool hairpin;  ///< may send back what it received: `bridge link set hairpin on`
	bool isolated; ///< exchanges nothing with other isolated ports: `bridge link set isolated
		       ///< on`
	uint16_t group_fwd_mask; ///< bit X: frames to 01:80:c2:00:00:0X are bridged as all others
};

/**
 * All bits that a port may have: frames to :01 (pause) are always dropped (BR_GROUPFWD_MACPAUSE,
 * net/bridge/br_private.h).
 */
enum { PORT_GROUP_FWD_ALL = 0xfffd };

/** Set the flags of port @index. */
void port_set(struct nl_msg *m, int index, const struct port *port);

/** Read them. -1 if @index is no bridge port. */
int port_get(struct nl *nl, int index, struct port *out, struct err *e) _must_check_;

/** VLANs @first to @last, 1..4094, with the same flags (BRIDGE_VLAN_INFO_*, linux/if_bridge.h). */
struct port_vlans {
	uint16_t first, last;
	bool native; ///< where frames without a tag belong, both ways: `pvid untagged`
};

/** `bridge vlan add vid FIRST-LAST dev PORT`; a later call for a VLAN overrides an earlier one. */
void port_vlan_add(struct nl_msg *m, int index, const struct port_vlans *vlans);

/** `bridge vlan del vid 1-4094 dev PORT`: also what the port got by joining the bridge. */
void port_vlan_clear(struct nl_msg *m, int index);

/** `bridge vlan add vid VLAN dev BRIDGE self`: the node's own end is in the VLAN, with tags. */
void bridge_vlan_add(struct nl_msg *m, int index, uint16_t vlan);

enum { PORT_VLANS = 4096 };
enum port_vlan_flags { PORT_VLAN_MEMBER = 1, PORT_VLAN_PVID = 2, PORT_VLAN_UNTAGGED = 4 };

/** The flags of each VLAN of a port, or of the node's own end of a bridge. */
int port_vlan_get(struct nl *nl, int index, uint8_t flags[static PORT_VLANS],
		  struct err *e) _must_check_;
