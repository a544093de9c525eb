/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nft.h"

/** Tables that others write into too: what is there, and taking away a part of it. */

/** A rule that is there. */
struct nft_rule_info {
	uint64_t handle;   ///< its name in its table, never given again
	char comment[256]; ///< that of iptables; or empty
	char jump[32];     ///< the chain it jumps to; or empty
};

/** What to do with a rule; return -1 with @e filled to stop. */
typedef int nft_rule_fn(const struct nft_rule_info *rule, void *ctx, struct err *e);

/**
 * Call @fn for the rules of @chain in their order; possibly twice for one if the ruleset changes
 * meanwhile. None if there is no such chain, -1 with e->os == ENOENT if there is no table.
 */
int nft_rule_each(struct nl *nl, const struct nft_table *table, const char *chain, nft_rule_fn *fn,
		  void *ctx, struct err *e) _must_check_;

/** Delete the rule with this handle: ENOENT if it is gone. */
void nft_rule_del(struct nl_msg *m, const struct nft_table *table, const char *chain,
		  uint64_t handle);

/** Delete all rules of @chain; all elements of @set. */
void nft_chain_flush(struct nl_msg *m, const struct nft_table *table, const char *chain);
void nft_set_flush(struct nl_msg *m, const struct nft_table *table, const char *set);
