/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <net/if.h>

#include "netlink/nl.h"

/**
 * Network interfaces: RTM_*LINK (linux/if_link.h).
 *
 * Functions that take a struct nl_msg append a request to it; those that take a struct nl carry it
 * out. Each request says in its comment which `ip link` command it equals.
 */
struct link {
	int index;
	int master;         ///< index of the bridge or bond it belongs to, or 0
	int peer;           ///< IFLA_LINK: index of a veth's other end in its namespace, of what a
			    ///< VLAN interface stands on, or 0
	int peer_nsid;      ///< what this namespace calls that one (link_nsid()), or -1: this one
	unsigned int flags; ///< IFF_*
	uint32_t mtu;
	uint32_t txqlen;     ///< packets that may wait to be sent
	bool vlan_filtering; ///< of a bridge
	uint16_t vlan;       ///< of a VLAN interface
	uint8_t xdp;         ///< how an XDP program is attached, XDP_ATTACHED_* of linux/if_link.h
	bool operational;    ///< IF_OPER_UP of linux/if.h: carrier is there and the stack knows
	struct mac mac;
	struct mac permanent; ///< what the device had from its maker, or its driver; zero = none
	char name[IFNAMSIZ];
	char kind[16];   ///< "bridge", "veth", ...; empty for hardware
	char parent[32]; ///< the device it is of, "0000:03:10.0" of PCI; empty = none, or Linux
			 ///< < 5.14
	char alias[256]; ///< what an operator or a plugin wrote on it
};

/** A veth pair: @name here, @peer_name inside the namespace @peer_ns. */
struct link_veth {
	const char *name;
	const char *peer_name;
	int peer_ns;    ///< descriptor of the namespace
	int master;     ///< index of the bridge @name joins, or 0
	struct mac mac; ///< of @name
	struct mac peer_mac;
	uint32_t mtu; ///< of both; 0 = the kernel's default
};

/**
 * The short answer: index, flags, MAC address, MTU, and the kind of a bridge; nothing else is
 * filled in. -1 with e->os == ENODEV if there is no such interface. A link that has just come up
 * may not be operational yet here, while link_get() makes the kernel look (since Linux 6.8).
 */
int link_find(struct nl *nl, const char *name, struct link *out, struct err *e) _must_check_;

/** link_find() anew for what may have changed meanwhile: flags, MTU and MAC address. */
int link_refresh(struct nl *nl, struct link *link, struct err *e) _must_check_;

/** Look an interface up by name or index. -1 with e->os == ENODEV if there is none. */
int link_get(struct nl *nl, const char *name, struct link *out, struct err *e) _must_check_;
int link_get_index(struct nl *nl, int index, struct link *out, struct err *e) _must_check_;

/** The number by which the socket's namespace knows the one open at @fd, or -1 if it does not. */
int link_nsid(struct nl *nl, int fd, int *nsid, struct err *e) _must_check_;

/** Read an RTM_NEWLINK or RTM_DELLINK. */
void link_parse(struct link *out, const struct nlmsghdr *reply);

typedef int link_fn(const struct link *link, void *ctx, struct err *e);

/** Call @fn for each interface, or if @master is not 0 for each of its ports. */
int link_each(struct nl *nl, int master, link_fn *fn, void *ctx, struct err *e) _must_check_;

/** A bridge. */
struct link_bridge {
	const char *name;
	struct mac mac;
	uint32_t mtu; ///< 0 = the kernel's default
	bool vlan_filtering;
};

/**
 * `ip link add NAME address MAC type bridge`, down: MAC given at creation, so that neither a
 * joining port nor udev's MACAddressPolicy changes it later. Kernels without
 * CONFIG_BRIDGE_VLAN_FILTERING either refuse to make one that filters (EOPNOTSUPP) or make it
 * without filtering.
 */
void link_add_bridge(struct nl_msg *m, const struct link_bridge *bridge);

/**
 * `ip link add NAME address MAC mtu MTU type ifb`, down: a device that packets are redirected
 * through, so that what comes in by another can be queued like what leaves.
 */
void link_add_ifb(struct nl_msg *m, const char *name, const struct mac *mac, uint32_t mtu);

/** `ip link add link LOWER name NAME type vlan id VLAN`, down; its MAC address is that of LOWER. */
void link_add_vlan(struct nl_msg *m, const char *name, int lower, uint16_t vlan);

/** `ip link add NAME master BR type veth peer name PEER netns NS`; both ends are down. */
void link_add_veth(struct nl_msg *m, const struct link_veth *veth);

/** `ip link set INDEX up`; and the flags in @mask to @flags. */
void link_set_flags(struct nl_msg *m, int index, unsigned int flags, unsigned int mask);
void link_set_mac(struct nl_msg *m, int index, const struct mac *mac);
void link_set_mtu(struct nl_msg *m, int index, uint32_t mtu);
void link_set_txqlen(struct nl_msg *m, int index, uint32_t txqlen);

/**
 * `ip link set INDEX netns NS name NAME`, down then: NS is the namespace open at @ns. Takes one RCU
 * grace period. If NAME is taken there the interface has moved nevertheless, with its old name.
 */
void link_move(struct nl_msg *m, int index, int ns, const char *name);

/** `ip link set INDEX name NAME`; older kernels want it down for that. */
void link_set_name(struct nl_msg *m, int index, const char *name);

/** `ip link set INDEX alias ALIAS`; "" takes it away. */
void link_set_alias_index(struct nl_msg *m, int index, const char *alias);

/** By name, so that it can go into one message with what makes the interface. */
void link_set_alias(struct nl_msg *m, const char *name, const char *alias);

/**
 * `ip link set INDEX addrgenmode none`: no link-local IPv6 address of its own, so no multicast
 * groups and no duplicate address detection when it comes up. Nothing to do, and no error, where
 * there is no IPv6: switched off in the kernel, or on an interface whose MTU is below 1280.
 */
void link_set_no_ipv6_address(struct nl_msg *m, int index);

/**
 * Announce the addresses when the interface comes up (net.ipv4.conf.IF.arp_notify = 1), so that the
 * neighbours forget an earlier holder.
 */
void link_set_arp_notify(struct nl_msg *m, int index);

/** `ip link del`: takes one RCU grace period, so hold no lock across it. */
void link_del(struct nl_msg *m, const char *name);

/** The same by index, where one that has gone meanwhile is no error. */
void link_del_index(struct nl_msg *m, int index);

/** An undo_fn: delete interface @index over the struct nl in @ctx; what is gone is no error. */
int undo_link_del(void *ctx, int index, struct err *e);
