// SPDX-License-Identifier: Apache-2.0
#include "node/portmap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "node/condition.h"
#include "node/portmap_lines.h"

/** As nft(8) has them: raw, dstnat, srcnat. */
enum { PRIORITY_RAW = -300, PRIORITY_DSTNAT = -100, PRIORITY_SRCNAT = 100 };

/** IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h, which no libc but glibc goes with. */
enum { STATUS_DST_NAT = 1 << 5 };

enum { LINE_MAX_WORDS = 6 };

// No chain may be called by a word of nft's language: "dnat" would not load back.
#define MAPPED      "mapped"
#define CONDITIONAL "conditional"

enum { CHAIN_MAPPED, CHAIN_CONDITIONAL, CHAIN_PREROUTING, CHAIN_OUTPUT, CHAIN_POSTROUTING };

static const struct nft_chain chains[] = {
	[CHAIN_MAPPED] = {MAPPED, NULL, 0, 0},
	[CHAIN_CONDITIONAL] = {CONDITIONAL, NULL, 0, 0},
	[CHAIN_PREROUTING] = {"prerouting", "nat", NFT_HOOK_PREROUTING, PRIORITY_DSTNAT},
	[CHAIN_OUTPUT] = {"output", "nat", NFT_HOOK_OUTPUT, PRIORITY_DSTNAT},
	[CHAIN_POSTROUTING] = {"postrouting", "nat", NFT_HOOK_POSTROUTING, PRIORITY_SRCNAT},
	{"guard", "filter", NFT_HOOK_PREROUTING, PRIORITY_RAW},
};

/** Of each chain: its rules and the jumps to it. */
static const uint32_t base_uses[] = {6 + 2, 0 + 1, 1, 2, 0, 2};

static const struct prefix loopback4 = {{.family = AF_INET, .bytes = {127}}, 8};
static const struct prefix loopback6 = {{.family = AF_INET6, .bytes = {[15] = 1}}, 128};

static const struct {
	const char *name;
	uint8_t proto;
} protos[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};

uint8_t portmap_proto(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		if (!strcasecmp(text, protos[i].name))
			return protos[i].proto;
	return 0;
}

const char *portmap_proto_text(uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		if (protos[i].proto == proto)
			return protos[i].name;
	return "?";
}

/** What a line may be about. */
enum about { MAP, HAIRPIN, LOCAL, ALL, NOTE };

static const char *const abouts[] = {
	[MAP] = "map", [HAIRPIN] = "hairpin", [LOCAL] = "local", [ALL] = "all"};

static enum about about_of(const char *word)
{
	enum about about = MAP;

	while (about < NOTE && strcmp(word, abouts[about]) != 0)
		about++;
	return about;
}

static bool read_port(const char *text, uint16_t *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*out = (uint16_t)n;
	return *text && !*end && n <= UINT16_MAX;
}

/**
 * "ABOUT PROTO HOSTPORT HOSTIP TARGET PORT [CONDITION]"; a mapping that is not about something has
 * "*" or 0 there. @out borrows from @line.
 */
static enum about read_line(const char *line, struct portmap *out)
{
	char copy[128], *rest = NULL, *words[LINE_MAX_WORDS];
	const char *at = line;
	size_t n = 0;
	enum about about;

	for (; n < LINE_MAX_WORDS && *at; n++) {
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	(void)snprintf(copy, sizeof(copy), "%.*s", (int)(at - line), line);
	*out = (struct portmap){.condition = at};
	words[0] = strtok_r(copy, " ", &rest);
	for (size_t i = 1; i < LINE_MAX_WORDS; i++)
		if (!(words[i] = words[i - 1] ? strtok_r(NULL, " ", &rest) : NULL))
			return NOTE;
	about = about_of(words[0]);
	out->proto = portmap_proto(words[1]);
	if (about == NOTE || !out->proto || !read_port(words[2], &out->host_port) ||
	    (strcmp(words[3], "*") != 0 && ip_parse(&out->host_ip, words[3])) ||
	    prefix_parse(&out->target, words[4]) || !read_port(words[5], &out->port))
		return NOTE;
	return about;
}

static const char *line_of(struct arena *arena, enum about about, const struct portmap *map)
{
	bool whole = about == MAP;
	char host[IP_TEXT] = "*", target[PREFIX_TEXT];

	if (whole && map->host_ip.family)
		(void)ip_format(&map->host_ip, host);
	return arena_printf(arena, "%s %s %d %s %s %d%s%s", abouts[about],
			    portmap_proto_text(map->proto), map->host_port, host,
			    prefix_format(&map->target, target), whole ? map->port : 0,
			    whole && map->condition && *map->condition ? " " : "",
			    whole && map->condition ? map->condition : "");
}

static const char *map_name(const struct portmap *map, char *buf)
{
	char hash[HASH_TEXT] = "";

	if (*map->condition)
		(void)hash_format(hash_str(HASH_SEED, map->condition), hash);
	(void)snprintf(buf, RULESET_SET, "%sports%d%s%s", map->host_ip.family ? "addr_" : "",
		       ip_version(&map->target.ip), *hash ? "_" : "", hash);
	return buf;
}

/** "hairpin_tcp_10.1.0.0/16", "local_tcp4", "all_tcp6". */
static const char *set_name(enum about about, const struct portmap *map, char *buf)
{
	char what[16];

	(void)snprintf(what, sizeof(what), "%s_%s", abouts[about], portmap_proto_text(map->proto));
	if (about == HAIRPIN)
		return ruleset_set_name(what, &map->target, buf);
	(void)snprintf(buf, RULESET_SET, "%s%d", what, ip_version(&map->target.ip));
	return buf;
}

static size_t elems(const char *line, struct ruleset_elem out[static RULESET_ELEMS])
{
	struct portmap map;
	enum about about = read_line(line, &map);

	if (about == NOTE)
		return 0;
	if (about == MAP) {
		map_name(&map, out[0].set);
		if (map.host_ip.family)
			nft_key_put_ip(&out[0].key, &map.host_ip);
		out[0].data = nft_key_ip(&map.target.ip);
		nft_key_put_port(&out[0].data, map.port);
	} else {
		set_name(about, &map, out[0].set);
		nft_key_put_ip(&out[0].key, &map.target.ip);
	}
	if (about == MAP)
		nft_key_put_proto(&out[0].key, map.proto);
	nft_key_put_port(&out[0].key, map.host_port);
	return 1;
}

/** A map of host ports, for one address of the node or for all. */
static void put_map(struct nl_msg *m, const char *name, int family, bool address, uint16_t flags)
{
	enum nft_part ip = family == AF_INET ? NFT_IPV4 : NFT_IPV6;
	struct nft_set set = {name, {{NFT_PROTO, NFT_PORT}}, {{ip, NFT_PORT}}};

	if (address)
		set.key = (struct nft_type){{ip, NFT_PROTO, NFT_PORT}};
	nft_set_add(m, &portmap_kind.table, &set, flags);
}

/** The rule that translates by it; @condition may be "". */
static void put_map_rule(struct nl_msg *m, const char *chain, const char *name, int family,
			 bool address, const char *condition)
{
	nft_rule(m, &portmap_kind.table, chain) {
		nft_match_family(m, family);
		condition_put(m, condition);
		if (address)
			nft_dnat_by(m, family, name, nft_address(NFT_DESTINATION, family),
				    NFT_L4PROTO, NFT_DPORT);
		else
			nft_dnat_by(m, family, name, NFT_L4PROTO, NFT_DPORT);
	}
}

/** A set of container's address and host port, and the rule: what is in it and comes from @source,
 * or NULL for anywhere, is masqueraded. */
static void put_masquerade(struct nl_msg *m, const char *name, const struct portmap *map,
			   const struct prefix *source)
{
	const struct nft_table *table = &portmap_kind.table;
	int family = map->target.ip.family;
	const struct nft_set set = {
		name, {{family == AF_INET ? NFT_IPV4 : NFT_IPV6, NFT_PORT}}, {}};

	nft_set_add(m, table, &set, NLM_F_EXCL);
	nft_rule(m, table, chains[CHAIN_POSTROUTING].name) {
		nft_match_ct(m, NFT_CT_STATUS, STATUS_DST_NAT);
		nft_match_proto(m, map->proto);
		nft_match_family(m, family);
		if (source)
			nft_match_prefix(m, NFT_SOURCE, NFT_CMP_EQ, source);
		nft_match_in(m, name, nft_address(NFT_DESTINATION, family), NFT_CT_ORIGINAL_DPORT);
		nft_masquerade(m);
	}
}

static void put_base_maps(struct nl_msg *m)
{
	static const struct {
		const char *name;
		int family;
		bool address;
	} maps[] = {
		{"addr_ports4", AF_INET, true},
		{"ports4", AF_INET, false},
		{"addr_ports6", AF_INET6, true},
		{"ports6", AF_INET6, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		put_map(m, maps[i].name, maps[i].family, maps[i].address, 0);
		put_map_rule(m, MAPPED, maps[i].name, maps[i].family, maps[i].address, "");
	}
}

/** 127.0.0.0/8 is the node's own, as the kernel has it without route_localnet. */
static void put_guard(struct nl_msg *m, enum nft_direction dir)
{
	nft_rule(m, &portmap_kind.table, "guard") {
		nft_match_ifname(m, NFT_IIFNAME, NFT_CMP_NEQ, "lo");
		nft_match_family(m, AF_INET);
		nft_match_prefix(m, dir, NFT_CMP_EQ, &loopback4);
		nft_drop(m);
	}
}

static void put_base(struct nl_msg *m)
{
	const struct nft_table *table = &portmap_kind.table;

	nft_rule(m, table, MAPPED) {
		nft_match_local(m, NFT_CMP_NEQ);
		nft_return(m);
	}
	nft_rule(m, table, MAPPED)
		nft_jump(m, CONDITIONAL);
	put_base_maps(m);
	nft_rule(m, table, "prerouting")
		nft_jump(m, MAPPED);
	nft_rule(m, table, "output") { // its answer would be dropped: docs/plugins/portmap.md
		nft_match_family(m, AF_INET6);
		nft_match_prefix(m, NFT_DESTINATION, NFT_CMP_EQ, &loopback6);
		nft_return(m);
	}
	nft_rule(m, table, "output")
		nft_jump(m, MAPPED);
	put_guard(m, NFT_DESTINATION);
	put_guard(m, NFT_SOURCE);
}

static void put_set(struct nl_msg *m, const char *line)
{
	struct portmap map;
	enum about about = read_line(line, &map);
	int family = map.target.ip.family;
	bool address = map.host_ip.family;
	char name[RULESET_SET];

	if (about == HAIRPIN) {
		put_masquerade(m, set_name(about, &map, name), &map, &map.target);
	} else if (about == LOCAL) {
		put_masquerade(m, set_name(about, &map, name), &map, &loopback4);
	} else if (about == ALL) {
		put_masquerade(m, set_name(about, &map, name), &map, NULL);
	} else if (about == MAP && *map.condition) {
		put_map(m, map_name(&map, name), family, address, NLM_F_EXCL);
		put_map_rule(m, CONDITIONAL, name, family, address, map.condition);
	}
}

/** The text behind "WORD " if @line begins so, or NULL. */
static const char *note(const char *line, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(line, word, len) && line[len] == ' ' ? line + len + 1 : NULL;
}

static bool netns_is_gone(const char *inode_and_path)
{
	char *path;
	unsigned long long inode = strtoull(inode_and_path, &path, 10);
	struct stat st;

	if (stat(path + (*path == ' '), &st) == 0)
		return st.st_ino != inode;
	return errno == ENOENT || errno == ENOTDIR || errno == ESRCH;
}

static bool is_dead(const struct ruleset *rules, const struct ruleset_holder *holder)
{
	const struct portmap_plan *plan = rules->ctx;

	for (size_t i = 0; i < holder->n; i++) {
		const char *line = holder->lines[i], *text;

		if ((text = note(line, "netns")) && netns_is_gone(text))
			return true;
		if ((text = note(line, "link")) && !nl_ifindex(rules->nl, text))
			return true;
		if ((text = note(line, "pod")) && plan->pod_uid && !strcmp(text, plan->pod_uid) &&
		    !holder->same_container)
			return true;
	}
	return holder->n == 0; // no record: it is forgotten
}

/** The mapping that @elem of a map is. */
static const struct portmap *find(const struct portmap_plan *plan, const struct ruleset_elem *elem,
				  struct arena *arena)
{
	struct ruleset_elem own[RULESET_ELEMS];

	for (size_t i = 0; i < plan->n; i++) {
		const char *line = line_of(arena, MAP, &plan->maps[i]);

		memset(own, 0, sizeof(own));
		if (line && elems(line, own) && !strcmp(own[0].set, elem->set) &&
		    !memcmp(&own[0].key.bytes, elem->key.bytes, elem->key.len))
			return &plan->maps[i];
	}
	return NULL;
}

static const char *describe(const struct portmap *map, char *buf, size_t size)
{
	char ip[IP_TEXT] = "";

	if (map->host_ip.family)
		(void)ip_format(&map->host_ip, ip);
	(void)snprintf(buf, size, "%d/%s%s%s", map->host_port, portmap_proto_text(map->proto),
		       *ip ? " of " : "", ip);
	return buf;
}

static int claim(const struct ruleset *rules, const struct ruleset_elem *elem,
		 const struct ruleset_holder *holder, struct err *e)
{
	const struct portmap *map;
	const char *who = note(holder->tag, "edgeway");
	char text[64];

	// An address that we have now is no longer another's; so it is with what he had for it.
	if (!elem->data.len || is_dead(rules, holder))
		return 0;
	if (holder->same_container)
		return 1; // who asks gets there, by the network that came first
	map = find(rules->ctx, elem, rules->arena);
	(void)err_set(e, ERR_EXISTS, "hostPort %s is held by %s",
		      map ? describe(map, text, sizeof(text)) : "?", who ? who : holder->tag);
	return err_hint(e,
			"its network namespace and its interfaces are there; DEL, or GC, frees it");
}

const struct ruleset_kind portmap_kind = {
	.name = "portmap",
	.table = {NFT_FAMILY_INET, "edgeway_portmap"},
	.chains = chains,
	.n_chains = ARRAY_SIZE(chains),
	.put_base = put_base,
	.base_sets = 4,
	.base_uses = base_uses,
	.elems = elems,
	.put_set = put_set,
	.claim = claim,
};

static void add_map(struct lines *l, const struct portmap_plan *plan, const struct portmap *map)
{
	lines_add(l, line_of(l->arena, MAP, map));
	if (plan->snat && plan->masq_all) {
		lines_add(l, line_of(l->arena, ALL, map));
	} else if (plan->snat) {
		lines_add(l, line_of(l->arena, HAIRPIN, map));
		if (map->target.ip.family == AF_INET)
			lines_add(l, line_of(l->arena, LOCAL, map));
	}
}

/** A note; a name that does not fit into a line is left out. */
static void add_note(struct lines *l, const char *word, const char *text)
{
	if (!strchr(text, '\n'))
		lines_add(l, arena_printf(l->arena, "%s %s", word, text));
}

/** Who has all this: see is_dead(). */
static void add_notes(struct lines *l, const struct portmap_plan *plan)
{
	char inode[32];
	struct stat st;

	if (plan->netns && stat(plan->netns, &st) == 0) {
		(void)snprintf(inode, sizeof(inode), "netns %llu", (unsigned long long)st.st_ino);
		add_note(l, inode, plan->netns);
	}
	for (size_t i = 0; i < plan->n_links; i++)
		add_note(l, "link", plan->links[i]);
	if (plan->pod_uid)
		add_note(l, "pod", plan->pod_uid);
}

static int no_memory(struct err *e)
{
	return err_set(e, ERR_TRY_AGAIN, "portmap: out of memory");
}

int portmap_add(struct ruleset *rules, const struct attachment *a, const struct portmap_plan *plan,
		struct err *e)
{
	struct lines l = {.arena = rules->arena};

	for (size_t i = 0; i < plan->n; i++)
		add_map(&l, plan, &plan->maps[i]);
	if (l.n)
		add_notes(&l, plan);
	if (l.failed)
		return no_memory(e);
	rules->ctx = plan;
	return ruleset_add(rules, a, l.list, l.n, e);
}

int portmap_check(struct ruleset *rules, const struct attachment *a,
		  const struct portmap_plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct lines l = {.arena = rules->arena};
		const char *missing;
		char text[64];

		add_map(&l, plan, &plan->maps[i]);
		if (l.failed)
			return no_memory(e);
		if (ruleset_check(rules, a, l.list, l.n, &missing, e) < 0)
			return -1;
		if (!missing)
			continue;
		(void)err_set(e, ERR_MISMATCH, "hostPort %s is not mapped%s",
			      describe(&plan->maps[i], text, sizeof(text)),
			      missing == l.list[0] ? "" : " for all sources");
		return err_hint(e, "the ruleset was flushed or changed; --resync rebuilds it");
	}
	return 0;
}
