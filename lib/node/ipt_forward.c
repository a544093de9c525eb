// SPDX-License-Identifier: Apache-2.0
#include "node/ipt_forward.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "netlink/nft_edit.h"
#include "netlink/nft_xt.h"
#include "node/ruleset_private.h"

#define FORWARD "FORWARD"
#define CHAIN   "CNI-FORWARD"

/** As the reference plugin has it, which looks for this rule before it adds one. */
static const char jump_comment[] = "CNI firewall plugin rules";
static const char tag_start[] = "edgeway ";

static const struct nft_table tables[] = {{NFT_FAMILY_IPV4, "filter"}, {NFT_FAMILY_IPV6, "filter"}};
static const int families[] = {AF_INET, AF_INET6};

enum { TRIES = 50, RULES_PER_IP = 2, NAMES_MAX = 4096 };

static int chain_exists(struct nl *nl, const struct nft_table *table, const char *name, bool *out,
			struct err *e)
{
	const struct nft_chain chain = {.name = name};
	uint32_t uses, objects;

	if (nft_count(nl, table, &chain, 1, &uses, &objects, e) < 0)
		return -1;
	*out = objects > 0;
	return 0;
}

int ipt_forward_exists(struct nl *nl, bool *out, struct err *e)
{
	*out = false;
	for (size_t i = 0; i < ARRAY_SIZE(tables) && !*out; i++)
		if (chain_exists(nl, &tables[i], CHAIN, out, e) < 0)
			return -1;
	return 0;
}

static int match_jump(const struct nft_rule_info *rule, void *ctx, struct err *e)
{
	(void)e;
	*(bool *)ctx |= !strcmp(rule->jump, CHAIN);
	return 0;
}

/** Whether there is FORWARD in @table, and whether it jumps to our chain. */
static int look_at_forward(struct nl *nl, const struct nft_table *table, bool *exists, bool *jumps,
			   struct err *e)
{
	*jumps = false;
	if (chain_exists(nl, table, FORWARD, exists, e) < 0)
		return -1;
	return *exists ? nft_rule_each(nl, table, FORWARD, match_jump, jumps, e) : 0;
}

/** What is looked for among the rules of CHAIN. */
struct search {
	const struct nft_table *table;
	ruleset_tag_fn *wanted;
	const void *ctx;
	struct nl_msg *m; ///< to delete what is found, or NULL
	size_t found, tagged;
};

static int match_tag(const struct nft_rule_info *rule, void *ctx, struct err *e)
{
	struct search *s = ctx;

	(void)e;
	s->tagged += !strncmp(rule->comment, tag_start, strlen(tag_start));
	if (!s->wanted(rule->comment, s->ctx))
		return 0;
	s->found++;
	if (s->m)
		nft_rule_del(s->m, s->table, CHAIN, rule->handle);
	return 0;
}

static size_t count_family(const struct ipaddr ips[], size_t n, int family)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += ips[i].family == family;
	return count;
}

/** Both rules of @ip. */
static void put_rules(struct nl_msg *m, const struct nft_table *table, const char *tag,
		      const struct ipaddr *ip)
{
	const struct prefix host = {*ip, ip_bits(ip)};

	nft_rule(m, table, CHAIN) {
		nft_match_prefix(m, NFT_DESTINATION, NFT_CMP_EQ, &host);
		nft_xt_established(m);
		nft_xt_comment(m, tag);
		nft_counter(m);
		nft_accept(m);
	}
	nft_rule(m, table, CHAIN) {
		nft_match_prefix(m, NFT_SOURCE, NFT_CMP_EQ, &host);
		nft_xt_comment(m, tag);
		nft_counter(m);
		nft_accept(m);
	}
}

static void put_jump(struct nl_msg *m, const struct nft_table *table)
{
	nft_chain_add(m, table, &(struct nft_chain){.name = CHAIN});
	nft_rule_first(m, table, FORWARD)
	{
		nft_xt_comment(m, jump_comment);
		nft_counter(m);
		nft_jump(m, CHAIN);
	}
}

/** The rules of one family, in place of those of the same tag that an earlier ADD has left. */
static int add_once(struct nl *nl, size_t family, const char *tag, const struct ipaddr ips[],
		    size_t n, bool *lost, struct err *e)
{
	const struct nft_table *table = &tables[family];
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct search s = {.table = table, .wanted = ruleset_is_tag, .ctx = tag, .m = &m};
	bool exists, jumps;
	uint32_t genid;

	if (nft_genid(nl, &genid, e) < 0 || look_at_forward(nl, table, &exists, &jumps, e) < 0)
		return -1;
	if (!exists)
		return 0;
	nft_batch_begin(&m, jumps ? 0 : genid); // or two who come at once would both jump
	if (!jumps)
		put_jump(&m, table);
	if (nft_rule_each(nl, table, CHAIN, match_tag, &s, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (ips[i].family == families[family])
			put_rules(&m, table, tag, &ips[i]);
	nft_batch_end(&m);
	*lost |= !jumps || s.tagged == 0;
	return nl_call(nl, &m, e);
}

/** Whether somebody else's change came between our look and our commit. */
static bool is_race(const struct err *e)
{
	return e->os == ERESTART || e->os == ENOENT;
}

int ipt_forward_add(struct nl *nl, const char *tag, const struct ipaddr ips[], size_t n, bool *lost,
		    struct err *e)
{
	*lost = false;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		int rc = count_family(ips, n, families[i]) ? -1 : 0;

		for (int j = 0; j < TRIES && rc < 0; j++) {
			rc = add_once(nl, i, tag, ips, n, lost, e);
			if (rc < 0 && !is_race(e))
				return -1;
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

int ipt_forward_check(struct nl *nl, const char *tag, const struct ipaddr ips[], size_t n,
		      struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct search s = {.wanted = ruleset_is_tag, .ctx = tag};
		bool exists, jumps;
		size_t want = count_family(ips, n, families[i]) * RULES_PER_IP;

		if (!want)
			continue;
		if (look_at_forward(nl, &tables[i], &exists, &jumps, e) < 0)
			return -1;
		if (!exists)
			continue;
		if (nft_rule_each(nl, &tables[i], CHAIN, match_tag, &s, e) < 0)
			return -1;
		if (!jumps || s.found < want)
			return err_set(e, ERR_MISMATCH, "%s are missing in iptables' %s, table %s",
				       jumps ? "the container's rules" : "the rules of containers",
				       jumps ? CHAIN : FORWARD, i ? "ip6 filter" : "ip filter");
	}
	return 0;
}

static int del_once(struct nl *nl, const struct nft_table *table, ruleset_tag_fn *is_gone,
		    const void *ctx, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct search s = {.table = table, .wanted = is_gone, .ctx = ctx, .m = &m};

	nft_batch_begin(&m, 0);
	if (nft_rule_each(nl, table, CHAIN, match_tag, &s, e) < 0)
		return -1;
	if (!s.found)
		return 0;
	nft_batch_end(&m);
	return nl_call(nl, &m, e);
}

int ipt_forward_del(struct nl *nl, ruleset_tag_fn *is_gone, const void *ctx, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		int rc = -1;

		for (int j = 0; j < TRIES && rc < 0; j++) {
			rc = del_once(nl, &tables[i], is_gone, ctx, e);
			if (rc < 0 && !is_race(e))
				return -1;
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

const char *ipt_legacy_tables(struct arena *arena, int family)
{
	const char *list =
		family == AF_INET ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names";
	_cleanup_(fd_closep) int fd = open(list, O_RDONLY | O_CLOEXEC);
	struct err ignored = {};
	const char *names = fd < 0 ? NULL : file_read_all(arena, fd, NAMES_MAX, list, &ignored);

	return names ? names : "";
}

bool ipt_legacy_filters(struct arena *arena)
{
	return strstr(ipt_legacy_tables(arena, AF_INET), "filter\n") ||
	       strstr(ipt_legacy_tables(arena, AF_INET6), "filter\n");
}
