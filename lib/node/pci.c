// SPDX-License-Identifier: Apache-2.0
#include "node/pci.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

const char *pci_address_check(const char *text)
{
	static const char form[] = "xxxx:xx:xx.0";
	size_t i;

	for (i = 0; form[i] && text[i]; i++) {
		bool fits = form[i] == 'x' ? isdigit((unsigned char)text[i]) ||
						     (text[i] >= 'a' && text[i] <= 'f')
			    : form[i] == '0' ? text[i] >= '0' && text[i] <= '7'
					     : text[i] == form[i];
		if (!fits)
			break;
	}
	return form[i] || text[i] ? "must be a PCI address as in \"0000:03:10.0\", in lower case"
				  : NULL;
}

/** Open a directory of the device, or the device itself with "."; -1 with errno. */
static int open_device(const char *sysfs, const char *address, const char *below)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", sysfs, address, below);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/** The last part of what a symbolic link says; false if it is none, or too long. */
static bool link_name(int dir, const char *path, char *buf, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, path, target, sizeof(target) - 1);
	const char *slash;

	if (n < 0)
		return false;
	target[n] = '\0';
	slash = strrchr(target, '/');
	return snprintf(buf, size, "%s", slash ? slash + 1 : target) < (int)size;
}

static bool read_line(int dir, const char *path, char *buf, size_t size)
{
	if (file_read(dir, path, buf, size) < 0)
		return false;
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

static int read_number(int dir, const char *path, int otherwise)
{
	char text[16];

	return read_line(dir, path, text, sizeof(text)) && *text ? atoi(text) : otherwise;
}

/** Ports of a switch that stand for something else than the uplink: "pf0vf3", "c1pf0", "pf0sf2". */
static bool is_representor(const char *port)
{
	return strstr(port, "pf") == port || (port[0] == 'c' && strstr(port, "pf"));
}

/** The number of the VF that a port called @port stands for, or -1. */
static long representor_of(const char *port)
{
	unsigned int controller, pf, vf;
	char end;

	if (sscanf(port, "pf%uvf%u%c", &pf, &vf, &end) == 2)
		return (long)vf;
	return sscanf(port, "c%upf%uvf%u%c", &controller, &pf, &vf, &end) == 3 ? (long)vf : -1;
}

static void dir_closep(DIR **d)
{
	if (*d)
		closedir(*d);
}

/** Call @fn for each interface in the directory @fd, which is taken over. */
typedef void netdev_fn(const char *name, const char *port, void *ctx);
static void each_netdev(int fd, netdev_fn *fn, void *ctx)
{
	_cleanup_(dir_closep) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;

	while (d && (de = readdir(d))) {
		char path[NAME_MAX + 32], port[IFNAMSIZ * 2] = "";

		if (de->d_name[0] == '.' || strlen(de->d_name) >= IFNAMSIZ)
			continue;
		(void)snprintf(path, sizeof(path), "%s/phys_port_name", de->d_name);
		// Not every driver has port names: the file cannot be read then.
		if (!read_line(dirfd(d), path, port, sizeof(port)))
			port[0] = '\0';
		fn(de->d_name, port, ctx);
	}
}

/** What there is among the interfaces of a PF. */
struct pf_search {
	struct pci_vf *vf;
	unsigned int uplinks;
};

static void note_pf_netdev(const char *name, const char *port, void *ctx)
{
	struct pf_search *s = ctx;

	if (representor_of(port) == (long)s->vf->number)
		(void)snprintf(s->vf->representor, IFNAMSIZ, "%s", name);
	if (is_representor(port))
		return;
	(void)snprintf(s->vf->pf_netdev, IFNAMSIZ, "%s", name);
	s->uplinks++;
}

static void note_netdev(const char *name, const char *port, void *ctx)
{
	(void)port;
	(void)snprintf(ctx, IFNAMSIZ, "%s", name);
}

void pci_vf_refresh(const char *sysfs, struct pci_vf *vf)
{
	_cleanup_(fd_closep) int dir = open_device(sysfs, vf->address, ".");

	vf->netdev[0] = vf->driver[0] = '\0';
	if (dir >= 0 && !link_name(dir, "driver", vf->driver, sizeof(vf->driver)))
		vf->driver[0] = '\0';
	each_netdev(open_device(sysfs, vf->address, "net"), note_netdev, vf->netdev);
}

/** Which of the PF's VFs this is: its links virtfn0, virtfn1, ... say. */
static bool find_number(const char *sysfs, struct pci_vf *vf)
{
	_cleanup_(fd_closep) int pf = open_device(sysfs, vf->pf, ".");
	int count = pf < 0 ? 0 : read_number(pf, "sriov_numvfs", 0);
	char name[32], address[PCI_ADDRESS];

	for (int i = 0; i < count; i++) {
		(void)snprintf(name, sizeof(name), "virtfn%d", i);
		if (link_name(pf, name, address, sizeof(address)) &&
		    !strcmp(address, vf->address)) {
			vf->number = (uint32_t)i;
			return true;
		}
	}
	return false;
}

static int find_pf(const char *sysfs, int dir, struct pci_vf *vf, struct err *e)
{
	struct pf_search s = {.vf = vf};

	if (!link_name(dir, "physfn", vf->pf, sizeof(vf->pf))) {
		(void)err_set(e, ERR_CONFIG, "%s is no virtual function", vf->address);
		return err_hint(e, "it has no physfn in sysfs: it is a physical function, or no "
				   "SR-IOV device at all");
	}
	if (!find_number(sysfs, vf))
		return err_os(e, ERR_UNAVAILABLE, ENOENT, "%s does not list its VF %s", vf->pf,
			      vf->address);
	each_netdev(open_device(sysfs, vf->pf, "net"), note_pf_netdev, &s);
	if (s.uplinks == 1)
		return 0;
	(void)err_set(e, ERR_UNAVAILABLE, "physical function %s of %s has %s here", vf->pf,
		      vf->address, s.uplinks ? "several interfaces" : "no interface");
	return s.uplinks ? err_hint(e, "it cannot be told which port the VF belongs to")
			 : err_hint(e, "its driver is not bound, or the interface is in another "
				       "network namespace");
}

int pci_vf_find(const char *sysfs, const char *address, struct pci_vf *out, struct err *e)
{
	_cleanup_(fd_closep) int dir = -1;
	struct pci_vf vf = {.iommu_group = -1};
	const char *wrong = pci_address_check(address);
	char group[16];
	struct stat st;

	if (wrong)
		return err_set(e, ERR_CONFIG, "\"%.64s\": %s", address, wrong);
	(void)snprintf(vf.address, sizeof(vf.address), "%s", address);
	dir = open_device(sysfs, address, ".");
	if (dir < 0 || fstat(dir, &st) < 0)
		return err_os(e, errno == ENOENT ? ERR_CONFIG : ERR_IO, errno, "find PCI device %s",
			      address);
	vf.id = st.st_ino;
	if (find_pf(sysfs, dir, &vf, e) < 0)
		return -1;
	vf.numa_node = read_number(dir, "numa_node", -1);
	if (link_name(dir, "iommu_group", group, sizeof(group)))
		vf.iommu_group = atoi(group);
	pci_vf_refresh(sysfs, &vf);
	*out = vf;
	return 0;
}

bool pci_driver_is_userspace(const char *driver)
{
	static const char *const drivers[] = {"vfio-pci", "mlx5_vfio_pci", "uio_pci_generic",
					      "igb_uio"};

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (!strcmp(driver, drivers[i]))
			return true;
	return false;
}

static int write_to(const char *path, const char *text, struct err *e)
{
	if (file_write(AT_FDCWD, path, text) == 0)
		return 0;
	return err_os(e, ERR_KERNEL, errno, "write to %s", path);
}

int pci_vf_bind(const char *sysfs, struct pci_vf *vf, const char *driver, struct err *e)
{
	char path[PATH_MAX];

	if (*driver && !strcmp(vf->driver, driver))
		return 0;
	// The override first: whoever probes in between finds the right one.
	(void)snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/driver_override", sysfs,
		       vf->address);
	if (write_to(path, *driver ? driver : "\n", e) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/driver/unbind", sysfs,
		       vf->address);
	if (*vf->driver && write_to(path, vf->address, e) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/bus/pci/drivers_probe", sysfs);
	if (write_to(path, vf->address, e) < 0)
		return -1;
	pci_vf_refresh(sysfs, vf);
	if (*driver ? !strcmp(vf->driver, driver) : *vf->driver)
		return 0;
	(void)err_set(e, ERR_KERNEL, "bind %s to %s: it has %s", vf->address,
		      *driver ? driver : "a driver", *vf->driver ? vf->driver : "none");
	return err_hint(e, "is the module loaded? modprobe %s", *driver ? driver : "it");
}
