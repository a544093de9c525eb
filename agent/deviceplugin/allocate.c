// SPDX-License-Identifier: Apache-2.0
#include "deviceplugin/allocate.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "deviceplugin/describe.h"
#include "grpc/api/kubelet.h"

/** One request on its way to its answer; all in the arena. */
struct answer {
	struct dp_pool *pool;
	struct arena arena;
	const struct dp_device **devices; ///< of the container
	size_t n;
};

static int no_memory(struct err *e)
{
	return err_set(e, ERR_TRY_AGAIN, "out of memory");
}

/** PCIDEVICE_PREFIX_NAME and @suffix: in capitals, dots replaced, nothing else. */
static char *env_name(struct answer *a, const char *suffix)
{
	const struct dp_resource *r = dp_pool_resource(a->pool);
	char *name = arena_printf(&a->arena, "PCIDEVICE_%s_%s%s", r->prefix, r->name, suffix);

	for (char *c = name; c && *c; c++)
		*c = (char)(*c == '.' ? '_' : toupper((unsigned char)*c));
	return name;
}

static Deviceplugin__Pair *pair(struct answer *a, char *key, char *value)
{
	Deviceplugin__Pair *p = arena_calloc(&a->arena, 1, sizeof(*p));

	if (!p || !key || !value)
		return NULL;
	deviceplugin__pair__init(p);
	p->key = key;
	p->value = value;
	return p;
}

static char *join(struct answer *a, const char *before)
{
	size_t size = a->n * (strlen(before) + PCI_ADDRESS + 1) + 1, len = 0;
	char *text = arena_calloc(&a->arena, 1, size);

	for (size_t i = 0; text && i < a->n; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s%s", i ? "," : "", before,
					a->devices[i]->pci.vf.address);
	return text;
}

static int add_envs(struct answer *a, Deviceplugin__ContainerAllocateResponse *out, struct err *e)
{
	Deviceplugin__Pair **list = arena_calloc(&a->arena, 2, sizeof(*list));

	if (!list)
		return no_memory(e);
	list[0] = pair(a, env_name(a, ""), join(a, ""));
	list[1] = pair(a, env_name(a, "_INFO"), dp_describe(a->pool, a->devices, a->n, &a->arena));
	if (!list[0] || !list[1])
		return no_memory(e);
	out->envs = list;
	out->n_envs = 2;
	return 0;
}

static bool has_node(const Deviceplugin__ContainerAllocateResponse *out, const char *host)
{
	for (size_t i = 0; i < out->n_devices; i++)
		if (!strcmp(out->devices[i]->host_path, host))
			return true;
	return false;
}

static int add_node(struct answer *a, Deviceplugin__ContainerAllocateResponse *out,
		    const struct pci_node *node, struct err *e)
{
	Deviceplugin__DeviceSpec *spec;

	if (has_node(out, node->host))
		return 0;
	spec = arena_calloc(&a->arena, 1, sizeof(*spec));
	if (!spec)
		return no_memory(e);
	deviceplugin__device_spec__init(spec);
	spec->host_path = arena_strdup(&a->arena, node->host);
	spec->container_path = arena_strdup(&a->arena, node->inside);
	spec->permissions = arena_strdup(&a->arena, "rw");
	if (!spec->host_path || !spec->container_path || !spec->permissions)
		return no_memory(e);
	out->devices[out->n_devices++] = spec;
	return 0;
}

static int add_nodes(struct answer *a, Deviceplugin__ContainerAllocateResponse *out, struct err *e)
{
	out->devices = arena_calloc(&a->arena, a->n * PCI_NODES + 1, sizeof(*out->devices));
	if (!out->devices)
		return no_memory(e);
	for (size_t i = 0; i < a->n; i++) {
		struct pci_node nodes[PCI_NODES];
		size_t n = dp_nodes(a->pool, a->devices[i], nodes);

		for (size_t k = 0; k < n; k++)
			if (add_node(a, out, &nodes[k], e) < 0)
				return -1;
	}
	return 0;
}

/** Keep of the devices those that stand in the CDI specification: the others need no files. */
static void keep_cdi_devices(struct answer *a)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->n; i++) {
		struct pci_node nodes[PCI_NODES];

		if (dp_nodes(a->pool, a->devices[i], nodes))
			a->devices[kept++] = a->devices[i];
	}
	a->n = kept;
}

static int add_cdi_names(struct answer *a, Deviceplugin__ContainerAllocateResponse *out,
			 const char *kind, struct err *e)
{
	out->cdi_devices = arena_calloc(&a->arena, a->n, sizeof(*out->cdi_devices));
	for (size_t i = 0; out->cdi_devices && i < a->n; i++) {
		Deviceplugin__CdiDevice *one = arena_calloc(&a->arena, 1, sizeof(*one));

		if (!one)
			return no_memory(e);
		deviceplugin__cdi_device__init(one);
		one->name = arena_printf(&a->arena, "%s=%s", kind, a->devices[i]->pci.vf.address);
		if (!one->name)
			return no_memory(e);
		out->cdi_devices[out->n_cdi_devices++] = one;
	}
	return out->cdi_devices ? 0 : no_memory(e);
}

/**
 * For the runtime: by the annotation, as the original has it, and by the field that kubelets know
 * since 1.28. A runtime that is given a device both ways injects it once.
 */
static int add_cdi(struct answer *a, Deviceplugin__ContainerAllocateResponse *out, struct err *e)
{
	char kind[DP_WHY], *key;
	const char *prefix;

	keep_cdi_devices(a);
	if (!a->n)
		return 0;
	(void)dp_cdi_kind(a->pool, kind);
	key = arena_printf(&a->arena, "cdi.k8s.io/%s", kind);
	if (key)
		*strrchr(key, '/') = '_';
	prefix = arena_printf(&a->arena, "%s=", kind);
	out->annotations = arena_calloc(&a->arena, 1, sizeof(*out->annotations));
	if (!prefix || !out->annotations)
		return no_memory(e);
	out->annotations[0] = pair(a, key, join(a, prefix));
	if (!out->annotations[0])
		return no_memory(e);
	out->n_annotations = 1;
	return add_cdi_names(a, out, kind, e);
}

/** One that somebody else has, or that is not as it should be, is given to nobody. */
static int find_device(struct answer *a, const char *id, struct err *e)
{
	struct dp_pool *pool = a->pool;
	const struct dp_device *d = dp_inventory_find(&pool->dp->inventory, id);
	struct dp *dp = pool->dp;
	char elsewhere[DP_WHY];
	struct vf_hold hold;
	const char *why;

	if (!d || d->resource != (int)pool->index)
		return err_set(e, ERR_CONFIG, "%s has no device \"%.64s\"", pool->name, id);
	if (dp_inventory_hold(d, dp->options.sysfs, dp->boot, dp->nl, &hold, e) < 0) {
		dp_changed(dp);
		return -1;
	}
	why = *d->trouble ? d->trouble : *hold.why ? hold.why : dp_elsewhere(dp, d, elsewhere);
	if (*why) {
		dp_changed(dp);
		dp_assigned_ask(&dp->assigned); // the kubelet knows otherwise: by now or still
		return err_set(e, ERR_TRY_AGAIN, "%s: %s", id, why);
	}
	a->devices[a->n++] = d;
	return 0;
}

static int answer_container(struct answer *a, const Deviceplugin__ContainerAllocateRequest *request,
			    Deviceplugin__ContainerAllocateResponse *out, struct err *e)
{
	a->n = 0;
	a->devices = arena_calloc(&a->arena, request->n_ids + 1, sizeof(*a->devices));
	if (!a->devices)
		return no_memory(e);
	for (size_t i = 0; i < request->n_ids; i++)
		if (find_device(a, request->ids[i], e) < 0)
			return -1;
	for (size_t i = 0; i < a->n && !dp_pool_resource(a->pool)->is_accelerator; i++)
		if (dp_write_device_info(a->pool, a->devices[i], e) < 0)
			return -1;
	if (add_envs(a, out, e) < 0)
		return -1;
	return a->pool->dp->options.cdi ? add_cdi(a, out, e) : add_nodes(a, out, e);
}

static int answer_all(struct answer *a, const Deviceplugin__AllocateRequest *request,
		      Deviceplugin__AllocateResponse *out, struct err *e)
{
	out->containers =
		arena_calloc(&a->arena, request->n_containers + 1, sizeof(*out->containers));
	if (!out->containers)
		return no_memory(e);
	for (size_t i = 0; i < request->n_containers; i++) {
		Deviceplugin__ContainerAllocateResponse *one =
			arena_calloc(&a->arena, 1, sizeof(*one));

		if (!one)
			return no_memory(e);
		deviceplugin__container_allocate_response__init(one);
		if (answer_container(a, request->containers[i], one, e) < 0)
			return -1;
		out->containers[out->n_containers++] = one;
	}
	return 0;
}

static void arena_done(struct answer *a)
{
	arena_free(&a->arena);
}

void dp_allocate(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
{
	const Deviceplugin__AllocateRequest *request = (const void *)m;
	Deviceplugin__AllocateResponse response = DEVICEPLUGIN__ALLOCATE_RESPONSE__INIT;
	_cleanup_(arena_done) struct answer a = {.pool = ctx};
	struct err e = {};

	if (answer_all(&a, request, &response, &e) < 0) {
		log_warn("%s", e.msg);
		grpc_call_end(call,
			      e.code == ERR_CONFIG ? GRPC_NOT_FOUND : GRPC_FAILED_PRECONDITION,
			      "%s", e.msg);
		return;
	}
	for (size_t i = 0; i < request->n_containers; i++)
		for (size_t k = 0; k < request->containers[i]->n_ids; k++)
			dp_assigned_note(&a.pool->dp->assigned, request->containers[i]->ids[k],
					 a.pool->name);
	grpc_call_reply(call, &response.base);
}
