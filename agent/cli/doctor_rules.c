// SPDX-License-Identifier: Apache-2.0
/** Rules of others that drop what pods send through the node's stack. */
#include <arpa/inet.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "cli/doctor.h"
#include "netlink/nft.h"
#include "node/ipt_forward.h"

enum { NF_VERDICT_DROP = 0 }; ///< NF_DROP of linux/netfilter.h, which not every libc goes with

struct chains {
	unsigned int n; ///< that drop by policy
	char first[128];
	bool firewalld;
};

static const char *family_name(uint8_t family)
{
	switch (family) {
	case NFT_FAMILY_INET:
		return "inet";
	case NFT_FAMILY_IPV4:
		return "ip";
	case NFT_FAMILY_IPV6:
		return "ip6";
	case NFT_FAMILY_BRIDGE:
		return "bridge";
	default:
		return "?";
	}
}

static int on_chain(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nfgenmsg *hdr = nl_payload(reply);
	const struct nlattr *a[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct chains *chains = ctx;
	const char *table;

	(void)e;
	if ((reply->nlmsg_type & 0xff) != NFT_MSG_NEWCHAIN)
		return 0;
	nl_parse(reply, sizeof(*hdr), a, NFTA_CHAIN_MAX);
	table = nl_get_str(a[NFTA_CHAIN_TABLE], "?");
	if (!a[NFTA_CHAIN_HOOK])
		return 0;
	nl_parse_nested(a[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_MAX);
	if (nl_get_be32(hook[NFTA_HOOK_HOOKNUM]) != NFT_HOOK_FORWARD)
		return 0;
	chains->firewalld |= !strcmp(table, "firewalld");
	if (!a[NFTA_CHAIN_POLICY] || nl_get_be32(a[NFTA_CHAIN_POLICY]) != NF_VERDICT_DROP ||
	    hdr->nfgen_family == NFT_FAMILY_BRIDGE)
		return 0;
	if (!chains->n++)
		(void)snprintf(chains->first, sizeof(chains->first), "%s %s %s",
			       family_name(hdr->nfgen_family), table,
			       nl_get_str(a[NFTA_CHAIN_NAME], "?"));
	return 0;
}

static int list_chains(struct nl *nl, struct chains *out, struct err *e)
{
	const struct nfgenmsg hdr = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nl_begin(&m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, 0, &hdr, sizeof(hdr));
	nl_label(&m, "list nf_tables chains");
	return nl_dump(nl, &m, on_chain, out, e);
}

/** A table is there from its first use on, with rules or without: only its own tool can tell. */
static void check_legacy(struct doctor *doc, int family, const char *tool)
{
	char tables[128];

	(void)snprintf(tables, sizeof(tables), "%s", ipt_legacy_tables(doc->arena, family));
	if (!*tables)
		return;
	for (char *at = tables; (at = strchr(at, '\n'));)
		*at = at[1] ? ' ' : '\0';
	doctor_warn(doc, tool,
		    "rules there can drop or translate what goes through the node's stack",
		    arena_printf(doc->arena, "%s-save shows them; use iptables-nft", tool),
		    "has tables whose rules cannot be seen from here: %s", tables);
}

int doctor_rules(struct doctor *doc, struct err *e)
{
	static const char through[] = "what pods send beyond the node, or to a Service, is dropped "
				      "unless a rule accepts it";
	static const char accept[] =
		"put the plugin firewall behind ebpf in the list of plugins, or "
		"accept the pods' addresses in that chain";
	_cleanup_(nl_closep) struct nl *nl = nl_open(NETLINK_NETFILTER, e);
	struct chains chains = {};
	bool is_ours;

	if (!nl || list_chains(nl, &chains, e) < 0 || ipt_forward_exists(nl, &is_ours, e) < 0)
		return -1;
	if (chains.n && !is_ours)
		doctor_warn(doc, "forwarded packets", through, accept, "%s drops by policy%s",
			    chains.first, chains.n > 1 ? ", and others do" : "");
	else if (chains.n)
		doctor_ok(doc, "forwarded packets",
			  "%s drops by policy; the plugin firewall lets pods "
			  "through",
			  chains.first);
	else
		doctor_ok(doc, "forwarded packets", "no chain of nf_tables drops by policy");
	check_legacy(doc, AF_INET, "iptables-legacy");
	check_legacy(doc, AF_INET6, "ip6tables-legacy");
	if (chains.firewalld || access("/run/firewalld", F_OK) == 0)
		doctor_warn(
			doc, "firewalld", "it rejects what it does not know",
			"put the pods' subnet into a zone: firewall-cmd --permanent --zone=trusted "
			"--add-source=SUBNET && firewall-cmd --reload",
			"runs");
	return 0;
}
