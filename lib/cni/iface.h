/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"

/**
 * The container's interface as a result describes it: what comes after an interface has been made
 * and addresses have been found, the same for every plugin that makes one.
 */
enum iface_dad { IFACE_NODAD, IFACE_DAD };

/**
 * Inside call->netns_fd: give call->at.ifname the addresses of @result that are its own, bring it
 * up and add the routes. With IFACE_DAD wait until duplicate address detection is done, 5 s at
 * most; with IFACE_NODAD switch it off for the interface, so IPv6 addresses are usable at once.
 * Nothing is undone on failure: delete the interface.
 */
int iface_configure(const struct cni_call *call, const struct cni_result *result,
		    enum iface_dad dad, struct err *e) _must_check_;

/** Inside call->netns_fd: bring the interface up, or leave it down. */
int iface_set_up(const struct cni_call *call, struct err *e) _must_check_;

/**
 * For CHECK: the interface is there and up (if @up), has the MAC address, the addresses and the
 * routes that call->prev names. ERR_MISMATCH says what is not.
 */
int iface_check(const struct cni_call *call, bool up, struct err *e) _must_check_;
