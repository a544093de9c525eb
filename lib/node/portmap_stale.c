// SPDX-License-Identifier: Apache-2.0
/** Connections that were there before a mapping, or are still there after it. */
#include <errno.h>

#include "netlink/conntrack.h"
#include "netlink/route.h"
#include "node/portmap.h"

enum { CHUNK = 64 }; ///< deletions in one message: all may be refused

/** A search among connections to one port. */
struct stale {
	const struct portmap_plan *plan;
	const struct portmap *map; ///< one with that port; there may be more, for other addresses
	bool gone;                 ///< the mappings, not what was there before them
	struct nl *route;
	struct arena *arena;
	struct conntrack *list;
	size_t n;
	struct ipaddr seen; ///< the last destination, for there are few of them
	bool local;         ///< whether it is the node's own
};

/** Whether the connection was made to the node itself, not through it to somebody else's port. */
static int is_to_node(struct stale *s, const struct conntrack *c, struct err *e)
{
	struct route route;

	if (s->seen.family && !ip_cmp(&s->seen, &c->dst))
		return 0;
	if (route_to(s->route, &c->dst, &route, e) < 0)
		return -1;
	s->seen = c->dst;
	s->local = route.local;
	return 0;
}

static bool is_same_port(const struct portmap *a, const struct portmap *b)
{
	return a->proto == b->proto && a->host_port == b->host_port &&
	       a->target.ip.family == b->target.ip.family;
}

/** Whether somebody answers who should not (or, when the mappings are gone, who did by them). */
static bool is_astray(const struct stale *s, const struct conntrack *c)
{
	bool mapped = false, ours = false;

	for (size_t i = 0; i < s->plan->n; i++) {
		const struct portmap *map = &s->plan->maps[i];

		if (!is_same_port(map, s->map) ||
		    (map->host_ip.family && ip_cmp(&map->host_ip, &c->dst) != 0))
			continue;
		mapped = true;
		ours |= !ip_cmp(&c->answerer, &map->target.ip);
	}
	return s->gone ? ours : mapped && !ours;
}

static int collect(const struct conntrack *c, void *ctx, struct err *e)
{
	struct stale *s = ctx;

	if (!is_astray(s, c))
		return 0;
	if (is_to_node(s, c, e) < 0)
		return -1;
	if (!s->local)
		return 0;
	s->list = arena_grow(s->arena, s->list, s->n, sizeof(*s->list));
	if (!s->list)
		return err_set(e, ERR_TRY_AGAIN, "list connections: out of memory");
	s->list[s->n++] = *c;
	return 0;
}

static int delete_all(struct nl *nl, const struct stale *s, struct err *e)
{
	for (size_t at = 0; at < s->n; at += CHUNK) {
		_cleanup_(nl_msg_free) struct nl_msg m = {};

		for (size_t i = at; i < s->n && i < at + CHUNK; i++)
			conntrack_del(&m, &s->list[i]);
		if (nl_call(nl, &m, e) < 0 && e->os != ENOENT)
			return -1;
	}
	return 0;
}

int portmap_forget(struct nl *nl, struct nl *route, const struct portmap_plan *plan, bool gone,
		   bool tcp, struct arena *arena, struct err *e)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct stale s = {.plan = plan,
				  .map = &plan->maps[i],
				  .gone = gone,
				  .route = route,
				  .arena = arena};
		bool seen = s.map->proto == IPPROTO_TCP && !tcp;

		for (size_t j = 0; j < i; j++)
			seen |= is_same_port(s.map, &plan->maps[j]);
		if (!seen && (conntrack_each(nl, s.map->target.ip.family, s.map->proto,
					     s.map->host_port, collect, &s, e) < 0 ||
			      delete_all(nl, &s, e) < 0))
			return -1;
	}
	return 0;
}
