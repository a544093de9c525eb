// SPDX-License-Identifier: Apache-2.0
#include "node/masq.h"

#include <stdio.h>
#include <string.h>

#include "netlink/nft_rule.h"
#include "node/ruleset_record.h"

enum { PRIORITY_SRCNAT = 100 }; ///< as nft(8) has it

static const struct nft_chain chain = {"postrouting", "nat", NFT_HOOK_POSTROUTING, PRIORITY_SRCNAT};

static size_t elems(const char *line, struct ruleset_elem out[static RULESET_ELEMS])
{
	struct prefix p;

	if (prefix_parse(&p, line))
		return 0;
	ruleset_set_name("pods", &p, out[0].set);
	out[0].key = nft_key_ip(&p.ip);
	return 1;
}

static void put_set(struct nl_msg *m, const char *line)
{
	static const struct prefix multicast4 = {{.family = AF_INET, .bytes = {224}}, 4};
	static const struct prefix multicast6 = {{.family = AF_INET6, .bytes = {0xff}}, 8};
	const struct nft_table *table = &masq_kind.table;
	char name[RULESET_SET];
	struct prefix p;
	bool v6;

	if (prefix_parse(&p, line))
		return;
	v6 = p.ip.family == AF_INET6;
	ruleset_set_name("pods", &p, name);
	nft_set_add(m, table, &(struct nft_set){name, {{v6 ? NFT_IPV6 : NFT_IPV4}}, {}},
		    NLM_F_EXCL);
	nft_rule(m, table, chain.name) {
		nft_match_family(m, p.ip.family);
		nft_match_in(m, name, nft_address(NFT_SOURCE, p.ip.family));
		nft_match_prefix(m, NFT_DESTINATION, NFT_CMP_NEQ, &p);
		nft_match_prefix(m, NFT_DESTINATION, NFT_CMP_NEQ, v6 ? &multicast6 : &multicast4);
		nft_masquerade(m);
	}
}

const struct ruleset_kind masq_kind = {
	.name = "masq",
	.table = {NFT_FAMILY_INET, "edgeway_masq"},
	.chains = &chain,
	.n_chains = 1,
	.elems = elems,
	.put_set = put_set,
};

/** @addresses as lines; NULL when memory is short. */
static const char **lines_of(const struct prefix addresses[], size_t n, struct arena *arena)
{
	const char **lines = arena_calloc(arena, n + 1, sizeof(*lines));
	char text[PREFIX_TEXT];

	for (size_t i = 0; lines && i < n; i++) {
		lines[i] = arena_strdup(arena, prefix_format(&addresses[i], text));
		if (!lines[i])
			return NULL;
	}
	return lines;
}

static int no_memory(struct err *e)
{
	return err_set(e, ERR_TRY_AGAIN, "masquerade: out of memory");
}

int masq_add(struct ruleset *masq, const struct attachment *a, const struct prefix addresses[],
	     size_t n, struct err *e)
{
	const char **lines = lines_of(addresses, n, masq->arena);

	return lines ? ruleset_add(masq, a, lines, n, e) : no_memory(e);
}

int masq_check(struct ruleset *masq, const struct attachment *a, const struct prefix addresses[],
	       size_t n, struct err *e)
{
	const char **lines = lines_of(addresses, n, masq->arena), *missing;

	if (!lines)
		return no_memory(e);
	if (ruleset_check(masq, a, lines, n, &missing, e) < 0)
		return -1;
	if (!missing)
		return 0;
	(void)err_set(e, ERR_MISMATCH, "%.*s is not masqueraded", (int)strcspn(missing, "/"),
		      missing);
	return err_hint(e, "the ruleset was flushed or changed; --resync rebuilds it");
}

int masq_subnet(const struct ruleset *masq, const struct attachment *a, const struct ipaddr *ip,
		struct prefix *out, struct err *e)
{
	struct ruleset_record record;
	struct prefix p;
	char id[ATTACHMENT_ID];
	int rc = ruleset_record_read(masq->kind->name, RECORD_LIVE, attachment_id(a, id), &record,
				     masq->arena, e);

	for (size_t i = 0; rc > 0 && i < record.n; i++)
		if (!prefix_parse(&p, record.lines[i]) && !ip_cmp(&p.ip, ip)) {
			*out = p;
			return 1;
		}
	return rc < 0 ? -1 : 0;
}
