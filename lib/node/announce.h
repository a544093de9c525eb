/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/**
 * Telling the neighbours whose an address is now, so that they forget an earlier holder.
 *
 * Everything happens in the network namespace the caller is in.
 */

/**
 * Wait until the interface has carrier and may send, @wait_ms at most: the kernel wakes us when it
 * changes. Returns 1, 0 if the time is over, -1 on failure.
 */
int announce_await(struct nl *nl, int index, unsigned int wait_ms, struct err *e) _must_check_;

/**
 * One ARP announcement (RFC 5227, 3: a request for one's own address) of an IPv4 address, one
 * unsolicited neighbour advertisement (RFC 4861, 7.2.6) of an IPv6 one, which must be the
 * interface's already.
 */
int announce_address(int index, const struct mac *mac, const struct ipaddr *ip,
		     struct err *e) _must_check_;
