/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/netfilter/nf_tables.h>
#include <net/if.h>

#include "netlink/nl.h"

/**
 * nf_tables transactions (linux/netfilter/nf_tables.h), on the builder of nl.h.
 *
 *	nft_batch_begin(&m, 0);
 *	nft_table_add(&m, table, 0);
 *	nft_set_add(&m, table, &set, 0);
 *	nft_batch_end(&m);
 *	return nl_call(nl, &m, e);
 *
 * Everything between begin and end happens at once or not at all. Keys carry the type numbers and
 * user data that nft(8) writes, so that `nft list ruleset` prints what `nft -f` loads back.
 *
 * Closing the socket (opened with NETLINK_NETFILTER) makes the kernel finish pending deletions of
 * everybody first, 10 ms and more (nf_tables_rcv_nl_event()); so delete links before closing it.
 */

/** NFPROTO_* and NF_* of linux/netfilter.h, which no libc but glibc can be included beside. */
enum { NFT_FAMILY_INET = 1, NFT_FAMILY_IPV4 = 2, NFT_FAMILY_BRIDGE = 7, NFT_FAMILY_IPV6 = 10 };
enum {
	NFT_HOOK_PREROUTING = 0,
	NFT_HOOK_INPUT = 1,
	NFT_HOOK_FORWARD = 2,
	NFT_HOOK_OUTPUT = 3,
	NFT_HOOK_POSTROUTING = 4
};

struct nft_table {
	uint8_t family; ///< NFT_FAMILY_*
	const char *name;
};

/** A base chain, whose policy is to accept; without a type one that is only jumped to. */
struct nft_chain {
	const char *name;
	const char *type; ///< "filter", "nat", "route"; or NULL
	uint32_t hook;    ///< NFT_HOOK_*
	int priority;     ///< as nft(8) names them: dstnat is -100, or -300 for bridges; srcnat 100
};

/** What a part of a key or of a map's data is. */
enum nft_part { NFT_NONE, NFT_IPV4, NFT_IPV6, NFT_ETHER, NFT_PROTO, NFT_PORT, NFT_IFNAME };
enum { NFT_PARTS = 3 };

/** A part, or several in a row, which nft(8) calls a concatenation. */
struct nft_type {
	enum nft_part parts[NFT_PARTS];
};

/** A set; with a type of data a map. */
struct nft_set {
	const char *name;
	struct nft_type key, data;
};

/** The key of an element, or its data. */
struct nft_key {
	uint8_t bytes[IFNAMSIZ + 16];
	size_t len;
	char text[IFNAMSIZ + MAC_TEXT + IP_TEXT]; ///< for messages
};

/** A key of one part; and appending another. */
struct nft_key nft_key_ip(const struct ipaddr *ip);
struct nft_key nft_key_ifname(const char *name);
void nft_key_put_ip(struct nft_key *key, const struct ipaddr *ip);
void nft_key_put_ifname(struct nft_key *key, const char *name);
void nft_key_put_mac(struct nft_key *key, const struct mac *mac);
void nft_key_put_proto(struct nft_key *key, uint8_t proto);
void nft_key_put_port(struct nft_key *key, uint16_t port);

/** One element, and who put it there: the comment comes back with nft_elem_get(). */
struct nft_elem {
	struct nft_key key;
	struct nft_key data; ///< of a map; empty if it is a set
	char comment[128];   ///< at most 127 characters: NFTNL_UDATA_COMMENT_MAXLEN of libnftnl
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
void nft_table_add(struct nl_msg *m, const struct nft_table *table, uint16_t flags);
void nft_table_del(struct nl_msg *m, const struct nft_table *table);
void nft_chain_add(struct nl_msg *m, const struct nft_table *table, const struct nft_chain *chain);
void nft_set_add(struct nl_msg *m, const struct nft_table *table, const struct nft_set *set,
		 uint16_t flags);

/** Whether there is the set, or with @set NULL the table. */
int nft_exists(struct nl *nl, const struct nft_table *table, const char *set, bool *out,
	       struct err *e) _must_check_;

/**
 * How often each chain is used, that is its rules and the jumps to it, and how many chains and sets
 * @table has: all 0 if the table or one of the chains is gone.
 */
int nft_count(struct nl *nl, const struct nft_table *table, const struct nft_chain chains[],
	      size_t n, uint32_t uses[], uint32_t *objects, struct err *e) _must_check_;

/**
 * Put an element into a set: nft_elem_add() is EEXIST if it is there, nft_elem_ensure() leaves one
 * that is there as it is, comment and all. Or take it out: ENOENT if it is not there.
 */
void nft_elem_add(struct nl_msg *m, const struct nft_table *table, const char *set,
		  const struct nft_elem *elem);
void nft_elem_ensure(struct nl_msg *m, const struct nft_table *table, const char *set,
		     const struct nft_elem *elem);
void nft_elem_del(struct nl_msg *m, const struct nft_table *table, const char *set,
		  const struct nft_key *key);

/** Look one element up by its key. -1 with e->os == ENOENT if it, the set or the table is gone. */
int nft_elem_get(struct nl *nl, const struct nft_table *table, const char *set,
		 const struct nft_key *key, struct nft_elem *out, struct err *e) _must_check_;

/** What to do with a set, or an element; return -1 with @e filled to stop. */
typedef int nft_set_fn(const char *set, void *ctx, struct err *e);
typedef int nft_elem_fn(const struct nft_elem *elem, void *ctx, struct err *e);

/**
 * Call @fn for the sets of @table, or the elements of @set; possibly twice for one if the ruleset
 * changes meanwhile. -1 with e->os == ENOENT if the table or the set is gone.
 */
int nft_set_each(struct nl *nl, const struct nft_table *table, nft_set_fn *fn, void *ctx,
		 struct err *e) _must_check_;
int nft_elem_each(struct nl *nl, const struct nft_table *table, const char *set, nft_elem_fn *fn,
		  void *ctx, struct err *e) _must_check_;
