/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"
#include "netlink/link.h"

/**
 * The container's interface as a result describes it: what comes after an interface has been made
 * and addresses have been found, the same for every plugin that makes one.
 */
enum iface_dad { IFACE_NODAD, IFACE_DAD };

/**
 * Whether an interface can have this MTU (0: the kernel's default), with IPv6 addresses too if
 * @ipv6: ETH_MIN_MTU of linux/if_ether.h, RFC 8200 section 5. The message is about the key mtu.
 */
int iface_check_mtu(int64_t mtu, bool ipv6, struct err *e) _must_check_;

/**
 * Inside call->netns_fd: give call->at.ifname the addresses of @result that are its own, bring it
 * up and add the routes. With IFACE_DAD wait until duplicate address detection is done, 5 s at
 * most; with IFACE_NODAD switch it off for the interface, so IPv6 addresses are usable at once.
 * Nothing is undone on failure: delete the interface.
 */
int iface_configure(const struct cni_call *call, const struct cni_result *result,
		    enum iface_dad dad, struct err *e) _must_check_;

/**
 * The same on a point-to-point link, without duplicate address detection: the only neighbour is the
 * gateway, at the MAC address @peer, and its entry is permanent, so nobody has to answer ARP or ND.
 * Everything else, the rest of the subnet too, goes through it:
 *
 *	10.1.0.1 dev eth0 scope link src 10.1.0.5
 *	10.1.0.0/24 via 10.1.0.1 dev eth0 src 10.1.0.5
 *
 * Each address needs a gateway of its own family. Where another interface of the container has one
 * of these routes already it fails with EEXIST; but a link-local gateway is on each link its own.
 */
int iface_configure_p2p(const struct cni_call *call, const struct cni_result *result,
			const struct mac *peer, struct err *e) _must_check_;

/** Inside call->netns_fd: bring the interface up, or leave it down. */
int iface_set_up(const struct cni_call *call, struct err *e) _must_check_;

/**
 * For CHECK: the interface is there and up (if @up), has the MAC address, the addresses and the
 * routes that call->prev names. ERR_MISMATCH says what is not.
 */
int iface_check(const struct cni_call *call, bool up, struct err *e) _must_check_;

/**
 * The same for iface_configure_p2p(): the interface is up, and its own routes and neighbours are
 * there too. @mac gets its MAC address.
 */
int iface_check_p2p(const struct cni_call *call, const struct mac *peer, struct mac *mac,
		    struct err *e) _must_check_;

/** Whether @ip of call->prev is an address of the container's interface, not of another. */
bool iface_owns(const struct cni_call *call, const struct cni_ip *ip);

/**
 * Delete the node's interfaces of this kind that carry the tag of an attachment to the network
 * which the runtime does not list as valid. @nl is a socket of the node's namespace.
 */
int iface_gc(const struct cni_call *call, struct nl *nl, const char *kind,
	     struct err *e) _must_check_;

/**
 * Append @link to @result as an interface with MAC address @mac: the container's, by the name the
 * runtime gave it, if there is a @sandbox, else one of the node's. Strings go to the call's arena.
 */
int iface_report(const struct cni_call *call, struct cni_result *result, const struct link *link,
		 const struct mac *mac, const char *sandbox, struct err *e) _must_check_;
