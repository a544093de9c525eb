// SPDX-License-Identifier: Apache-2.0
#include "node/pci_device.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "node/pci_private.h"

/** The first name of a directory, by the alphabet: what is there does not depend on its order. */
struct lowest {
	char *name;
	size_t size;
};

static void note_lowest(int dir, const char *name, void *ctx)
{
	struct lowest *l = ctx;

	(void)dir;
	if (strlen(name) < l->size && (!*l->name || strcmp(name, l->name) < 0))
		(void)snprintf(l->name, l->size, "%s", name);
}

static void first_name(int fd, char *buf, size_t size)
{
	buf[0] = '\0';
	(void)pci_each_name(fd, note_lowest, &(struct lowest){buf, size});
}

static int read_link_type(const char *sysfs, const char *address, const char *netdev)
{
	_cleanup_(fd_closep) int dir = *netdev ? pci_open_device(sysfs, address, "net") : -1;
	char path[IFNAMSIZ + 8];

	(void)snprintf(path, sizeof(path), "%s/type", netdev);
	return dir < 0 ? -1 : (int)pci_read_number(dir, path, -1);
}

/** What is no VF is its own root. */
static void read_function(const char *sysfs, int dir, struct pci_vf *vf)
{
	struct err ignored;
	char group[16];

	memcpy(vf->pf, vf->address, sizeof(vf->pf));
	vf->numa_node = (int)pci_read_number(dir, "numa_node", -1);
	vf->iommu_group =
		pci_link_name(dir, "iommu_group", group, sizeof(group)) ? atoi(group) : -1;
	if (pci_vf_refresh(sysfs, vf, &ignored) < 0)
		return; // it is coming or going: there will be an event
	memcpy(vf->pf_netdev, vf->netdev, sizeof(vf->pf_netdev));
}

int pci_device_read(const char *sysfs, const char *address, uint32_t guess, struct pci_device *out)
{
	_cleanup_(fd_closep) int dir = pci_open_device(sysfs, address, ".");
	struct pci_device d = {};
	struct err ignored;
	struct stat st;

	if (dir < 0 || fstat(dir, &st) < 0)
		return 0;
	d.class = (uint8_t)(pci_read_number(dir, "class", 0) >> 16);
	if (d.class != PCI_NETWORK && d.class != PCI_ACCELERATOR)
		return 0;
	(void)snprintf(d.vf.address, sizeof(d.vf.address), "%s", address);
	d.vf.id = st.st_ino;
	d.is_vf = faccessat(dir, "physfn", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	if (!d.is_vf)
		read_function(sysfs, dir, &d.vf);
	else if (pci_vf_look(sysfs, address, guess, &d.vf, &d.uplinks, &ignored) < 0)
		return 0; // it is coming or going: there will be an event
	d.vendor = (uint16_t)pci_read_number(dir, "vendor", 0);
	d.device = (uint16_t)pci_read_number(dir, "device", 0);
	d.has_vfs = !d.is_vf && pci_has_vfs(sysfs, address);
	d.acpi_index = pci_read_number(dir, "acpi_index", 0);
	d.link_type = read_link_type(sysfs, address, d.vf.netdev);
	d.pf_link_type = read_link_type(sysfs, d.vf.pf, d.vf.pf_netdev);
	first_name(pci_open_device(sysfs, address, "infiniband"), d.rdma, sizeof(d.rdma));
	d.is_rdma = *d.rdma;
	*out = d;
	return 1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int pci_device_list(const char *sysfs, struct arena *arena, struct pci_device **list, size_t *n,
		    struct err *e)
{
	_cleanup_(fd_closep) int dir = -1;
	char path[PATH_MAX];
	const char **names;
	struct pci_device *found;
	size_t count, kept = 0;

	(void)snprintf(path, sizeof(path), "%s/bus/pci/devices", sysfs);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT) { // a machine without PCI
		*list = NULL;
		*n = 0;
		return 0;
	}
	if (dir < 0 || dir_list(arena, dir, &names, &count) < 0)
		return err_os(e, ERR_IO, errno, "list %s", path);
	qsort(names, count, sizeof(*names), by_name);
	found = arena_array(arena, 0, sizeof(*found));
	for (size_t i = 0; found && i < count; i++) {
		uint32_t guess = kept && found[kept - 1].is_vf ? found[kept - 1].vf.number + 1 : 0;
		struct pci_device device;

		if (pci_address_check(names[i]) ||
		    !pci_device_read(sysfs, names[i], guess, &device))
			continue;
		found = arena_grow(arena, found, kept, sizeof(*found));
		if (found)
			found[kept++] = device;
	}
	if (!found)
		return err_set(e, ERR_TRY_AGAIN, "list PCI devices: out of memory");
	*list = found;
	*n = kept;
	return 0;
}

static void put_node(struct pci_node *node, const char *host, const char *inside)
{
	(void)snprintf(node->host, sizeof(node->host), "%s", host);
	(void)snprintf(node->inside, sizeof(node->inside), "%s", inside);
}

/** Without an IOMMU the kernel makes groups for vfio alone, which have their files elsewhere. */
static size_t vfio_nodes(const char *sysfs, const struct pci_vf *vf,
			 struct pci_node out[static PCI_NODES])
{
	_cleanup_(fd_closep) int dir = pci_open_device(sysfs, vf->address, ".");
	char name[32] = "", host[PCI_NODE_PATH], inside[PCI_NODE_PATH];
	bool no_iommu;

	put_node(&out[0], "/dev/vfio/vfio", "/dev/vfio/vfio");
	if (vf->iommu_group < 0)
		return 1;
	no_iommu = pci_read_line(dir, "iommu_group/name", name, sizeof(name)) &&
		   !strcmp(name, "vfio-noiommu");
	(void)snprintf(host, sizeof(host), "/dev/vfio/%s%d", no_iommu ? "noiommu-" : "",
		       vf->iommu_group);
	(void)snprintf(inside, sizeof(inside), "/dev/vfio/%d", vf->iommu_group);
	put_node(&out[1], host, inside);
	return 2;
}

static size_t uio_nodes(const char *sysfs, const struct pci_vf *vf,
			struct pci_node out[static PCI_NODES])
{
	char name[32], path[PCI_NODE_PATH];

	first_name(pci_open_device(sysfs, vf->address, "uio"), name, sizeof(name));
	if (!*name)
		return 0;
	(void)snprintf(path, sizeof(path), "/dev/%s", name);
	put_node(&out[0], path, path);
	return 1;
}

size_t pci_device_nodes(const char *sysfs, const struct pci_device *device,
			struct pci_node out[static PCI_NODES])
{
	if (!pci_driver_is_userspace(device->vf.driver))
		return 0;
	return strstr(device->vf.driver, "vfio") ? vfio_nodes(sysfs, &device->vf, out)
						 : uio_nodes(sysfs, &device->vf, out);
}

/** A list of files that grows while a directory is read. */
struct nodes {
	struct pci_node *out;
	size_t n;
};

static void note_node(int dir, const char *name, void *ctx)
{
	char path[PCI_NODE_PATH];
	struct nodes *nodes = ctx;

	(void)dir;
	if (nodes->n == PCI_NODES || strlen(name) > 32)
		return;
	(void)snprintf(path, sizeof(path), "/dev/infiniband/%.32s", name);
	put_node(&nodes->out[nodes->n++], path, path);
}

static int by_host(const void *a, const void *b)
{
	return strcmp(((const struct pci_node *)a)->host, ((const struct pci_node *)b)->host);
}

size_t pci_rdma_nodes(const char *sysfs, const struct pci_device *device,
		      struct pci_node out[static PCI_NODES])
{
	struct nodes nodes = {.out = out};

	if (!device->is_rdma)
		return 0;
	(void)pci_each_name(pci_open_device(sysfs, device->vf.address, "infiniband_mad"), note_node,
			    &nodes);
	(void)pci_each_name(pci_open_device(sysfs, device->vf.address, "infiniband_verbs"),
			    note_node, &nodes);
	qsort(out, nodes.n, sizeof(*out), by_host);
	note_node(-1, "rdma_cm", &nodes);
	return nodes.n;
}
