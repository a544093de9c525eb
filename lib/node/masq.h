/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/addr.h"
#include "node/ruleset.h"

/**
 * Masquerading: what leaves a container for somewhere beyond its own subnet gets the node's
 * address.
 *
 * A ruleset with a set of addresses and a rule for each subnet:
 *
 *	table inet edgeway_masq {
 *		set pods_10.1.0.0/16 { type ipv4_addr; elements = { 10.1.0.5 comment "..." } }
 *		chain postrouting {
 *			type nat hook postrouting priority srcnat; policy accept;
 *			ip saddr @pods_10.1.0.0/16 ip daddr != 10.1.0.0/16
 *				ip daddr != 224.0.0.0/4 masquerade
 *		}
 *	}
 *
 * A line of a record is an address with its subnet's prefix length.
 */
extern const struct ruleset_kind masq_kind;

/** Masquerade @addresses, each an address with its subnet's prefix length. */
int masq_add(struct ruleset *masq, const struct attachment *a, const struct prefix addresses[],
	     size_t n, struct err *e) _must_check_;

/** Whether @addresses are masqueraded; ERR_MISMATCH names the first that is not. */
int masq_check(struct ruleset *masq, const struct attachment *a, const struct prefix addresses[],
	       size_t n, struct err *e) _must_check_;

/**
 * The prefix length under which the record has @ip, which an interface may have with another one:
 * to @out. Returns 1, 0 if the record lacks it or there is none, -1 on failure.
 */
int masq_subnet(const struct ruleset *masq, const struct attachment *a, const struct ipaddr *ip,
		struct prefix *out, struct err *e) _must_check_;
