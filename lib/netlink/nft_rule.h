/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nft.h"

/**
 * Append a rule: the block that follows writes its expressions, in the order of evaluation.
 *
 *	nft_rule(m, table, chain) {
 *		nft_match_family(m, AF_INET);
 *		nft_match_in(m, "pods", NFT_IP_SADDR);
 *		nft_masquerade(m);
 *	}
 */
#define nft_rule(m, table, chain)                                                                  \
	nft_rule_begin(m, table, chain, NLM_F_APPEND);                                             \
	nl_nest(m, NFTA_RULE_EXPRESSIONS)

/** The same before the rules that there are. */
#define nft_rule_first(m, table, chain)                                                            \
	nft_rule_begin(m, table, chain, 0);                                                        \
	nl_nest(m, NFTA_RULE_EXPRESSIONS)

/** What a rule can look at; an address only once the family is matched. */
enum nft_field {
	NFT_NO_FIELD,
	NFT_IIFNAME,
	NFT_OIFNAME,
	NFT_ETHER_SADDR,
	NFT_IP_SADDR,
	NFT_IP_DADDR,
	NFT_IP6_SADDR,
	NFT_IP6_DADDR,
	NFT_L4PROTO,
	NFT_DPORT, ///< of any protocol that has it where TCP has; match NFT_L4PROTO beside it
	NFT_CT_ORIGINAL_DPORT, ///< the connection's, before it was translated
};

enum nft_direction { NFT_SOURCE, NFT_DESTINATION };

/** The field with the address of @family. */
enum nft_field nft_address(enum nft_direction dir, int family);

void nft_rule_begin(struct nl_msg *m, const struct nft_table *table, const char *chain,
		    uint16_t flags);

/** "meta nfproto ipv4", or ipv6. */
void nft_match_family(struct nl_msg *m, int family);

/** "meta l4proto PROTO", IPPROTO_*. nft(8) reads "ct original proto-dst" only behind it. */
void nft_match_proto(struct nl_msg *m, uint8_t proto);

/** "FIELD . FIELD @set", or "!= @set". */
#define nft_match_in(m, set, ...)                                                                  \
	nft_look_up(m, set, 0, (const enum nft_field[]){__VA_ARGS__, NFT_NO_FIELD})
#define nft_match_not_in(m, set, ...)                                                              \
	nft_look_up(m, set, NFT_LOOKUP_F_INV, (const enum nft_field[]){__VA_ARGS__, NFT_NO_FIELD})
void nft_look_up(struct nl_msg *m, const char *set, uint32_t flags, const enum nft_field fields[]);

/** "ip daddr PREFIX" (NFT_CMP_EQ) or "ip daddr != PREFIX" (NFT_CMP_NEQ), without the family. */
void nft_match_prefix(struct nl_msg *m, enum nft_direction dir, enum nft_cmp_ops op,
		      const struct prefix *p);

/** "iifname NAME", or of another field that is a name; a name that ends in * is a beginning. */
void nft_match_ifname(struct nl_msg *m, enum nft_field field, enum nft_cmp_ops op,
		      const char *name);

/** "ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00": link-local groups, IEEE 802.1D 7.12.6.
 */
void nft_match_link_local_group(struct nl_msg *m);

/** "meta mark MARK" (NFT_CMP_EQ) or "meta mark != MARK". */
void nft_match_mark(struct nl_msg *m, enum nft_cmp_ops op, uint32_t mark);

/** "fib daddr type local", or (NFT_CMP_NEQ) any other: whether the node itself is meant. */
void nft_match_local(struct nl_msg *m, enum nft_cmp_ops op);

/**
 * "ct status" or "ct state", one of @bits: IPS_* of linux/netfilter/nf_conntrack_common.h, or
 * NFT_CT_* below.
 */
void nft_match_ct(struct nl_msg *m, enum nft_ct_keys key, uint32_t bits);

/** NF_CT_STATE_BIT() of the kernel's nf_conntrack_common.h. */
enum { NFT_CT_INVALID = 1, NFT_CT_ESTABLISHED = 2, NFT_CT_RELATED = 4, NFT_CT_NEW = 8 };

/** What becomes of a packet. */
void nft_masquerade(struct nl_msg *m);
void nft_accept(struct nl_msg *m);
void nft_drop(struct nl_msg *m);
void nft_return(struct nl_msg *m);
void nft_jump(struct nl_msg *m, const char *chain);

/** "dnat ip to FIELD . FIELD map @map", whose data is an address of @family and a port. */
#define nft_dnat_by(m, family, map, ...)                                                           \
	nft_dnat_map(m, family, map, (const enum nft_field[]){__VA_ARGS__, NFT_NO_FIELD})
void nft_dnat_map(struct nl_msg *m, int family, const char *map, const enum nft_field fields[]);
