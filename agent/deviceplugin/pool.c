// SPDX-License-Identifier: Apache-2.0
#include "deviceplugin/pool.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "deviceplugin/allocate.h"
#include "deviceplugin/kubelet.h"
#include "deviceplugin/prefer.h"
#include "grpc/api/kubelet.h"

const struct dp_resource *dp_pool_resource(const struct dp_pool *pool)
{
	return &pool->dp->config.resources[pool->index];
}

/** All that a ListAndWatchResponse is made of; arena memory. */
struct listing {
	Deviceplugin__ListAndWatchResponse message;
	const char *text; ///< the same, to be compared
};

static Deviceplugin__Topology *topology(struct arena *arena, int node)
{
	Deviceplugin__Topology *t = arena_calloc(arena, 1, sizeof(*t));
	Deviceplugin__Node *n = arena_calloc(arena, 1, sizeof(*n));
	Deviceplugin__Node **list = arena_calloc(arena, 1, sizeof(*list));

	if (!t || !n || !list)
		return NULL;
	deviceplugin__node__init(n);
	n->id = node;
	*list = n;
	deviceplugin__topology__init(t);
	t->nodes = list;
	t->n_nodes = 1;
	return t;
}

static Deviceplugin__Device *describe(const struct dp_pool *pool, const struct dp_device *d,
				      const char *trouble, struct arena *arena)
{
	bool numa = !dp_pool_resource(pool)->exclude_topology && d->pci.vf.numa_node >= 0;
	Deviceplugin__Device *out = arena_calloc(arena, 1, sizeof(*out));

	if (!out)
		return NULL;
	deviceplugin__device__init(out);
	out->id = arena_strdup(arena, d->pci.vf.address);
	out->health = arena_strdup(arena, *trouble ? "Unhealthy" : "Healthy");
	out->topology = numa ? topology(arena, d->pci.vf.numa_node) : NULL;
	return out->id && out->health && (!numa || out->topology) ? out : NULL;
}

static int list(const struct dp_pool *pool, struct arena *arena, struct listing *out, struct err *e)
{
	const struct dp_inventory *inv = &pool->dp->inventory;
	Deviceplugin__Device **devices = arena_calloc(arena, inv->n + 1, sizeof(*devices));
	char *text = arena_calloc(arena, inv->n + 1, DP_ID), buf[DP_WHY];
	size_t n = 0, len = 0;

	for (size_t i = 0; devices && text && i < inv->n; i++) {
		const struct dp_device *d = &inv->devices[i];
		const char *trouble;

		if (d->resource != (int)pool->index)
			continue;
		trouble = dp_unhealthy(pool->dp, d, buf);
		devices[n] = describe(pool, d, trouble, arena);
		if (!devices[n++])
			return err_set(e, ERR_TRY_AGAIN, "list devices: out of memory");
		len += (size_t)sprintf(text + len, "%s %d %d\n", d->pci.vf.address, !*trouble,
				       devices[n - 1]->topology ? d->pci.vf.numa_node : -1);
	}
	if (!devices || !text)
		return err_set(e, ERR_TRY_AGAIN, "list devices: out of memory");
	deviceplugin__list_and_watch_response__init(&out->message);
	out->message.devices = devices;
	out->message.n_devices = n;
	out->text = text;
	return 0;
}

static void forget_watcher(struct grpc_call *call, void *ctx)
{
	struct dp_pool *pool = ctx;

	for (size_t i = 0; i < pool->n_watchers; i++)
		if (pool->watchers[i] == call)
			pool->watchers[i--] = pool->watchers[--pool->n_watchers];
}

/** Ending the stream would take the resource off the node: only what cannot be told ends it. */
static void tell(struct dp_pool *pool, struct grpc_call *call, const struct listing *listing)
{
	struct err e;

	if (grpc_call_update(call, &listing->message.base, &e) == 0)
		return;
	log_warn("%s: %s", pool->name, e.msg);
	forget_watcher(call, pool);
	grpc_call_end(call, GRPC_RESOURCE_EXHAUSTED, "%s", e.msg);
}

static void log_health(const struct dp_pool *pool)
{
	char buf[DP_WHY];

	for (size_t i = 0; i < pool->dp->inventory.n; i++) {
		const struct dp_device *d = &pool->dp->inventory.devices[i];

		if (d->resource == (int)pool->index && *dp_unhealthy(pool->dp, d, buf))
			log_info("%s: %s: %s", pool->name, d->pci.vf.address, buf);
	}
}

void dp_pool_publish(struct dp_pool *pool)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct listing listing;
	struct err e = {};

	if (list(pool, &arena, &listing, &e) < 0) {
		log_warn("%s: %s", pool->name, e.msg);
		return;
	}
	if (pool->told && !strcmp(pool->told, listing.text))
		return;
	freep(&pool->told);
	pool->told = strdup(listing.text); // without memory for it, it is told once more
	log_health(pool);
	for (size_t i = pool->n_watchers; i > 0; i--)
		if (i <= pool->n_watchers) // telling one may have been the end of others
			tell(pool, pool->watchers[i - 1], &listing);
}

static void list_and_watch(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct dp_pool *pool = ctx;
	struct grpc_call **more;
	struct listing listing = {};
	struct err e = {};

	(void)request;
	more = realloc(pool->watchers, (pool->n_watchers + 1) * sizeof(*more));
	if (more)
		pool->watchers = more;
	if (!more || list(pool, &arena, &listing, &e) < 0) {
		grpc_call_end(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	more[pool->n_watchers++] = call;
	if (!pool->told && listing.text)
		pool->told = strdup(listing.text);
	tell(pool, call, &listing);
	dp_assigned_meet(&pool->dp->assigned);
}

static void get_options(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
	Deviceplugin__Options options;

	(void)request;
	dp_kubelet_options(ctx, &options);
	grpc_call_reply(call, &options.base);
}

static void get_info(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
	char *versions[] = {(char *)(uintptr_t) "v1alpha1",
			    (char *)(uintptr_t)DEVICEPLUGIN_VERSION};
	Pluginregistration__Info info = PLUGINREGISTRATION__INFO__INIT;
	struct dp_pool *pool = ctx;

	(void)request;
	info.type = (char *)(uintptr_t) "DevicePlugin";
	info.name = pool->name;
	info.endpoint = pool->path;
	info.supported_versions = versions;
	info.n_supported_versions = ARRAY_SIZE(versions);
	grpc_call_reply(call, &info.base);
}

static void notify(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
	const Pluginregistration__StatusResponse nothing =
		PLUGINREGISTRATION__STATUS_RESPONSE__INIT;
	const Pluginregistration__Status *status = (const void *)request;
	const struct dp_pool *pool = ctx;

	if (status->registered)
		log_info("%s: the kubelet has registered it", pool->name);
	else
		log_warn("%s: the kubelet does not register it: %s", pool->name, status->error);
	grpc_call_reply(call, &nothing.base);
}

static void pre_start(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
	const Deviceplugin__PreStartContainerResponse nothing =
		DEVICEPLUGIN__PRE_START_CONTAINER_RESPONSE__INIT;

	(void)request;
	(void)ctx;
	grpc_call_reply(call, &nothing.base);
}

static const struct grpc_method methods[] = {
	{PLUGINREGISTRATION_GET_INFO, &pluginregistration__info_request__descriptor, get_info,
	 NULL},
	{PLUGINREGISTRATION_NOTIFY, &pluginregistration__status__descriptor, notify, NULL},
	{DEVICEPLUGIN_GET_OPTIONS, &deviceplugin__empty__descriptor, get_options, NULL},
	{DEVICEPLUGIN_LIST_AND_WATCH, &deviceplugin__empty__descriptor, list_and_watch,
	 forget_watcher},
	{DEVICEPLUGIN_GET_PREFERRED_ALLOCATION,
	 &deviceplugin__preferred_allocation_request__descriptor, dp_prefer, NULL},
	{DEVICEPLUGIN_ALLOCATE, &deviceplugin__allocate_request__descriptor, dp_allocate, NULL},
	{DEVICEPLUGIN_PRE_START_CONTAINER, &deviceplugin__pre_start_container_request__descriptor,
	 pre_start, NULL},
};
static const struct grpc_service service = {.methods = methods, .n_methods = ARRAY_SIZE(methods)};

int dp_pool_open(struct dp_pool **out, struct dp *dp, const struct dp_resource *r, struct err *e)
{
	struct dp_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return err_set(e, ERR_TRY_AGAIN, "%s: out of memory", r->name);
	pool->dp = dp;
	dp_kubelet_prepare(pool);
	(void)snprintf(pool->name, sizeof(pool->name), "%s/%s", r->prefix, r->name);
	(void)snprintf(pool->socket, sizeof(pool->socket), "%s_%s.sock", r->prefix, r->name);
	*out = pool;
	return 0;
}

/** Nobody watches any more: what was told is forgotten with them. */
void dp_pool_unlisten(struct dp_pool *pool)
{
	grpc_server_closep(&pool->server);
	pool->n_watchers = 0;
	pool->path[0] = '\0';
	freep(&pool->told);
}

void dp_pool_closep(struct dp_pool **pool)
{
	struct dp_pool *p = *pool;

	if (!p)
		return;
	dp_kubelet_forget(p);
	dp_pool_unlisten(p);
	free(p->watchers);
	freep(pool);
}

int dp_pool_listen(struct dp_pool *pool, const char *dir, struct err *e)
{
	char path[sizeof(pool->path)];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", dir, pool->socket) >= (int)sizeof(path))
		return err_set(e, ERR_CONFIG, "%s: path of the socket: too long", pool->name);
	if (pool->server && !strcmp(path, pool->path) && stat(path, &st) == 0)
		return 0;
	dp_pool_unlisten(pool);
	if (grpc_server_open(&pool->server, pool->dp->loop, &service, pool, e) < 0)
		return -1;
	// GetInfo names it, which may be asked for at once.
	memcpy(pool->path, path, sizeof(path));
	if (grpc_server_listen(pool->server, path, e) == 0)
		return 1;
	dp_pool_unlisten(pool);
	return err_wrap(e, "%s", pool->name);
}
