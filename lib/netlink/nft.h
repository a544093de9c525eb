/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/netfilter/nf_tables.h>

#include "netlink/nl.h"

/**
 * nf_tables transactions (linux/netfilter/nf_tables.h), on the builder of nl.h.
 *
 *	nft_batch_begin(&m, 0);
 *	nft_table_add(&m, table);
 *	nft_set_add(&m, table, &set);
 *	nft_batch_end(&m);
 *	return nl_call(nl, &m, e);
 *
 * Everything between begin and end happens at once or not at all. All tables are of the family
 * inet. Keys carry the type numbers and user data that nft(8) writes, so that `nft list ruleset`
 * prints what `nft -f` loads back.
 *
 * Closing the socket (opened with NETLINK_NETFILTER) makes the kernel finish pending deletions of
 * everybody first, 10 ms and more (nf_tables_rcv_nl_event()); so delete links before closing it.
 */

/** NFPROTO_* and NF_* of linux/netfilter.h, which no libc but glibc can be included beside. */
enum { NFT_FAMILY_INET = 1, NFT_FAMILY_IPV4 = 2, NFT_FAMILY_IPV6 = 10 };
enum { NFT_POLICY_ACCEPT = 1, NFT_HOOK_POSTROUTING = 4 };

/** Key types as nft(8) numbers them (enum datatypes of its datatype.h). */
enum nft_key { NFT_KEY_IPV4 = 7, NFT_KEY_IPV6 = 8 };

struct nft_set {
	const char *name;
	enum nft_key key;
};

/** One element, and who put it there: the comment comes back with nft_elem_get(). */
struct nft_elem {
	struct ipaddr key;
	char comment[128]; ///< at most 127 characters: NFTNL_UDATA_COMMENT_MAXLEN of libnftnl
};

/**
 * Open the transaction. If @genid is not 0, it is refused with ERESTART when the ruleset has
 * changed since nft_genid() returned that number.
 */
void nft_batch_begin(struct nl_msg *m, uint32_t genid);
void nft_batch_end(struct nl_msg *m);

/** The generation of the ruleset: changes with every committed transaction. */
int nft_genid(struct nl *nl, uint32_t *genid, struct err *e) _must_check_;

/** Add a table, a chain, a set: existing ones are fine; with @flags NLM_F_EXCL they are EEXIST. */
void nft_table_add(struct nl_msg *m, const char *table, uint16_t flags);
void nft_table_del(struct nl_msg *m, const char *table);
void nft_chain_add_nat(struct nl_msg *m, const char *table, const char *chain, uint32_t hook,
		       int priority);
void nft_set_add(struct nl_msg *m, const char *table, const struct nft_set *set, uint16_t flags);

/** Whether there is the set, or with @set NULL the table. */
int nft_exists(struct nl *nl, const char *table, const char *set, bool *out,
	       struct err *e) _must_check_;

/**
 * Whether @chain still has a rule for each set of @table, by what the kernel counts: for tables
 * made of one chain and of sets with a rule each. What somebody added of his own does not matter.
 */
int nft_has_rules(struct nl *nl, const char *table, const char *chain, bool *out,
		  struct err *e) _must_check_;

/**
 * Put an element into a set: nft_elem_add() is EEXIST if it is there, nft_elem_ensure() leaves one
 * that is there as it is, comment and all. Or take it out: ENOENT if it is not there.
 */
void nft_elem_add(struct nl_msg *m, const char *table, const char *set,
		  const struct nft_elem *elem);
void nft_elem_ensure(struct nl_msg *m, const char *table, const char *set,
		     const struct nft_elem *elem);
void nft_elem_del(struct nl_msg *m, const char *table, const char *set, const struct ipaddr *key);

/** Look one element up by its key. -1 with e->os == ENOENT if it, the set or the table is gone. */
int nft_elem_get(struct nl *nl, const char *table, const char *set, const struct ipaddr *key,
		 struct nft_elem *out, struct err *e) _must_check_;

/**
 * Append a rule: the block that follows writes its expressions, in the order of evaluation.
 *
 *	nft_rule(m, table, chain) {
 *		nft_match_set(m, NFT_SOURCE, AF_INET, "pods");
 *		nft_masquerade(m);
 *	}
 */
#define nft_rule(m, table, chain)                                                                  \
	nft_rule_begin(m, table, chain);                                                           \
	nl_nest(m, NFTA_RULE_EXPRESSIONS)

enum nft_direction { NFT_SOURCE, NFT_DESTINATION };

void nft_rule_begin(struct nl_msg *m, const char *table, const char *chain);

/** "meta nfproto ipv4 ip saddr @set", or its like for IPv6 and the destination. */
void nft_match_set(struct nl_msg *m, enum nft_direction dir, int family, const char *set);

/** "ip daddr != PREFIX"; the family must have been matched before in the same rule. */
void nft_match_not_prefix(struct nl_msg *m, enum nft_direction dir, const struct prefix *p);
void nft_masquerade(struct nl_msg *m);
