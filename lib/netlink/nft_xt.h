/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nft_rule.h"

/**
 * Expressions as iptables-nft writes them, so that it can list, save and delete a rule of ours in
 * its tables: with any other it calls the whole table incompatible. Needs the kernel's nft_compat
 * and xt_*, which are there wherever iptables-nft itself has such rules.
 */

/** "-m comment --comment TEXT", cut at 255 characters (linux/netfilter/xt_comment.h). */
void nft_xt_comment(struct nl_msg *m, const char *text);

/** "-m conntrack --ctstate RELATED,ESTABLISHED" (linux/netfilter/xt_conntrack.h, revision 3). */
void nft_xt_established(struct nl_msg *m);

/** The counter that every rule of iptables has. */
void nft_counter(struct nl_msg *m);

/** The text of an expression that nft_xt_comment() or iptables wrote into @list; NULL if none. */
const char *nft_xt_read_comment(const struct nlattr *list, char buf[static 256]);
