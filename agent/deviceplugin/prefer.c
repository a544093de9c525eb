// SPDX-License-Identifier: Apache-2.0
#include "deviceplugin/prefer.h"

#include <limits.h>
#include <string.h>

#include "deviceplugin/pool.h"
#include "grpc/api/kubelet.h"

/** A device that may be chosen. */
struct candidate {
	const char *id;
	const struct dp_device *device; ///< NULL: the kubelet knows more than we
	bool chosen, free;
};

struct choice {
	const struct dp_pool *pool;
	enum dp_prefer how;
	struct candidate *list;
	size_t n, chosen;
	int node; ///< that is wanted; INT_MIN: any
};

static bool is_free(const struct dp_pool *pool, const struct dp_device *d)
{
	return d && !*d->trouble && d->hold.kind == VF_FREE &&
	       !dp_assigned_find(&pool->dp->assigned, d->pci.vf.address);
}

/** How many of the PF's devices are in use, those chosen just now included. */
static int in_use(const struct choice *c, const struct dp_device *of)
{
	const struct dp_inventory *inv = &c->pool->dp->inventory;
	int n = 0;

	for (size_t i = 0; i < inv->n; i++)
		n += inv->devices[i].pci.is_vf &&
		     !strcmp(inv->devices[i].pci.vf.pf, of->pci.vf.pf) &&
		     !is_free(c->pool, &inv->devices[i]);
	for (size_t i = 0; i < c->n; i++)
		n += c->list[i].chosen && c->list[i].free &&
		     !strcmp(c->list[i].device->pci.vf.pf, of->pci.vf.pf);
	return n;
}

/** Less is better; equal ones are taken in the order of their addresses. */
static int cost(const struct choice *c, const struct candidate *one)
{
	enum { NOT_FREE = 1 << 24, ELSEWHERE = 1 << 20 };
	int used;

	if (!one->device)
		return NOT_FREE * 2;
	used = in_use(c, one->device);
	return (one->free ? 0 : NOT_FREE) +
	       (c->node != INT_MIN && one->device->pci.vf.numa_node != c->node ? ELSEWHERE : 0) +
	       (c->how == DP_PREFER_PACK ? -used : used);
}

static bool take_next(struct choice *c)
{
	struct candidate *best = NULL;
	int least = INT_MAX;

	for (size_t i = 0; i < c->n; i++) {
		struct candidate *one = &c->list[i];
		int is = one->chosen ? INT_MAX : cost(c, one);

		if (one->chosen || is > least ||
		    (is == least && best && strcmp(one->id, best->id) >= 0))
			continue;
		best = one;
		least = is;
	}
	if (!best)
		return false;
	best->chosen = true;
	c->chosen++;
	return true;
}

static size_t free_at(const struct choice *c, int node)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += (c->list[i].free || c->list[i].chosen) && c->list[i].device &&
		     c->list[i].device->pci.vf.numa_node == node;
	return n;
}

/** The node with the fewest free ones that are enough; if none has enough, that with most. */
static void choose_node(struct choice *c, size_t size)
{
	size_t best = 0;

	for (size_t i = 0; i < c->n; i++) {
		int node = c->list[i].device ? c->list[i].device->pci.vf.numa_node : -1;
		size_t n = node < 0 ? 0 : free_at(c, node);
		bool fits = n >= size, fitted = best >= size;

		if (node < 0 || (fits ? fitted && n >= best : fitted || n <= best))
			continue;
		best = n;
		c->node = node;
	}
}

static struct candidate *candidate(const struct choice *c, const char *id)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->list[i].id, id))
			return &c->list[i];
	return NULL;
}

static void fill(struct choice *c, const Deviceplugin__ContainerPreferredAllocationRequest *r)
{
	for (size_t i = 0; i < r->n_available; i++) {
		const struct dp_device *d =
			dp_inventory_find(&c->pool->dp->inventory, r->available[i]);

		c->list[c->n++] = (struct candidate){
			.id = r->available[i], .device = d, .free = d && is_free(c->pool, d)};
	}
	for (size_t i = 0; i < r->n_must_include; i++) {
		struct candidate *one = candidate(c, r->must_include[i]);

		if (one && !one->chosen) {
			one->chosen = true;
			c->chosen++;
			if (c->how == DP_PREFER_NUMA && one->device)
				c->node = one->device->pci.vf.numa_node;
		}
	}
}

static int answer(const struct dp_pool *pool,
		  const Deviceplugin__ContainerPreferredAllocationRequest *r,
		  Deviceplugin__ContainerPreferredAllocationResponse *out, struct arena *arena)
{
	struct choice c = {.pool = pool, .how = dp_pool_resource(pool)->prefer, .node = INT_MIN};
	size_t size = r->size > 0 ? (size_t)r->size : 0;

	c.list = arena_calloc(arena, r->n_available + 1, sizeof(*c.list));
	out->ids = arena_calloc(arena, r->n_available + 1, sizeof(*out->ids));
	if (!c.list || !out->ids)
		return -1;
	fill(&c, r);
	if (c.how == DP_PREFER_NUMA && c.node == INT_MIN)
		choose_node(&c, size);
	while (c.chosen < size && take_next(&c))
		;
	for (size_t i = 0; i < c.n; i++)
		if (c.list[i].chosen)
			out->ids[out->n_ids++] = (char *)(uintptr_t)c.list[i].id;
	return 0;
}

/** What the kubelet takes for free, and is not: it may know by now who has it. */
static void learn(struct dp_pool *pool, const Deviceplugin__ContainerPreferredAllocationRequest *r)
{
	for (size_t i = 0; i < r->n_available; i++)
		if (dp_assigned_find(&pool->dp->assigned, r->available[i])) {
			dp_assigned_ask(&pool->dp->assigned);
			return;
		}
}

void dp_prefer(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
{
	const Deviceplugin__PreferredAllocationRequest *request = (const void *)m;
	Deviceplugin__PreferredAllocationResponse response =
		DEVICEPLUGIN__PREFERRED_ALLOCATION_RESPONSE__INIT;
	_cleanup_(arena_free) struct arena arena = {};
	bool ok = true;

	response.containers =
		arena_calloc(&arena, request->n_containers + 1, sizeof(*response.containers));
	for (size_t i = 0; response.containers && ok && i < request->n_containers; i++) {
		Deviceplugin__ContainerPreferredAllocationResponse *one =
			arena_calloc(&arena, 1, sizeof(*one));

		ok = one;
		if (!one)
			break;
		deviceplugin__container_preferred_allocation_response__init(one);
		response.containers[response.n_containers++] = one;
		ok = answer(ctx, request->containers[i], one, &arena) == 0;
		learn(ctx, request->containers[i]);
	}
	if (response.containers && ok)
		grpc_call_reply(call, &response.base);
	else
		grpc_call_end(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
}
