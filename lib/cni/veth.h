/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/undo.h"
#include "cni/call.h"
#include "netlink/link.h"

/**
 * The veth pair of an attachment, the same for every plugin that makes one.
 *
 * The node's end is named by a hash of network, container and interface and marked with them in its
 * ifalias, so that DEL and GC find it without any record. @nl is a socket of the node's namespace.
 */
struct veth {
	int master;     ///< index of the bridge to join, or 0
	uint32_t mtu;   ///< of both ends; 0 = the kernel's default
	struct mac mac; ///< of the container's end
};

/**
 * The MAC address the container shall have: the most specific request (runtimeConfig, args.cni,
 * CNI_ARGS), or a random one.
 */
int veth_choose_mac(const struct cni_call *call, struct mac *mac, struct err *e) _must_check_;

/**
 * Make the pair, both ends down; @index gets the index of the node's end. It has its mark.
 */
int veth_add(const struct cni_call *call, struct nl *nl, const struct veth *veth, int *index,
	     struct err *e) _must_check_;

/**
 * Both ends are up: wait until the kernel has noticed that at the node's end, for naps of 2.5 s in
 * all; what that sends earlier is lost. Usually it has already. @host gets what is then known of
 * the end.
 */
int veth_wait_up(const struct cni_call *call, struct nl *nl, struct link *host,
		 struct err *e) _must_check_;

/**
 * The node's end of the pair, as link_find() tells it: by its name, or where another plugin named
 * it by the container's end. Its index is 0 if there is none.
 */
int veth_find(const struct cni_call *call, struct nl *nl, struct link *host,
	      struct err *e) _must_check_;

/** ERR_MISMATCH unless veth_find() has found @host; the hint names the plugin, which is chained. */
int veth_need(const struct cni_call *call, const struct link *host, struct err *e) _must_check_;

/**
 * Delete the pair; it may be gone. Where another plugin named it, such as the reference plugin
 * before us, it is found by the container's end, and taken for ours if the other end is unmarked
 * and a port of the bridge called @master, or if that is NULL of none. Takes one RCU grace period.
 */
int veth_del(const struct cni_call *call, struct nl *nl, const char *master,
	     struct err *e) _must_check_;

/** Delete the pairs of this network that the runtime does not list as valid. */
int veth_gc(const struct cni_call *call, struct nl *nl, struct err *e) _must_check_;

/** For CHECK: the node's end is there, up, and a port of @master; its link goes to @out. */
int veth_check(const struct cni_call *call, struct nl *nl, const struct link *master,
	       struct link *out, struct err *e) _must_check_;

/** For CHECK: @link has the MAC address that call->prev reports for it, if it reports one. */
int veth_check_mac(const struct cni_call *call, const struct link *link,
		   struct err *e) _must_check_;
