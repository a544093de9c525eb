// SPDX-License-Identifier: Apache-2.0
/** Rules: lists of expressions that load, compare and act. */
#include "netlink/nft_rule.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "netlink/nft_private.h"

/** Verdicts of linux/netfilter.h, which no libc but glibc can be included beside. */
enum { VERDICT_DROP = 0, VERDICT_ACCEPT = 1 };

/** IP_CT_DIR_ORIGINAL of linux/netfilter/nf_conntrack_tuple_common.h, for the same reason. */
enum { DIRECTION_ORIGINAL = 0 };

void nft_rule_begin(struct nl_msg *m, const struct nft_table *table, const char *chain,
		    uint16_t flags)
{
	const struct nfgenmsg hdr = {.nfgen_family = table->family, .version = NFNETLINK_V0};

	nl_begin(m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, NLM_F_CREATE | flags, &hdr,
		 sizeof(hdr));
	nl_label(m, "add rule to nf_tables chain %s %s", table->name, chain);
	nl_str(m, NFTA_RULE_TABLE, table->name);
	nl_str(m, NFTA_RULE_CHAIN, chain);
}

/** The register that starts @offset bytes into the room for data, by the name nft(8) gives it. */
static uint32_t reg_at(size_t offset)
{
	return offset % NFT_REG_SIZE == 0 ? NFT_REG_1 + (uint32_t)(offset / NFT_REG_SIZE)
					  : NFT_REG32_00 + (uint32_t)(offset / NFT_REG32_SIZE);
}

static void compare(struct nl_msg *m, enum nft_cmp_ops op, const void *value, size_t len)
{
	expression(m, "cmp") {
		nl_be32(m, NFTA_CMP_SREG, NFT_REG_1);
		nl_be32(m, NFTA_CMP_OP, op);
		nl_nest(m, NFTA_CMP_DATA | NLA_F_NESTED)
			nl_put(m, NFTA_DATA_VALUE, value, len);
	}
}

/** Keep those of the @len bytes in register 1 that are set in @bits. */
static void mask(struct nl_msg *m, const void *bits, size_t len)
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

static void load_meta(struct nl_msg *m, uint32_t reg, enum nft_meta_keys key)
{
	expression(m, "meta") {
		nl_be32(m, NFTA_META_DREG, reg);
		nl_be32(m, NFTA_META_KEY, key);
	}
}

static void load_payload(struct nl_msg *m, uint32_t reg, enum nft_payload_bases base,
			 uint32_t offset, uint32_t len)
{
	expression(m, "payload") {
		nl_be32(m, NFTA_PAYLOAD_DREG, reg);
		nl_be32(m, NFTA_PAYLOAD_BASE, base);
		nl_be32(m, NFTA_PAYLOAD_OFFSET, offset);
		nl_be32(m, NFTA_PAYLOAD_LEN, len);
	}
}

static void load_ct(struct nl_msg *m, uint32_t reg, enum nft_ct_keys key)
{
	expression(m, "ct") {
		nl_be32(m, NFTA_CT_DREG, reg);
		nl_be32(m, NFTA_CT_KEY, key);
		if (key == NFT_CT_PROTO_DST)
			nl_u8(m, NFTA_CT_DIRECTION, DIRECTION_ORIGINAL);
	}
}

/** Where fields are: RFC 791, RFC 8200, RFC 9293, struct ethhdr of linux/if_ether.h. */
static const struct {
	enum { META = 1, PAYLOAD, CT } by;
	uint32_t key_or_base, offset, len;
} fields_at[] = {
	[NFT_IIFNAME] = {META, NFT_META_IIFNAME, .len = IFNAMSIZ},
	[NFT_OIFNAME] = {META, NFT_META_OIFNAME, .len = IFNAMSIZ},
	[NFT_ETHER_SADDR] = {PAYLOAD, NFT_PAYLOAD_LL_HEADER, 6, 6},
	[NFT_IP_SADDR] = {PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 12, 4},
	[NFT_IP_DADDR] = {PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 16, 4},
	[NFT_IP6_SADDR] = {PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 8, 16},
	[NFT_IP6_DADDR] = {PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 24, 16},
	[NFT_L4PROTO] = {META, NFT_META_L4PROTO, .len = 1},
	[NFT_DPORT] = {PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2},
	[NFT_CT_ORIGINAL_DPORT] = {CT, NFT_CT_PROTO_DST, .len = 2},
};

/** Load @field to where @offset is; returns the offset of what comes behind it. */
static size_t load(struct nl_msg *m, enum nft_field field, size_t offset)
{
	uint32_t reg = reg_at(offset);
	size_t len = fields_at[field].len;

	if (fields_at[field].by == META)
		load_meta(m, reg, fields_at[field].key_or_base);
	else if (fields_at[field].by == CT)
		load_ct(m, reg, fields_at[field].key_or_base);
	else
		load_payload(m, reg, fields_at[field].key_or_base, fields_at[field].offset,
			     (uint32_t)len);
	return offset + NLA_ALIGN(len);
}

static void load_all(struct nl_msg *m, const enum nft_field fields[])
{
	size_t offset = 0;

	for (size_t i = 0; fields[i] != NFT_NO_FIELD; i++)
		offset = load(m, fields[i], offset);
}

enum nft_field nft_address(enum nft_direction dir, int family)
{
	if (family == AF_INET)
		return dir == NFT_SOURCE ? NFT_IP_SADDR : NFT_IP_DADDR;
	return dir == NFT_SOURCE ? NFT_IP6_SADDR : NFT_IP6_DADDR;
}

void nft_match_family(struct nl_msg *m, int family)
{
	uint8_t nfproto = family == AF_INET ? NFT_FAMILY_IPV4 : NFT_FAMILY_IPV6;

	load_meta(m, NFT_REG_1, NFT_META_NFPROTO);
	compare(m, NFT_CMP_EQ, &nfproto, sizeof(nfproto));
}

void nft_match_proto(struct nl_msg *m, uint8_t proto)
{
	load_meta(m, NFT_REG_1, NFT_META_L4PROTO);
	compare(m, NFT_CMP_EQ, &proto, sizeof(proto));
}

void nft_look_up(struct nl_msg *m, const char *set, uint32_t flags, const enum nft_field fields[])
{
	load_all(m, fields);
	expression(m, "lookup") {
		nl_str(m, NFTA_LOOKUP_SET, set);
		nl_be32(m, NFTA_LOOKUP_SREG, NFT_REG_1);
		if (flags)
			nl_be32(m, NFTA_LOOKUP_FLAGS, flags);
	}
}

/** The mask of a prefix of @len bits. */
static struct ipaddr netmask(int family, int len)
{
	struct prefix ones = {.ip.family = family, .len = len};

	memset(ones.ip.bytes, 0xff, sizeof(ones.ip.bytes));
	return prefix_first(&ones);
}

void nft_match_prefix(struct nl_msg *m, enum nft_direction dir, enum nft_cmp_ops op,
		      const struct prefix *p)
{
	struct ipaddr net = prefix_first(p), bits = netmask(p->ip.family, p->len);

	load(m, nft_address(dir, p->ip.family), 0);
	if (p->len < ip_bits(&p->ip))
		mask(m, bits.bytes, ip_size(&bits));
	compare(m, op, net.bytes, ip_size(&net));
}

void nft_match_ifname(struct nl_msg *m, enum nft_field field, enum nft_cmp_ops op, const char *name)
{
	size_t len = strlen(name);
	char padded[IFNAMSIZ] = {};

	load(m, field, 0);
	if (len > 0 && name[len - 1] == '*') { // what is not compared may be anything
		compare(m, op, name, len - 1);
	} else {
		(void)snprintf(padded, sizeof(padded), "%s", name);
		compare(m, op, padded, sizeof(padded));
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

void nft_match_mark(struct nl_msg *m, enum nft_cmp_ops op, uint32_t mark)
{
	load_meta(m, NFT_REG_1, NFT_META_MARK);
	compare(m, op, &mark, sizeof(mark));
}

void nft_match_local(struct nl_msg *m, enum nft_cmp_ops op)
{
	const uint32_t local = RTN_LOCAL;

	expression(m, "fib") {
		nl_be32(m, NFTA_FIB_DREG, NFT_REG_1);
		nl_be32(m, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
		nl_be32(m, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	}
	compare(m, op, &local, sizeof(local));
}

void nft_match_ct(struct nl_msg *m, enum nft_ct_keys key, uint32_t bits)
{
	const uint32_t none = 0;

	load_ct(m, NFT_REG_1, key);
	mask(m, &bits, sizeof(bits));
	compare(m, NFT_CMP_NEQ, &none, sizeof(none));
}

void nft_masquerade(struct nl_msg *m)
{
	nl_nest(m, NFTA_LIST_ELEM | NLA_F_NESTED)
		nl_str(m, NFTA_EXPR_NAME, "masq");
}

static void decide(struct nl_msg *m, uint32_t verdict, const char *chain)
{
	expression(m, "immediate") {
		nl_be32(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
		nl_nest(m, NFTA_IMMEDIATE_DATA | NLA_F_NESTED) {
			nl_nest(m, NFTA_DATA_VERDICT | NLA_F_NESTED) {
				nl_be32(m, NFTA_VERDICT_CODE, verdict);
				if (chain)
					nl_str(m, NFTA_VERDICT_CHAIN, chain);
			}
		}
	}
}

void nft_accept(struct nl_msg *m)
{
	decide(m, VERDICT_ACCEPT, NULL);
}

void nft_drop(struct nl_msg *m)
{
	decide(m, VERDICT_DROP, NULL);
}

void nft_return(struct nl_msg *m)
{
	decide(m, (uint32_t)NFT_RETURN, NULL);
}

void nft_jump(struct nl_msg *m, const char *chain)
{
	decide(m, (uint32_t)NFT_JUMP, chain);
}

void nft_dnat_map(struct nl_msg *m, int family, const char *map, const enum nft_field fields[])
{
	bool v4 = family == AF_INET;

	load_all(m, fields);
	expression(m, "lookup") {
		nl_str(m, NFTA_LOOKUP_SET, map);
		nl_be32(m, NFTA_LOOKUP_SREG, NFT_REG_1);
		nl_be32(m, NFTA_LOOKUP_DREG, NFT_REG_1);
	}
	expression(m, "nat") {
		nl_be32(m, NFTA_NAT_TYPE, NFT_NAT_DNAT);
		nl_be32(m, NFTA_NAT_FAMILY, v4 ? NFT_FAMILY_IPV4 : NFT_FAMILY_IPV6);
		nl_be32(m, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
		nl_be32(m, NFTA_NAT_REG_PROTO_MIN, reg_at(v4 ? 4 : 16));
	}
}
