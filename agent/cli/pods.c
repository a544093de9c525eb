// SPDX-License-Identifier: Apache-2.0
#include "cli/pods.h"

#include <errno.h>
#include <string.h>

#include "cli/maps.h"
#include "cli/view.h"
#include "node/datapath.h"

enum { ID_SHOWN = 12 }; ///< characters of a container's id: as runtimes abbreviate it

/** The pod behind @index, made if need be; NULL when memory is short. */
static struct pod *ensure(struct pods *pods, int index, struct arena *arena)
{
	struct pod *grown;

	for (size_t i = 0; i < pods->n; i++)
		if (pods->list[i].index == index)
			return &pods->list[i];
	grown = arena_grow(arena, pods->list, pods->n, sizeof(*grown));
	if (!grown)
		return NULL;
	pods->list = grown;
	grown[pods->n].index = index;
	return &grown[pods->n++];
}

static int load_interfaces(struct pods *pods, struct arena *arena, struct err *e)
{
	_cleanup_(map_close) struct map map = MAP_CLOSED;
	const void *keys, *values;
	size_t n;

	if (map_open(&map, MAP_INTERFACES, sizeof(struct interface), e) < 0 ||
	    map_all(&map, arena, &keys, &values, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct interface *value = map_value(&map, values, i);
		struct pod *pod = ensure(pods, (int)((const uint32_t *)keys)[i], arena);

		if (!pod)
			return err_os(e, ERR_TRY_AGAIN, ENOMEM, "list pods");
		pod->is_known = true;
		pod->flags = value->flags;
		memcpy(pod->mac.bytes, value->mac, sizeof(pod->mac.bytes));
	}
	return 0;
}

static int load_addresses(struct pods *pods, struct arena *arena, struct err *e)
{
	_cleanup_(map_close) struct map map = MAP_CLOSED;
	const void *keys, *values;
	size_t n;

	if (map_open(&map, MAP_ENDPOINTS, sizeof(struct endpoint), e) < 0 ||
	    map_all(&map, arena, &keys, &values, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct endpoint *value = map_value(&map, values, i);
		struct pod *pod = ensure(pods, (int)value->ifindex, arena);
		struct ipaddr *ips =
			pod ? arena_grow(arena, pod->ips, pod->n_ips, sizeof(*ips)) : NULL;

		if (!ips)
			return err_os(e, ERR_TRY_AGAIN, ENOMEM, "list pods");
		ips[pod->n_ips++] = datapath_ip((const union address *)keys + i);
		pod->ips = ips;
		pod->since = value->since;
		if (!pod->is_known) {
			pod->flags = value->flags;
			memcpy(pod->mac.bytes, value->mac, sizeof(pod->mac.bytes));
		}
	}
	return 0;
}

static int load_link(struct pod *pod, struct nl *nl, struct arena *arena, struct err *e)
{
	char *names = arena_calloc(arena, 1, ATTACHMENT_TAG);

	if (!names)
		return err_os(e, ERR_TRY_AGAIN, ENOMEM, "list pods");
	if (link_get_index(nl, pod->index, &pod->link, e) < 0)
		return e->os == ENODEV ? 0 : -1;
	pod->has_link = true;
	(void)attachment_tag_read(pod->link.alias, names, &pod->attachment);
	return 0;
}

static int by_index(const void *a, const void *b)
{
	const struct pod *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

int pods_load(struct pods *out, struct nl *nl, struct arena *arena, struct err *e)
{
	struct pods pods = {};

	if (load_interfaces(&pods, arena, e) < 0 || load_addresses(&pods, arena, e) < 0)
		return -1;
	for (size_t i = 0; i < pods.n; i++)
		if (load_link(&pods.list[i], nl, arena, e) < 0)
			return -1;
	if (pods.n)
		qsort(pods.list, pods.n, sizeof(*pods.list), by_index);
	*out = pods;
	return 0;
}

const struct pod *pods_by_index(const struct pods *pods, int index)
{
	for (size_t i = 0; i < pods->n; i++)
		if (pods->list[i].index == index)
			return &pods->list[i];
	return NULL;
}

static bool has_address(const struct pod *pod, const struct ipaddr *ip)
{
	for (size_t i = 0; i < pod->n_ips; i++)
		if (!ip_cmp(&pod->ips[i], ip))
			return true;
	return false;
}

const struct pod *pods_by_address(const struct pods *pods, const struct ipaddr *ip)
{
	for (size_t i = 0; i < pods->n; i++)
		if (has_address(&pods->list[i], ip))
			return &pods->list[i];
	return NULL;
}

static bool begins(const struct pod *pod, const char *what)
{
	return pod->attachment.container && !strncmp(pod->attachment.container, what, strlen(what));
}

/** An id that is a whole one means that container, though it may be the beginning of others' too.
 */
static bool is_whole_id(const struct pods *all, const char *what)
{
	for (size_t i = 0; i < all->n; i++)
		if (begins(&all->list[i], what) && !all->list[i].attachment.container[strlen(what)])
			return true;
	return false;
}

static bool is_meant(const struct pod *pod, const char *what, const struct ipaddr *ip, bool whole)
{
	if (ip)
		return has_address(pod, ip);
	if (pod->has_link && !strcmp(pod->link.name, what))
		return true;
	return begins(pod, what) && (!whole || !pod->attachment.container[strlen(what)]);
}

int pods_select(const struct pods *all, const char *what, struct pods *out, struct arena *arena,
		struct err *e)
{
	bool whole = is_whole_id(all, what);
	struct pods found = {};
	struct ipaddr parsed, ip;
	bool is_ip = !ip_parse(&parsed, what);

	if (is_ip)
		ip = ip_unmap(&parsed);
	for (size_t i = 0; i < all->n && *what; i++) {
		const struct pod *pod = &all->list[i];
		const char *other = found.n ? found.list[0].attachment.container : NULL;

		if (!is_meant(pod, what, is_ip ? &ip : NULL, whole))
			continue;
		if (other && pod->attachment.container &&
		    strcmp(other, pod->attachment.container) != 0)
			return err_set(e, ERR_CONFIG,
				       "\"%s\": begins the ids of several containers: %s, %s", what,
				       other, pod->attachment.container);
		found.list = arena_grow(arena, found.list, found.n, sizeof(*found.list));
		if (!found.list)
			return err_os(e, ERR_TRY_AGAIN, ENOMEM, "list pods");
		found.list[found.n++] = *pod;
	}
	if (!found.n) {
		(void)err_set(e, ERR_CONFIG, "\"%s\": no pod has this address, id or interface",
			      what);
		return err_hint(e, "edgeway endpoints lists those that there are");
	}
	*out = found;
	return 0;
}

void pods_describe(json_t *object, const struct pod *pod, int index)
{
	const struct attachment *a = pod ? &pod->attachment : &(struct attachment){};
	char name[IFNAMSIZ]; // of an uplink, which is no pod's

	json_object_set_new(object, "interface",
			    view_string(if_indextoname((unsigned int)index, name)));
	json_object_set_new(object, "ifindex", json_integer(index));
	json_object_set_new(object, "container", view_string(a->container));
	json_object_set_new(object, "network", view_string(a->network));
	json_object_set_new(object, "ifname", view_string(a->ifname));
}

void pods_cell(const json_t *row, char *buf)
{
	const char *container = view_get(row, "container"), *interface = view_get(row, "interface");

	if (*container)
		(void)snprintf(buf, VIEW_CELL, "%.*s", ID_SHOWN, container);
	else if (*interface)
		(void)snprintf(buf, VIEW_CELL, "%s", interface);
	else
		(void)snprintf(buf, VIEW_CELL, "#%lld", view_int(row, "ifindex"));
}
