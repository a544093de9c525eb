// SPDX-License-Identifier: Apache-2.0
/** Connections that were there before a mapping, or are still there after it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/conntrack.h"
#include "netlink/route.h"
#include "node/portmap.h"

enum { CHUNK = 64 }; ///< deletions in one message: all may be refused

/** So many ports are looked for each on its own; for more all connections are listed, once. */
enum { SINGLE_PORTS = 8 };

/** A search among connections to some ports of one protocol. */
struct stale {
	const struct portmap *maps; ///< all with these ports, in their order
	size_t n_maps;
	bool gone; ///< the mappings, not what was there before them
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

/** The first mapping of a port that is not below @port. */
static size_t from_port(const struct stale *s, uint16_t port)
{
	size_t low = 0, high = s->n_maps;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->maps[mid].host_port < port)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/** Whether somebody answers who should not (or, when the mappings are gone, who did by them). */
static bool is_astray(const struct stale *s, const struct conntrack *c)
{
	bool mapped = false, ours = false;

	for (size_t i = from_port(s, c->port); i < s->n_maps; i++) {
		const struct portmap *map = &s->maps[i];

		if (map->host_port != c->port)
			break;
		if (map->host_ip.family && ip_cmp(&map->host_ip, &c->dst) != 0)
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

/** By family and protocol first: those are searched for together. */
static int by_port(const void *a, const void *b)
{
	const struct portmap *x = a, *y = b;

	if (x->target.ip.family != y->target.ip.family)
		return x->target.ip.family - y->target.ip.family;
	return x->proto != y->proto ? x->proto - y->proto : x->host_port - y->host_port;
}

/** Forget the connections to the ports of @s, or to @port of them alone unless that is 0. */
static int forget(struct nl *nl, struct stale *s, uint16_t port, struct err *e)
{
	int family = s->maps->target.ip.family;

	s->n = 0;
	if (conntrack_each(nl, family, s->maps->proto, port, collect, s, e) < 0)
		return -1;
	return delete_all(nl, s, e);
}

/** The same for all that @s has, of one family and protocol. */
static int forget_each(struct nl *nl, struct stale *s, struct err *e)
{
	uint16_t ports[SINGLE_PORTS];
	size_t n = 0;

	for (size_t i = 0; i < s->n_maps; i++) {
		if (i && s->maps[i].host_port == s->maps[i - 1].host_port)
			continue;
		if (n == SINGLE_PORTS)
			return forget(nl, s, 0, e);
		ports[n++] = s->maps[i].host_port;
	}
	for (size_t i = 0; i < n; i++)
		if (forget(nl, s, ports[i], e) < 0)
			return -1;
	return 0;
}

int portmap_forget(struct nl *nl, struct nl *route, const struct portmap_plan *plan, bool gone,
		   bool tcp, struct arena *arena, struct err *e)
{
	struct portmap *maps = arena_calloc(arena, plan->n + 1, sizeof(*maps));
	size_t end;

	if (!maps)
		return err_set(e, ERR_TRY_AGAIN, "list connections: out of memory");
	if (plan->n)
		memcpy(maps, plan->maps, plan->n * sizeof(*maps));
	qsort(maps, plan->n, sizeof(*maps), by_port);
	for (size_t at = 0; at < plan->n; at = end) {
		struct stale s = {.maps = &maps[at], .gone = gone, .route = route, .arena = arena};

		for (end = at; end < plan->n && maps[end].proto == maps[at].proto &&
			       maps[end].target.ip.family == maps[at].target.ip.family;
		     end++)
			s.n_maps++;
		if ((maps[at].proto != IPPROTO_TCP || tcp) && forget_each(nl, &s, e) < 0)
			return -1;
	}
	return 0;
}
