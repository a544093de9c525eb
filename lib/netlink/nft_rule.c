// SPDX-License-Identifier: Apache-2.0
/** Rules: lists of expressions that load, compare and act. */
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "netlink/nft.h"

void nft_rule_begin(struct nl_msg *m, const struct nft_table *table, const char *chain)
{
	const struct nfgenmsg hdr = {.nfgen_family = table->family, .version = NFNETLINK_V0};

	nl_begin(m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, &hdr,
		 sizeof(hdr));
	nl_label(m, "add rule to nf_tables chain %s %s", table->name, chain);
	nl_str(m, NFTA_RULE_TABLE, table->name);
	nl_str(m, NFTA_RULE_CHAIN, chain);
}

/** The block that follows writes the attributes of expression @name. */
#define expression(m, name)                                                                        \
	nl_nest(m, NFTA_LIST_ELEM | NLA_F_NESTED)                                                  \
		for (bool named = (nl_str(m, NFTA_EXPR_NAME, name), true); named; named = false)   \
			nl_nest(m, NFTA_EXPR_DATA | NLA_F_NESTED)

static void compare(struct nl_msg *m, enum nft_cmp_ops op, const void *value, size_t len)
{
	expression(m, "cmp") {
		nl_be32(m, NFTA_CMP_SREG, NFT_REG_1);
		nl_be32(m, NFTA_CMP_OP, op);
		nl_nest(m, NFTA_CMP_DATA | NLA_F_NESTED)
			nl_put(m, NFTA_DATA_VALUE, value, len);
	}
}

static void load_meta(struct nl_msg *m, enum nft_meta_keys key)
{
	expression(m, "meta") {
		nl_be32(m, NFTA_META_DREG, NFT_REG_1);
		nl_be32(m, NFTA_META_KEY, key);
	}
}

static void load_payload(struct nl_msg *m, enum nft_registers to, enum nft_payload_bases base,
			 uint32_t offset, uint32_t len)
{
	expression(m, "payload") {
		nl_be32(m, NFTA_PAYLOAD_DREG, to);
		nl_be32(m, NFTA_PAYLOAD_BASE, base);
		nl_be32(m, NFTA_PAYLOAD_OFFSET, offset);
		nl_be32(m, NFTA_PAYLOAD_LEN, len);
	}
}

static void look_up(struct nl_msg *m, const char *set, uint32_t flags)
{
	expression(m, "lookup") {
		nl_str(m, NFTA_LOOKUP_SET, set);
		nl_be32(m, NFTA_LOOKUP_SREG, NFT_REG_1);
		if (flags)
			nl_be32(m, NFTA_LOOKUP_FLAGS, flags);
	}
}

static void match_family(struct nl_msg *m, int family)
{
	uint8_t nfproto = family == AF_INET ? NFT_FAMILY_IPV4 : NFT_FAMILY_IPV6;

	load_meta(m, NFT_META_NFPROTO);
	compare(m, NFT_CMP_EQ, &nfproto, sizeof(nfproto));
}

static void load_address(struct nl_msg *m, enum nft_direction dir, int family)
{
	enum { SOURCE_IPV4 = 12, SOURCE_IPV6 = 8 }; // offsets in the headers: RFC 791, RFC 8200
	uint32_t len = family == AF_INET ? 4 : 16;
	uint32_t source = family == AF_INET ? SOURCE_IPV4 : SOURCE_IPV6;

	load_payload(m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER,
		     dir == NFT_SOURCE ? source : source + len, len);
}

void nft_match_set(struct nl_msg *m, enum nft_direction dir, int family, const char *set)
{
	match_family(m, family);
	load_address(m, dir, family);
	look_up(m, set, 0);
}

void nft_match_ifname(struct nl_msg *m, const char *set)
{
	load_meta(m, NFT_META_IIFNAME);
	look_up(m, set, 0);
}

void nft_match_not_ifname_mac(struct nl_msg *m, const char *set)
{
	enum { SOURCE_MAC = 6, MAC_LEN = 6 }; // linux/if_ether.h, struct ethhdr

	load_meta(m, NFT_META_IIFNAME);
	load_payload(m, NFT_REG_2, NFT_PAYLOAD_LL_HEADER, SOURCE_MAC, MAC_LEN);
	look_up(m, set, NFT_LOOKUP_F_INV);
}

/** Keep those of the @len bytes in register 1 that are set in @bits. */
static void mask(struct nl_msg *m, const uint8_t *bits, size_t len)
{
	const uint8_t zero[16] = {};

	expression(m, "bitwise") {
		nl_be32(m, NFTA_BITWISE_SREG, NFT_REG_1);
		nl_be32(m, NFTA_BITWISE_DREG, NFT_REG_1);
		nl_be32(m, NFTA_BITWISE_LEN, (uint32_t)len);
		nl_nest(m, NFTA_BITWISE_MASK | NLA_F_NESTED)
			nl_put(m, NFTA_DATA_VALUE, bits, len);
		nl_nest(m, NFTA_BITWISE_XOR | NLA_F_NESTED)
			nl_put(m, NFTA_DATA_VALUE, zero, len);
	}
}

void nft_match_link_local_group(struct nl_msg *m)
{
	static const uint8_t bits[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xf0};
	static const uint8_t group[] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x00};

	load_payload(m, NFT_REG_1, NFT_PAYLOAD_LL_HEADER, 0, sizeof(group));
	mask(m, bits, sizeof(bits));
	compare(m, NFT_CMP_EQ, group, sizeof(group));
}

/** The mask of a prefix of @len bits. */
static struct ipaddr netmask(int family, int len)
{
	struct prefix ones = {.ip.family = family, .len = len};

	memset(ones.ip.bytes, 0xff, sizeof(ones.ip.bytes));
	return prefix_first(&ones);
}

void nft_match_not_prefix(struct nl_msg *m, enum nft_direction dir, const struct prefix *p)
{
	struct ipaddr net = prefix_first(p), bits = netmask(p->ip.family, p->len);

	load_address(m, dir, p->ip.family);
	if (p->len < ip_bits(&p->ip))
		mask(m, bits.bytes, ip_size(&bits));
	compare(m, NFT_CMP_NEQ, net.bytes, ip_size(&net));
}

void nft_masquerade(struct nl_msg *m)
{
	nl_nest(m, NFTA_LIST_ELEM | NLA_F_NESTED)
		nl_str(m, NFTA_EXPR_NAME, "masq");
}

void nft_drop(struct nl_msg *m)
{
	expression(m, "immediate") {
		nl_be32(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
		nl_nest(m, NFTA_IMMEDIATE_DATA | NLA_F_NESTED) {
			nl_nest(m, NFTA_DATA_VERDICT | NLA_F_NESTED)
				nl_be32(m, NFTA_VERDICT_CODE, NFT_VERDICT_DROP);
		}
	}
}
