// SPDX-License-Identifier: Apache-2.0
#include "node/firewall.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "netlink/nft_edit.h"
#include "netlink/nft_rule.h"
#include "node/ipt_forward.h"
#include "node/ruleset_private.h"
#include "node/ruleset_record.h"

#define FORWARD   "forward"
#define OVERRIDES "overrides"
#define BRIDGES   "bridges"
#define WITHIN    "open_within"
#define ISOLATED  "isolated"

#define ADMIN_LINE    "admin "
#define IPTABLES_LINE "iptables"

enum { PRIORITY_FILTER = 0, ADMIN_MAX = 28 }; ///< the latter as of iptables

static const struct nft_chain chains[] = {
	{FORWARD, "filter", NFT_HOOK_FORWARD, PRIORITY_FILTER},
	{OVERRIDES, NULL, 0, 0},
};

static const struct nft_set sets[] = {
	{"pods4", {{NFT_IPV4}}, {}},
	{"pods6", {{NFT_IPV6}}, {}},
	{BRIDGES, {{NFT_IFNAME}}, {}},
	{WITHIN, {{NFT_IFNAME, NFT_IFNAME}}, {}},
	{ISOLATED, {{NFT_IFNAME, NFT_IFNAME}}, {}},
};

/** How a policy begins its line, and which set it puts its bridge into. */
static const struct {
	const char *start, *set;
} policies[] = {
	[FIREWALL_SAME_BRIDGE] = {"same-bridge ", WITHIN},
	[FIREWALL_ISOLATED] = {"isolated ", ISOLATED},
};

static void put_admin(struct nl_msg *m, const char *name)
{
	nft_chain_add(m, &firewall_kind.table, &(struct nft_chain){.name = name});
	nft_rule(m, &firewall_kind.table, OVERRIDES)
		nft_jump(m, name);
}

/** Over whatever is there: what is ours is emptied, the operator's chain is left alone. */
static void put_base(struct nl_msg *m)
{
	const struct nft_table *table = &firewall_kind.table;

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		nft_set_add(m, table, &sets[i], 0);
		nft_set_flush(m, table, sets[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		nft_chain_flush(m, table, chains[i].name);
	put_admin(m, FIREWALL_ADMIN);
	nft_rule(m, table, FORWARD)
		nft_jump(m, OVERRIDES);
	nft_rule(m, table, FORWARD) {
		nft_match_in(m, BRIDGES, NFT_IIFNAME);
		nft_match_in(m, BRIDGES, NFT_OIFNAME);
		nft_match_not_in(m, WITHIN, NFT_IIFNAME, NFT_OIFNAME);
		nft_drop(m);
	}
	nft_rule(m, table, FORWARD) {
		nft_match_in(m, ISOLATED, NFT_IIFNAME, NFT_OIFNAME);
		nft_drop(m);
	}
}

static void put_note(struct nl_msg *m, const char *line)
{
	if (!strncmp(line, ADMIN_LINE, strlen(ADMIN_LINE)))
		put_admin(m, line + strlen(ADMIN_LINE));
}

static bool is_shared(const char *set)
{
	return !strcmp(set, BRIDGES) || !strcmp(set, WITHIN) || !strcmp(set, ISOLATED);
}

static void set_elem(struct ruleset_elem *out, const char *set, struct nft_key key)
{
	(void)snprintf(out->set, sizeof(out->set), "%s", set);
	out->key = key;
}

static size_t elems(const char *line, struct ruleset_elem out[static RULESET_ELEMS])
{
	struct ipaddr ip;

	for (size_t i = FIREWALL_SAME_BRIDGE; i < ARRAY_SIZE(policies); i++) {
		size_t len = strlen(policies[i].start);
		struct nft_key pair;

		if (strncmp(line, policies[i].start, len) != 0)
			continue;
		if (!line[len] || strlen(line + len) >= IFNAMSIZ)
			return 0;
		set_elem(&out[0], BRIDGES, nft_key_ifname(line + len));
		pair = nft_key_ifname(line + len);
		nft_key_put_ifname(&pair, line + len);
		set_elem(&out[1], policies[i].set, pair);
		return 2;
	}
	if (ip_parse(&ip, line))
		return 0;
	set_elem(&out[0], ip.family == AF_INET ? "pods4" : "pods6", nft_key_ip(&ip));
	return 1;
}

const struct ruleset_kind firewall_kind = {
	.name = "firewall",
	.table = {NFT_FAMILY_INET, "edgeway_firewall"},
	.chains = chains,
	.n_chains = ARRAY_SIZE(chains),
	.put_base = put_base,
	.base_sets = ARRAY_SIZE(sets) + 1, // and the operator's chain
	.base_uses = (const uint32_t[]){3, 2},
	.elems = elems,
	.put_note = put_note,
	.keeps = true,
	.is_shared = is_shared,
};

const char *firewall_check_admin(const void *value)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	const char *name = *(const char *const *)value;

	if (!*name)
		return NULL; // the default
	if (strlen(name) > ADMIN_MAX)
		return "longer than 28 characters";
	if (name[strspn(name, allowed)] || strspn(name, allowed + 52) > 0)
		return "must be a letter, then letters, digits, '_', '.' and '-'";
	if (!strcmp(name, FORWARD) || !strcmp(name, OVERRIDES))
		return "is the name of a chain of Edgeway's own";
	return NULL;
}

static bool is_default_admin(const struct firewall *want)
{
	return !*want->admin || !strcmp(want->admin, FIREWALL_ADMIN);
}

/** What @want is as lines; NULL when memory is short. */
static const char **lines_of(const struct firewall *want, size_t *n, struct arena *arena)
{
	const char **lines = arena_calloc(arena, want->n_ips + 3, sizeof(*lines));
	char text[IP_TEXT];

	*n = 0;
	if (!lines)
		return NULL;
	for (size_t i = 0; i < want->n_ips; i++)
		lines[(*n)++] = arena_strdup(arena, ip_format(&want->ips[i], text));
	if (want->policy != FIREWALL_OPEN)
		lines[(*n)++] =
			arena_printf(arena, "%s%s", policies[want->policy].start, want->bridge);
	if (!is_default_admin(want))
		lines[(*n)++] = arena_printf(arena, ADMIN_LINE "%s", want->admin);
	if (want->iptables)
		lines[(*n)++] = IPTABLES_LINE;
	for (size_t i = 0; i < *n; i++)
		if (!lines[i])
			return NULL;
	return lines;
}

static int no_memory(struct err *e)
{
	return err_set(e, ERR_TRY_AGAIN, "firewall: out of memory");
}

struct jump {
	const char *to;
	bool found;
};

static int match_jump(const struct nft_rule_info *rule, void *ctx, struct err *e)
{
	struct jump *jump = ctx;

	(void)e;
	jump->found |= !strcmp(rule->jump, jump->to);
	return 0;
}

/** Whether the operator's chain is jumped to; the usual one always is. */
static int has_admin(struct ruleset *r, const struct firewall *want, bool *out, struct err *e)
{
	struct jump jump = {.to = want->admin};

	*out = true;
	if (is_default_admin(want))
		return 0;
	if (nft_rule_each(r->nl, &r->kind->table, OVERRIDES, match_jump, &jump, e) < 0)
		return -1;
	*out = jump.found;
	return 0;
}

/** What @record wants in iptables. Returns 1, 0 if nothing, -1 when memory is short. */
static int wants_iptables(const struct ruleset_record *record, struct arena *arena,
			  struct ipaddr **ips, size_t *n, struct err *e)
{
	bool wants = false;

	*n = 0;
	*ips = arena_calloc(arena, record->n + 1, sizeof(**ips));
	if (!*ips)
		return no_memory(e);
	for (size_t i = 0; i < record->n; i++) {
		wants |= !strcmp(record->lines[i], IPTABLES_LINE);
		*n += !ip_parse(*ips + *n, record->lines[i]);
	}
	return wants && *n; // one whose addresses have passed to others has none
}

/** What restoring others' rules in iptables works with. */
struct restore {
	struct ruleset *rules;
	const char *but; ///< a tag to pass over, or NULL
	bool lost;       ///< of the first, the rules are missing
};

static int restore_one(const struct ruleset_record *record, void *ctx, struct err *e)
{
	const struct restore *x = ctx;
	struct ipaddr *ips;
	bool lost;
	size_t n;
	int rc = wants_iptables(record, x->rules->arena, &ips, &n, e);

	if (rc <= 0 || (x->but && !strcmp(record->tag, x->but)))
		return rc < 0 ? -1 : 0;
	return ipt_forward_add(x->rules->nl, record->tag, ips, n, &lost, e);
}

/** A lock of its own: that of the records may be held for long by those who clean nf_tables. */
static int lock_iptables(int *fd, struct err *e)
{
	if (dir_make("/run/edgeway", 0755) < 0)
		return err_os(e, ERR_IO, errno, "make /run/edgeway");
	return file_lock(AT_FDCWD, "/run/edgeway/firewall.iptables.lock", 0600, fd, e);
}

/**
 * The rules in iptables of all attachments that ask for it, but for those of the tag @but. Under
 * the lock, for otherwise one that is deleted meanwhile would get them back, and one that is added
 * would get them twice.
 */
static int restore_others(struct ruleset *r, const char *but, struct err *e)
{
	struct restore x = {.rules = r, .but = but};

	return ruleset_records_each(r->kind->name, RECORD_LIVE, restore_one, &x, r->arena, e);
}

static int restore_iptables(struct ruleset *r, struct err *e)
{
	_cleanup_(fd_closep) int lock = -1;

	return lock_iptables(&lock, e) < 0 ? -1 : restore_others(r, NULL, e);
}

static int add_to_iptables(struct ruleset *r, const struct attachment *a,
			   const struct firewall *want, struct err *e)
{
	_cleanup_(fd_closep) int lock = -1;
	char tag[ATTACHMENT_TAG];
	bool lost;

	attachment_tag(a, tag);
	if (lock_iptables(&lock, e) < 0 ||
	    ipt_forward_add(r->nl, tag, want->ips, want->n_ips, &lost, e) < 0)
		return -1;
	return lost ? restore_others(r, tag, e) : 0;
}

int firewall_add(struct ruleset *r, const struct attachment *a, const struct firewall *want,
		 struct err *e)
{
	size_t n;
	const char **lines = lines_of(want, &n, r->arena);
	bool admin;

	if (!lines)
		return no_memory(e);
	if (ruleset_add(r, a, lines, n, e) < 0 || has_admin(r, want, &admin, e) < 0)
		return -1;
	if (!admin && ruleset_resync(r, e) < 0)
		return -1;
	return want->iptables ? add_to_iptables(r, a, want, e) : 0;
}

int firewall_check(struct ruleset *r, const struct attachment *a, const struct firewall *want,
		   struct err *e)
{
	size_t n;
	const char **lines = lines_of(want, &n, r->arena), *missing;
	char tag[ATTACHMENT_TAG];
	bool admin;

	if (!lines)
		return no_memory(e);
	if (ruleset_check(r, a, lines, n, &missing, e) < 0)
		return -1;
	if (!missing && has_admin(r, want, &admin, e) < 0)
		return -1;
	if (!missing && !admin)
		missing = want->admin;
	if (missing) {
		(void)err_set(e, ERR_MISMATCH, "%s is missing in nf_tables table %s", missing,
			      r->kind->table.name);
	} else {
		attachment_tag(a, tag);
		if (!want->iptables ||
		    ipt_forward_check(r->nl, tag, want->ips, want->n_ips, e) == 0)
			return 0;
	}
	return e->code == ERR_MISMATCH
		       ? err_hint(e, "the ruleset was flushed or changed; --resync rebuilds it")
		       : -1;
}

/** Those of @is_gone in iptables. */
static int del_from_iptables(struct ruleset *r, ruleset_tag_fn *is_gone, const void *ctx,
			     bool asked_for, struct err *e)
{
	_cleanup_(fd_closep) int lock = -1;
	bool exists = asked_for;

	if (ruleset_open(r, e) < 0)
		return ruleset_is_nothing(e) ? 0 : -1;
	if (!exists && ipt_forward_exists(r->nl, &exists, e) < 0)
		return ruleset_is_nothing(e) ? 0 : -1;
	if (!exists)
		return 0;
	if (lock_iptables(&lock, e) < 0)
		return -1;
	return ipt_forward_del(r->nl, is_gone, ctx, e);
}

int firewall_del(struct ruleset *r, const struct attachment *a, bool iptables, bool search,
		 struct err *e)
{
	char tag[ATTACHMENT_TAG];

	if (ruleset_del(r, a, search, e) < 0)
		return -1;
	return del_from_iptables(r, ruleset_is_tag, attachment_tag(a, tag), iptables, e);
}

int firewall_gc(struct ruleset *r, const char *network, ruleset_tag_fn *keep, const void *ctx,
		struct err *e)
{
	const struct ruleset_keeping keeping = {network, keep, ctx};

	if (ruleset_gc(r, network, keep, ctx, true, e) < 0)
		return -1;
	return del_from_iptables(r, ruleset_is_garbage, &keeping, false, e);
}

int firewall_resync(struct ruleset *r, struct err *e)
{
	return ruleset_resync(r, e) < 0 ? -1 : restore_iptables(r, e);
}

/** Who flushes takes the rules of all, so the first tells. */
static int check_first(const struct ruleset_record *record, void *ctx, struct err *e)
{
	struct restore *x = ctx;
	struct ipaddr *ips;
	size_t n;
	int rc = wants_iptables(record, x->rules->arena, &ips, &n, e);

	if (rc <= 0)
		return rc;
	if (ipt_forward_check(x->rules->nl, record->tag, ips, n, e) < 0) {
		x->lost = e->code == ERR_MISMATCH;
		return x->lost ? 1 : -1;
	}
	return 1;
}

int firewall_status(struct ruleset *r, bool *mended, struct err *e)
{
	struct restore x = {.rules = r};

	if (ruleset_mend(r, mended, e) < 0 ||
	    ruleset_records_each(r->kind->name, RECORD_LIVE, check_first, &x, r->arena, e) < 0) {
		e->code = ERR_UNAVAILABLE;
		return -1;
	}
	*mended |= x.lost;
	return x.lost ? restore_iptables(r, e) : 0;
}
