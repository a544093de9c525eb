// SPDX-License-Identifier: Apache-2.0
#include "node/macspoof.h"

#include <stdio.h>
#include <string.h>

#include "netlink/nft_rule.h"

#define PORTS "ports"
#define MACS  "macs"

enum { LINE_MAX_LEN = IFNAMSIZ + MAC_TEXT };

/** Before whatever else looks at a frame: dstnat of nft(8), for bridges. */
enum { PRIORITY_DSTNAT = -300 };

static const struct nft_chain chain = {"prerouting", "filter", NFT_HOOK_PREROUTING,
				       PRIORITY_DSTNAT};

static void put_base(struct nl_msg *m)
{
	const struct nft_table *table = &macspoof_kind.table;

	nft_set_add(m, table, &(struct nft_set){PORTS, {{NFT_IFNAME}}, {}}, 0);
	nft_set_add(m, table, &(struct nft_set){MACS, {{NFT_IFNAME, NFT_ETHER}}, {}}, 0);
	nft_rule(m, table, chain.name) {
		nft_match_in(m, PORTS, NFT_IIFNAME);
		nft_match_link_local_group(m);
		nft_drop(m);
	}
	nft_rule(m, table, chain.name) {
		nft_match_in(m, PORTS, NFT_IIFNAME);
		nft_match_not_in(m, MACS, NFT_IIFNAME, NFT_ETHER_SADDR);
		nft_drop(m);
	}
}

static size_t elems(const char *line, struct ruleset_elem out[static RULESET_ELEMS])
{
	size_t len = strcspn(line, " ");
	char name[IFNAMSIZ];
	struct mac mac;

	if (len == 0 || len >= sizeof(name) || !line[len] || mac_parse(&mac, line + len + 1))
		return 0;
	(void)snprintf(name, sizeof(name), "%.*s", (int)len, line);
	(void)snprintf(out[0].set, RULESET_SET, PORTS);
	out[0].key = nft_key_ifname(name);
	(void)snprintf(out[1].set, RULESET_SET, MACS);
	out[1].key = nft_key_ifname(name);
	nft_key_put_mac(&out[1].key, &mac);
	return 2;
}

const struct ruleset_kind macspoof_kind = {
	.name = "macspoof",
	.table = {NFT_FAMILY_BRIDGE, "edgeway_macspoof"},
	.chains = &chain,
	.n_chains = 1,
	.put_base = put_base,
	.base_sets = 2,
	.base_uses = (const uint32_t[]){2},
	.elems = elems,
};

static const char *line_of(const char *port, const struct mac *mac, char buf[static LINE_MAX_LEN])
{
	char text[MAC_TEXT];

	(void)snprintf(buf, LINE_MAX_LEN, "%s %s", port, mac_format(mac, text));
	return buf;
}

int macspoof_add(struct ruleset *rules, const struct attachment *a, const char *port,
		 const struct mac *mac, struct err *e)
{
	char line[LINE_MAX_LEN];

	return ruleset_add(rules, a, (const char *const[]){line_of(port, mac, line)}, 1, e);
}

int macspoof_check(struct ruleset *rules, const struct attachment *a, const char *port,
		   const struct mac *mac, struct err *e)
{
	char line[LINE_MAX_LEN];
	const char *missing;

	if (ruleset_check(rules, a, (const char *const[]){line_of(port, mac, line)}, 1, &missing,
			  e) < 0)
		return -1;
	if (!missing)
		return 0;
	(void)err_set(e, ERR_MISMATCH, "%s is not bound to its MAC address", port);
	return err_hint(e, "the ruleset was flushed or changed; --resync rebuilds it");
}
