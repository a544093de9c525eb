/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"
#include "netlink/link.h"

/**
 * The node's side of a point-to-point link, whose other end iface_configure_p2p() sets up: the
 * gateways' addresses are on it, and a route and a permanent neighbour for each address of the
 * container. All of it goes with the interface. @nl is a socket of the node's namespace; each
 * address of @r has a gateway.
 *
 *	10.1.0.1/32 dev veth...
 *	10.1.0.5 dev veth... scope link
 *	10.1.0.5 lladdr CONTAINER'S dev veth... PERMANENT
 */

/**
 * ERR_EXISTS if another interface than @index (0: any) has the route to one of the addresses
 * already: a second route beside the first would serve neither container.
 */
int p2p_refuse_taken(struct nl *nl, const struct cni_result *r, int index,
		     struct err *e) _must_check_;

/** Let the node forward what is of the families of the addresses. Shared, so never undone. */
int p2p_ensure_forwarding(const struct cni_result *r, struct err *e) _must_check_;

/**
 * Set up the node's end @host and bring it up; the container's has the MAC address @mac. It ignores
 * router advertisements. Of two callers with one address one gets ERR_EXISTS.
 */
int p2p_connect(struct nl *nl, const struct link *host, const struct cni_result *r,
		const struct mac *mac, struct err *e) _must_check_;

/** Put the two interfaces in front in @r, and the configuration's dns over IPAM's. */
int p2p_report(const struct cni_call *call, const struct link *host, const struct mac *mac,
	       struct cni_result *r, struct err *e) _must_check_;

/** For CHECK: all of it is there for what call->prev reports; ERR_MISMATCH says what is not. */
int p2p_check(const struct cni_call *call, struct nl *nl, const struct link *host,
	      const struct mac *mac, struct err *e) _must_check_;
