// SPDX-License-Identifier: Apache-2.0
#include "loader/attach.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "netlink/filter.h"
#include "netlink/link.h"
#include "node/datapath.h"

/** One of ours. */
struct ours {
	int ifindex;
	enum filter_side side;
	const char *name;
	uint32_t prog; ///< its id
};

typedef int ours_fn(struct nl *nl, const struct ours *ours, void *ctx, struct err *e);

struct list {
	struct arena *arena;
	int *ifindex;
	size_t n;
};

static int on_link(const struct link *link, void *ctx, struct err *e)
{
	struct list *list = ctx;

	list->ifindex = arena_grow(list->arena, list->ifindex, list->n, sizeof(*list->ifindex));
	if (!list->ifindex)
		return err_os(e, ERR_TRY_AGAIN, ENOMEM, "list interfaces");
	list->ifindex[list->n++] = link->index;
	return 0;
}

static int each_at(struct nl *nl, int ifindex, ours_fn *fn, void *ctx, struct err *e)
{
	static const enum filter_side sides[] = {FILTER_INGRESS, FILTER_EGRESS};
	char name[FILTER_NAME];

	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		struct ours ours = {ifindex, sides[i], name, 0};

		if (filter_get(nl, ifindex, sides[i], &ours.prog, name, e) < 0)
			return -1;
		if (ours.prog && !strncmp(name, DATAPATH_FILTER, strlen(DATAPATH_FILTER)) &&
		    fn(nl, &ours, ctx, e) < 0)
			return -1;
	}
	return 0;
}

static int each(ours_fn *fn, void *ctx, struct err *e)
{
	_cleanup_(nl_closep) struct nl *nl = nl_open(NETLINK_ROUTE, e);
	_cleanup_(arena_free) struct arena arena = {};
	struct list list = {.arena = &arena};

	if (!nl || link_each(nl, 0, on_link, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (each_at(nl, list.ifindex[i], fn, ctx, e) < 0)
			return -1;
	return 0;
}

/** Whether a filter that could not be replaced is gone: with its interface, most likely. */
static bool is_gone(struct nl *nl, const struct ours *ours)
{
	char name[FILTER_NAME];
	struct err e = {};
	uint32_t id;

	return filter_get(nl, ours->ifindex, ours->side, &id, name, &e) == 0 && !id;
}

static int replace(struct nl *nl, const struct ours *ours, void *ctx, struct err *e)
{
	int prog = object_prog(ctx, ours->name + strlen(DATAPATH_FILTER));
	const struct filter filter = {ours->side, prog, ours->name};

	if (prog < 0)
		return filter_del(nl, ours->ifindex, ours->side, e);
	return filter_put(nl, ours->ifindex, &filter, e) < 0 && !is_gone(nl, ours) ? -1 : 0;
}

int attach_replace(const struct object *o, struct err *e)
{
	return each(replace, (void *)(uintptr_t)o, e);
}

static int take_away(struct nl *nl, const struct ours *ours, void *ctx, struct err *e)
{
	(void)ctx;
	return filter_del(nl, ours->ifindex, ours->side, e) < 0 ||
			       filter_qdisc_del_unused(nl, ours->ifindex, e) < 0
		       ? -1
		       : 0;
}

int attach_remove(struct err *e)
{
	return each(take_away, NULL, e);
}

struct visit {
	attach_fn *fn;
	void *ctx;
};

static int visit(struct nl *nl, const struct ours *ours, void *ctx, struct err *e)
{
	const struct visit *v = ctx;

	(void)nl;
	return v->fn(ours->prog, v->ctx, e);
}

int attach_each(attach_fn *fn, void *ctx, struct err *e)
{
	struct visit v = {fn, ctx};

	return each(visit, &v, e);
}

static int count(uint32_t prog, void *ctx, struct err *e)
{
	(void)prog;
	(void)e;
	++*(size_t *)ctx;
	return 0;
}

int attach_count(size_t *n, struct err *e)
{
	*n = 0;
	return attach_each(count, n, e);
}
