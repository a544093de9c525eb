// SPDX-License-Identifier: Apache-2.0
/** What the kernel must be able to do, by the names of its options. */
#include <errno.h>

#include "netlink/nft_rule.h"
#include "node/portmap.h"

#define PROBE "edgeway_probe"

static const struct nft_table table = {NFT_FAMILY_INET, PROBE};

static void put_nothing(struct nl_msg *m)
{
	(void)m;
}

static void put_nat(struct nl_msg *m)
{
	static const struct nft_chain nat = {"nat", "nat", NFT_HOOK_POSTROUTING, 100};

	nft_chain_add(m, &table, &nat);
	nft_rule(m, &table, "nat")
		nft_masquerade(m);
}

static void put_fib(struct nl_msg *m)
{
	nft_rule(m, &table, "rules")
		nft_match_local(m, NFT_CMP_EQ);
}

static void put_ct(struct nl_msg *m)
{
	nft_rule(m, &table, "rules")
		nft_match_ct(m, NFT_CT_STATUS, 1);
}

static const struct {
	const char *options;
	void (*put)(struct nl_msg *m);
} features[] = {
	{"CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET", put_nothing},
	{"CONFIG_NFT_NAT and CONFIG_NFT_MASQ", put_nat},
	{"CONFIG_NFT_FIB_INET", put_fib},
	{"CONFIG_NFT_CT", put_ct},
};

/** Try features @from to @to in a transaction that ends with a mistake, so that nothing of it
 * stays. */
static bool works(struct nl *nl, size_t from, size_t to)
{
	static const struct nft_chain rules = {"rules", NULL, 0, 0};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct err e = {};

	nft_batch_begin(&m, 0);
	nft_table_add(&m, &table, 0);
	nft_chain_add(&m, &table, &rules);
	for (size_t i = from; i < to; i++)
		features[i].put(&m);
	nft_table_add(&m, &table, NLM_F_EXCL);
	nft_batch_end(&m);
	return nl_call(nl, &m, &e) < 0 && e.os == EEXIST;
}

int portmap_probe(struct ruleset *rules, struct err *e)
{
	bool exists = false;

	if (!rules->nl)
		rules->nl = nl_open(NETLINK_NETFILTER, e);
	if (!rules->nl) {
		e->code = ERR_UNAVAILABLE;
		return err_hint(e, "the kernel needs CONFIG_NETFILTER_NETLINK");
	}
	// Where the table is the kernel has shown that it can, and trying takes a grace period.
	if ((nft_exists(rules->nl, &rules->kind->table, NULL, &exists, e) == 0 && exists) ||
	    works(rules->nl, 0, ARRAY_SIZE(features)))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		if (!works(rules->nl, i, i + 1))
			return err_set(e, ERR_UNAVAILABLE,
				       "ports cannot be mapped: the kernel lacks %s",
				       features[i].options);
	return 0;
}
