// SPDX-License-Identifier: Apache-2.0
#include "deviceplugin/describe.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "cni/device_info.h"

static const char VHOST_NET[] = "/dev/vhost-net", TUN[] = "/dev/net/tun";

static void add_plain(struct pci_node *out, size_t *n, const char *path)
{
	if (*n < PCI_NODES) {
		(void)snprintf(out[*n].host, sizeof(out->host), "%s", path);
		(void)snprintf(out[*n].inside, sizeof(out->inside), "%s", path);
		++*n;
	}
}

size_t dp_nodes(const struct dp_pool *pool, const struct dp_device *d,
		struct pci_node out[static PCI_NODES])
{
	size_t n = pci_device_nodes(pool->dp->options.sysfs, &d->pci, out);

	if (d->selector->is_rdma) {
		struct pci_node rdma[PCI_NODES];
		size_t more = pci_rdma_nodes(pool->dp->options.sysfs, &d->pci, rdma);

		for (size_t i = 0; i < more && n < PCI_NODES; i++)
			out[n++] = rdma[i];
	}
	if (d->selector->need_vhost_net) {
		add_plain(out, &n, VHOST_NET);
		add_plain(out, &n, TUN);
	}
	return n;
}

static void put(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, json_string(value));
}

/** "vfio": {"mount", "dev-mount"}, or "uio": {"mount"}. */
static void add_driver(json_t *all, const struct dp_pool *pool, const struct dp_device *d)
{
	struct pci_node nodes[PCI_NODES];
	size_t n = pci_device_nodes(pool->dp->options.sysfs, &d->pci, nodes);
	json_t *about;

	if (!n)
		return;
	about = json_object();
	json_object_set_new(all, strstr(d->pci.vf.driver, "vfio") ? "vfio" : "uio", about);
	put(about, "mount", nodes[0].inside);
	if (n > 1)
		put(about, "dev-mount", nodes[1].inside);
}

static void add_rdma(json_t *all, const struct dp_pool *pool, const struct dp_device *d)
{
	static const char *const kinds[] = {"uverbs", "umad", "issm", "rdma_cm"};
	struct pci_node nodes[PCI_NODES];
	size_t n = pci_rdma_nodes(pool->dp->options.sysfs, &d->pci, nodes);
	json_t *about;

	if (!d->selector->is_rdma || !d->pci.is_rdma)
		return;
	about = json_object();
	json_object_set_new(all, "rdma", about);
	put(about, "rdma_dev", d->pci.rdma);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
			if (strstr(nodes[i].inside, kinds[k]))
				put(about, kinds[k], nodes[i].inside);
}

static void add_vhost(json_t *all, const struct dp_device *d)
{
	json_t *about;

	if (!d->selector->need_vhost_net)
		return;
	about = json_object();
	json_object_set_new(all, "vhost", about);
	put(about, "net-mount", VHOST_NET);
	put(about, "tun-mount", TUN);
}

/** What the configuration says of all devices, and over it what it says of this one. */
static void add_extra(json_t *all, const struct dp_resource *r, const char *address)
{
	const char *const whom[] = {"*", address};
	json_t *about;

	if (!r->has_extras)
		return;
	about = json_object();
	json_object_set_new(all, "extra", about);
	for (size_t w = 0; w < ARRAY_SIZE(whom); w++)
		for (size_t i = 0; i < r->n_extras; i++)
			for (size_t k = 0;
			     !strcmp(r->extras[i].address, whom[w]) && k < r->extras[i].n_pairs;
			     k++)
				put(about, r->extras[i].pairs[k].key, r->extras[i].pairs[k].value);
}

static void decref(json_t **json)
{
	json_decref(*json);
}

char *dp_describe(const struct dp_pool *pool, const struct dp_device *const devices[], size_t n,
		  struct arena *arena)
{
	_cleanup_(decref) json_t *doc = json_object();
	_cleanup_(freep) char *text = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct dp_device *d = devices[i];
		json_t *all = json_object(), *generic = json_object();

		json_object_set_new(doc, d->pci.vf.address, all);
		json_object_set_new(all, "generic", generic);
		put(generic, "deviceID", d->pci.vf.address);
		add_driver(all, pool, d);
		add_rdma(all, pool, d);
		add_vhost(all, d);
		add_extra(all, dp_pool_resource(pool), d->pci.vf.address);
	}
	// Members by name, as the original's encoder has them.
	text = doc ? json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	return text ? arena_strdup(arena, text) : NULL;
}

/** Nothing is written that is there already: most devices are given away more than once. */
static bool has_text(const char *path, const char *text)
{
	char there[512];

	return file_read(AT_FDCWD, path, there, sizeof(there)) > 0 && !strcmp(there, text);
}

int dp_write_device_info(const struct dp_pool *pool, const struct dp_device *d, struct err *e)
{
	const struct dp_resource *r = dp_pool_resource(pool);
	const char *dir = pool->dp->options.devinfo;
	const struct device_info info = {
		.address = d->pci.vf.address,
		.pf_address = d->pci.is_vf ? d->pci.vf.pf : "",
		.representor = d->pci.vf.representor,
		.rdma = d->selector->is_rdma ? d->pci.rdma : "",
	};
	_cleanup_(freep) char *text = device_info_text(&info);
	char path[PATH_MAX];

	if (!text)
		return err_set(e, ERR_TRY_AGAIN, "device-info file: out of memory");
	if (snprintf(path, sizeof(path), "%s/%s-%s-%s-device.json", dir, r->prefix, r->name,
		     d->pci.vf.address) >= (int)sizeof(path))
		return err_set(e, ERR_CONFIG, "device-info file: path too long");
	if (has_text(path, text))
		return 0;
	if (dir_make(dir, 0755) < 0 || file_replace(AT_FDCWD, path, text, 0444) < 0)
		return err_os(e, ERR_IO, errno, "device-info file: write %s", path);
	return 0;
}

const char *dp_cdi_kind(const struct dp_pool *pool, char *buf)
{
	const struct dp_resource *r = dp_pool_resource(pool);

	(void)snprintf(buf, DP_WHY, "%s/%s", r->prefix,
		       r->is_accelerator ? "net-accel" : "net-pci");
	return buf;
}

/** What the specification @old says of a device; NULL if nothing. */
static json_t *cdi_entry(const json_t *old, const char *name)
{
	const json_t *list = json_object_get(old, "devices");

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *one = json_array_get(list, i);
		const char *is = json_string_value(json_object_get(one, "name"));

		if (is && !strcmp(is, name))
			return one;
	}
	return NULL;
}

/**
 * NULL if it needs no files. What was said of a device that is in use stays said: its container may
 * start again, and some files move with a device into the container, so that they are not seen
 * here.
 */
static json_t *cdi_device(const struct dp_pool *pool, const struct dp_device *d, const json_t *old)
{
	struct pci_node nodes[PCI_NODES];
	size_t n = dp_nodes(pool, d, nodes);
	json_t *list;

	if (d->hold.kind != VF_FREE && cdi_entry(old, d->pci.vf.address))
		return json_incref(cdi_entry(old, d->pci.vf.address));
	if (!n)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s}", "path", nodes[i].inside,
						"hostPath", nodes[i].host, "permissions", "rw"));
	return json_pack("{s:s, s:{s:o}}", "name", d->pci.vf.address, "containerEdits",
			 "deviceNodes", list);
}

static json_t *cdi_document(const struct dp_pool *pool, const json_t *old)
{
	json_t *devices = json_array();
	char kind[DP_WHY];

	for (size_t i = 0; i < pool->dp->inventory.n; i++) {
		const struct dp_device *d = &pool->dp->inventory.devices[i];
		json_t *one = d->resource == (int)pool->index ? cdi_device(pool, d, old) : NULL;

		if (one)
			json_array_append_new(devices, one);
	}
	return json_pack("{s:s, s:s, s:o}", "cdiVersion", "0.5.0", "kind", dp_cdi_kind(pool, kind),
			 "devices", devices);
}

static int cdi_path(const struct dp_pool *pool, char *path)
{
	return snprintf(path, PATH_MAX, "%s/edgeway-deviceplugin_%.*s.json", pool->dp->options.cdi,
			(int)strlen(pool->socket) - 5, pool->socket) < PATH_MAX
		       ? 0
		       : -1;
}

void dp_remove_cdi(const struct dp_pool *pool)
{
	char path[PATH_MAX];

	if (pool->dp->options.cdi && cdi_path(pool, path) == 0)
		(void)unlink(path);
}

void dp_write_cdi(struct dp_pool *pool)
{
	_cleanup_(decref) json_t *old = NULL;
	_cleanup_(decref) json_t *doc = NULL;
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX] = "";

	if (!pool->dp->options.cdi)
		return;
	if (cdi_path(pool, path) == 0)
		old = json_load_file(path, 0, NULL); // somebody may have removed it
	doc = cdi_document(pool, old);
	if (doc && !json_array_size(json_object_get(doc, "devices"))) {
		dp_remove_cdi(pool); // CDI knows no empty list either
		return;
	}
	if (doc && json_equal(doc, old))
		return;
	text = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
	if (!text || !*path || dir_make(pool->dp->options.cdi, 0755) < 0 ||
	    file_replace(AT_FDCWD, path, text, 0644) < 0)
		log_warn("%s: CDI specification: write to %s: %s", pool->name,
			 pool->dp->options.cdi, strerror(errno));
}
