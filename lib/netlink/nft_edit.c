// SPDX-License-Identifier: Apache-2.0
#include "netlink/nft_edit.h"

#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "netlink/nft_xt.h"

static void begin(struct nl_msg *m, uint16_t type, const struct nft_table *table)
{
	const struct nfgenmsg hdr = {.nfgen_family = table->family, .version = NFNETLINK_V0};

	nl_begin(m, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), 0, &hdr, sizeof(hdr));
}

static void begin_rule(struct nl_msg *m, uint16_t type, const struct nft_table *table,
		       const char *chain)
{
	begin(m, type, table);
	nl_str(m, NFTA_RULE_TABLE, table->name);
	nl_str(m, NFTA_RULE_CHAIN, chain);
}

/** The chain that one of the expressions in @list jumps to, into @buf; "" if none does. */
static void read_jump(const struct nlattr *list, char *buf, size_t size)
{
	for (const struct nlattr *a = nl_next_nested(list, NULL); a; a = nl_next_nested(list, a)) {
		const struct nlattr *expr[NFTA_EXPR_MAX + 1], *imm[NFTA_IMMEDIATE_MAX + 1];
		const struct nlattr *data[NFTA_DATA_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1];

		nl_parse_nested(a, expr, NFTA_EXPR_MAX);
		if (strcmp(nl_get_str(expr[NFTA_EXPR_NAME], ""), "immediate") != 0)
			continue;
		nl_parse_nested(expr[NFTA_EXPR_DATA], imm, NFTA_IMMEDIATE_MAX);
		nl_parse_nested(imm[NFTA_IMMEDIATE_DATA], data, NFTA_DATA_MAX);
		nl_parse_nested(data[NFTA_DATA_VERDICT], verdict, NFTA_VERDICT_MAX);
		if (nl_get_be32(verdict[NFTA_VERDICT_CODE]) == (uint32_t)NFT_JUMP)
			(void)snprintf(buf, size, "%s",
				       nl_get_str(verdict[NFTA_VERDICT_CHAIN], ""));
	}
}

struct each {
	nft_rule_fn *fn;
	void *ctx;
};

static int on_rule(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nlattr *a[NFTA_RULE_MAX + 1];
	struct nft_rule_info rule = {};
	const struct each *each = ctx;
	const void *handle;
	size_t len;

	nl_parse(reply, sizeof(struct nfgenmsg), a, NFTA_RULE_MAX);
	handle = nl_get_data(a[NFTA_RULE_HANDLE], &len);
	if (!handle || len != sizeof(rule.handle))
		return 0;
	memcpy(&rule.handle, handle, sizeof(rule.handle));
	rule.handle = be64toh(rule.handle);
	if (a[NFTA_RULE_EXPRESSIONS]) {
		read_jump(a[NFTA_RULE_EXPRESSIONS], rule.jump, sizeof(rule.jump));
		(void)nft_xt_read_comment(a[NFTA_RULE_EXPRESSIONS], rule.comment);
	}
	return each->fn(&rule, each->ctx, e);
}

int nft_rule_each(struct nl *nl, const struct nft_table *table, const char *chain, nft_rule_fn *fn,
		  void *ctx, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct each each = {fn, ctx};

	begin_rule(&m, NFT_MSG_GETRULE, table, chain);
	nl_label(&m, "list rules of nf_tables chain %s %s", table->name, chain);
	return nl_dump(nl, &m, on_rule, &each, e);
}

void nft_rule_del(struct nl_msg *m, const struct nft_table *table, const char *chain,
		  uint64_t handle)
{
	uint64_t wire = htobe64(handle);

	begin_rule(m, NFT_MSG_DELRULE, table, chain);
	nl_label(m, "delete rule from nf_tables chain %s %s", table->name, chain);
	nl_put(m, NFTA_RULE_HANDLE, &wire, sizeof(wire));
}

void nft_chain_flush(struct nl_msg *m, const struct nft_table *table, const char *chain)
{
	begin_rule(m, NFT_MSG_DELRULE, table, chain);
	nl_label(m, "flush nf_tables chain %s %s", table->name, chain);
}

void nft_set_flush(struct nl_msg *m, const struct nft_table *table, const char *set)
{
	begin(m, NFT_MSG_DELSETELEM, table);
	nl_label(m, "flush nf_tables set %s %s", table->name, set);
	nl_str(m, NFTA_SET_ELEM_LIST_TABLE, table->name);
	nl_str(m, NFTA_SET_ELEM_LIST_SET, set);
}
