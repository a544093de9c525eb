// SPDX-License-Identifier: Apache-2.0
#include "node/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/nft_rule.h"
#include "sandbox.h"
#include "test.h"

struct rules *rules_init(struct rules *rules, const struct ruleset_kind *kind)
{
	*rules = (struct rules){.set.kind = kind};
	rules->set.arena = &rules->arena;
	return rules;
}

void rules_done(struct rules *rules)
{
	ruleset_done(&rules->set);
	arena_free(&rules->arena);
}

static size_t elems(const char *line, struct ruleset_elem out[static RULESET_ELEMS])
{
	char copy[RULES_LINE], *rest;
	const char *set, *word;
	size_t n = 0;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	set = strtok_r(copy, " ", &rest);
	while (set && n < RULESET_ELEMS && (word = strtok_r(NULL, " ", &rest))) {
		struct ipaddr ip;

		if (ip_parse(&ip, word))
			return 0;
		(void)snprintf(out[n].set, RULESET_SET, "%s", set);
		out[n++].key = nft_key_ip(&ip);
	}
	return n;
}

static const struct nft_chain chain = {"out", "filter", NFT_HOOK_POSTROUTING, 0};

static void put_set(struct nl_msg *m, const char *line)
{
	struct ruleset_elem first[RULESET_ELEMS];

	if (!elems(line, first))
		return;
	nft_set_add(m, &rules_kind.table, &(struct nft_set){first[0].set, {{NFT_IPV4}}, {}},
		    NLM_F_EXCL);
	nft_rule(m, &rules_kind.table, chain.name) {
		nft_match_family(m, AF_INET);
		nft_match_in(m, first[0].set, NFT_IP_SADDR);
		nft_drop(m);
	}
}

const struct ruleset_kind rules_kind = {
	.name = "test",
	.table = {NFT_FAMILY_INET, "edgeway_test"},
	.chains = &chain,
	.n_chains = 1,
	.elems = elems,
	.put_set = put_set,
};

size_t rules_split(char *text, const char *lines[static RULES_LINES])
{
	size_t n = 0;
	char *rest;

	for (char *l = strtok_r(text, ",", &rest); l; l = strtok_r(NULL, ",", &rest))
		lines[n++] = l + strspn(l, " ");
	return n;
}

void rules_add(const struct attachment *a, const char *text)
{
	_cleanup_(freep) char *copy = strdup(text);
	const char *lines[RULES_LINES];
	struct err e = {};
	RULES(rules, &rules_kind);

	if (ruleset_add(&rules->set, a, lines, rules_split(copy, lines), &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

void rules_del(const struct attachment *a, bool search)
{
	struct err e = {};
	RULES(rules, &rules_kind);

	if (ruleset_del(&rules->set, a, search, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

bool rules_keep(const char *tag, const void *ctx)
{
	return strstr(tag, ctx) != NULL;
}

void rules_gc(const char *kept, bool search)
{
	struct err e = {};
	RULES(rules, &rules_kind);

	if (ruleset_gc(&rules->set, "net", rules_keep, kept, search, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

const char *addresses_in_sets(void)
{
	return sh_output("nft list ruleset | tr '\\n\\t{}' '    ' | "
			 "grep -oE '[0-9a-f.:]+ comment \"[^\"]*\"' | sort | "
			 "sed 's/ comment \"edgeway / /; s/\"//' | tr '\\n' ','");
}

int lines_with(const char *word)
{
	return atoi(sh_output("nft list ruleset | awk '/%s/ { n++ } END { print n + 0 }'", word));
}

void ruleset_loads_back(void)
{
	sh("nft list ruleset > /run/before && nft flush ruleset && nft -f /run/before && "
	   "nft list ruleset > /run/after && diff /run/before /run/after");
}
