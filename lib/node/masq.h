/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "netlink/nl.h"
#include "node/attachment.h"

/**
 * Masquerading: what leaves a container for somewhere beyond its own subnet gets the node's
 *address.
 *
 * One table of our own, with a set of addresses and a rule for each subnet:
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
 * Adding and removing a container is one element each, whatever the number of containers. Its
 * comment says whose it is, so nobody takes away an address that has passed to another.
 *
 * What should be there is kept in /run/edgeway/masq, one file per attachment. When an addition
 *finds the table gone, because somebody flushed the ruleset, it is rebuilt from there, for all.
 *
 * Functions take the address of a socket that they open when they first need it, and leave open: it
 * must be closed after links are deleted, not before (nft.h).
 */
struct masq {
	struct nl *nl; ///< NETLINK_NETFILTER, or NULL
	struct arena *arena;
};

void masq_done(struct masq *masq);

/** Masquerade @addresses, each an address with its subnet's prefix length. */
int masq_add(struct masq *masq, const struct attachment *a, const struct prefix addresses[],
	     size_t n, struct err *e) _must_check_;

/**
 * Take away what masq_add() did, by its record; if there is none, what @addresses say and carries
 * the attachment's comment. What is already gone is no error.
 */
int masq_del(struct masq *masq, const struct attachment *a, struct prefix addresses[], size_t n,
	     struct err *e) _must_check_;

/** Whether @addresses are masqueraded; ERR_MISMATCH names the first that is not. */
int masq_check(struct masq *masq, const struct attachment *a, const struct prefix addresses[],
	       size_t n, struct err *e) _must_check_;

/** Whether to keep the attachment with this tag. */
typedef bool masq_keep_fn(const char *tag, void *ctx);

/** Take away all attachments to @network that @keep does not want. */
int masq_gc(struct masq *masq, const char *network, masq_keep_fn *keep, void *ctx,
	    struct err *e) _must_check_;

/** Rebuild the table from the records. */
int masq_resync(struct masq *masq, struct err *e) _must_check_;
