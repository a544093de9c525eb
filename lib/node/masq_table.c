// SPDX-License-Identifier: Apache-2.0
#include "node/masq_table.h"

#include <stdio.h>
#include <string.h>

enum { PRIORITY_SRCNAT = 100 }; ///< as nft(8) has it

const char *masq_set_name(const struct prefix *p, char *buf)
{
	const struct prefix net = {prefix_first(p), p->len};
	char text[PREFIX_TEXT];

	(void)snprintf(buf, MASQ_SET_NAME, "pods_%s", prefix_format(&net, text));
	for (char *c = buf; *c; c++)
		if (*c == ':')
			*c = '_';
	return buf;
}

void masq_put_elem(struct nl_msg *m, const struct prefix *p, const char *tag, bool exclusive)
{
	struct nft_elem elem = {.key = p->ip};
	char set[MASQ_SET_NAME];

	(void)snprintf(elem.comment, sizeof(elem.comment), "%s", tag);
	masq_set_name(p, set);
	if (exclusive)
		nft_elem_add(m, MASQ_TABLE, set, &elem);
	else
		nft_elem_ensure(m, MASQ_TABLE, set, &elem);
}

static void put_subnet(struct nl_msg *m, const struct prefix *p)
{
	static const struct prefix multicast4 = {{.family = AF_INET, .bytes = {224}}, 4};
	static const struct prefix multicast6 = {{.family = AF_INET6, .bytes = {0xff}}, 8};
	bool v6 = p->ip.family == AF_INET6;
	char name[MASQ_SET_NAME];

	masq_set_name(p, name);
	nft_set_add(m, MASQ_TABLE, &(struct nft_set){name, v6 ? NFT_KEY_IPV6 : NFT_KEY_IPV4},
		    NLM_F_EXCL);
	nft_rule(m, MASQ_TABLE, MASQ_CHAIN) {
		nft_match_set(m, NFT_SOURCE, p->ip.family, name);
		nft_match_not_prefix(m, NFT_DESTINATION, p);
		nft_match_not_prefix(m, NFT_DESTINATION, v6 ? &multicast6 : &multicast4);
		nft_masquerade(m);
	}
}

bool masq_put_subnet(struct nl_msg *m, const struct prefix *p, struct masq_subnets *written,
		     struct arena *arena)
{
	const struct prefix net = {prefix_first(p), p->len};

	for (size_t i = 0; i < written->n; i++)
		if (written->nets[i].len == net.len && !ip_cmp(&written->nets[i].ip, &net.ip))
			return true;
	written->nets = arena_grow(arena, written->nets, written->n, sizeof(net));
	if (!written->nets)
		return false;
	written->nets[written->n++] = net;
	put_subnet(m, p);
	return true;
}

bool masq_put_table(struct nl_msg *m, const struct masq_record *records, size_t n,
		    struct arena *arena)
{
	struct masq_subnets written = {};

	nft_table_add(m, MASQ_TABLE, 0); // so that there is one to delete
	nft_table_del(m, MASQ_TABLE);
	nft_table_add(m, MASQ_TABLE, 0);
	nft_chain_add_nat(m, MASQ_TABLE, MASQ_CHAIN, NFT_HOOK_POSTROUTING, PRIORITY_SRCNAT);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < records[i].n; j++) {
			if (!masq_put_subnet(m, &records[i].addresses[j], &written, arena))
				return false;
			masq_put_elem(m, &records[i].addresses[j], records[i].tag, false);
		}
	}
	return true;
}
