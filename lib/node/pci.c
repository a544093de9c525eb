// SPDX-License-Identifier: Apache-2.0
#include "node/pci.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "node/pci_private.h"

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

int pci_open_device(const char *sysfs, const char *address, const char *below)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", sysfs, address, below);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool pci_exists(const char *sysfs, const char *address)
{
	_cleanup_(fd_closep) int dir =
		pci_address_check(address) ? -1 : pci_open_device(sysfs, address, ".");

	return dir >= 0;
}

bool pci_link_name(int dir, const char *path, char *buf, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, path, target, sizeof(target) - 1);
	const char *slash;

	if (n < 0)
		return false;
	target[n] = '\0';
	slash = strrchr(target, '/');
	errno = ENAMETOOLONG;
	return snprintf(buf, size, "%s", slash ? slash + 1 : target) < (int)size;
}

bool pci_read_line(int dir, const char *path, char *buf, size_t size)
{
	if (file_read(dir, path, buf, size) < 0)
		return false;
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

long pci_read_number(int dir, const char *path, long otherwise)
{
	char text[24];

	return pci_read_line(dir, path, text, sizeof(text)) && *text ? strtol(text, NULL, 0)
								     : otherwise;
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

int pci_each_name(int fd, pci_name_fn *fn, void *ctx)
{
	_cleanup_(fd_closep) int taken = fd;
	_cleanup_(dir_closep) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	(void)TAKE_FD(taken); // the directory's now
	while ((errno = 0, de = readdir(d)))
		if (de->d_name[0] != '.')
			fn(dirfd(d), de->d_name, ctx);
	return -errno;
}

/** What there is among the interfaces of a PF. */
struct pf_search {
	struct pci_vf *vf;
	unsigned int uplinks;
};

static void note_pf_netdev(int dir, const char *name, void *ctx)
{
	char path[NAME_MAX + 32], port[IFNAMSIZ * 2] = "";
	struct pf_search *s = ctx;

	if (strlen(name) >= IFNAMSIZ)
		return;
	(void)snprintf(path, sizeof(path), "%s/phys_port_name", name);
	// Not every driver has port names: the file cannot be read then.
	if (!pci_read_line(dir, path, port, sizeof(port)))
		port[0] = '\0';
	if (representor_of(port) == (long)s->vf->number)
		(void)snprintf(s->vf->representor, IFNAMSIZ, "%s", name);
	if (is_representor(port))
		return;
	(void)snprintf(s->vf->pf_netdev, IFNAMSIZ, "%s", name);
	s->uplinks++;
}

static void note_netdev(int dir, const char *name, void *ctx)
{
	(void)dir;
	if (strlen(name) < IFNAMSIZ)
		(void)snprintf(ctx, IFNAMSIZ, "%s", name);
}

int pci_vf_refresh(const char *sysfs, struct pci_vf *vf, struct err *e)
{
	_cleanup_(fd_closep) int dir = pci_open_device(sysfs, vf->address, ".");
	struct pci_vf now = *vf;
	int rc;

	now.netdev[0] = now.driver[0] = '\0';
	if ((dir < 0 || !pci_link_name(dir, "driver", now.driver, sizeof(now.driver))) &&
	    errno != ENOENT)
		return err_os(e, ERR_IO, errno, "read the driver of %s", vf->address);
	rc = pci_each_name(pci_open_device(sysfs, vf->address, "net"), note_netdev, now.netdev);
	if (rc < 0)
		return err_os(e, ERR_IO, -rc, "list the interfaces of %s", vf->address);
	*vf = now;
	return 0;
}

/** What a link virtfn0, virtfn1, ... of a PF is looked for by. */
struct virtfn {
	const char *address; ///< NULL: any
	uint32_t number;     ///< of the one that was found
	bool found;
};

static void note_virtfn(int dir, const char *name, void *ctx)
{
	struct virtfn *v = ctx;
	char is[PCI_ADDRESS];

	if (v->found || strncmp(name, "virtfn", strlen("virtfn")) != 0)
		return;
	if (v->address &&
	    (!pci_link_name(dir, name, is, sizeof(is)) || strcmp(is, v->address) != 0))
		return;
	v->number = (uint32_t)strtoul(name + strlen("virtfn"), NULL, 10);
	v->found = true;
}

bool pci_has_vfs(const char *sysfs, const char *address)
{
	struct virtfn v = {};

	(void)pci_each_name(pci_open_device(sysfs, address, "."), note_virtfn, &v);
	return v.found;
}

/**
 * Which of the PF's VFs this is; vf->number is a guess. (Reading sriov_numvfs would wait for who
 * makes or removes VFs, which takes seconds.)
 */
static bool find_number(const char *sysfs, struct pci_vf *vf)
{
	_cleanup_(fd_closep) int pf = pci_open_device(sysfs, vf->pf, ".");
	struct virtfn v = {.address = vf->address};
	char guess[32];

	(void)snprintf(guess, sizeof(guess), "virtfn%u", vf->number);
	if (pf >= 0)
		note_virtfn(pf, guess, &v);
	if (!v.found)
		(void)pci_each_name(TAKE_FD(pf), note_virtfn, &v);
	vf->number = v.number;
	return v.found;
}

/** Its physical function, and how many interfaces that has which may be the uplink. */
static int find_pf(const char *sysfs, int dir, struct pci_vf *vf, unsigned int *uplinks,
		   struct err *e)
{
	struct pf_search s = {.vf = vf};
	int rc;

	if (!pci_link_name(dir, "physfn", vf->pf, sizeof(vf->pf))) {
		if (errno != ENOENT)
			return err_os(e, ERR_IO, errno, "read physfn of %s", vf->address);
		(void)err_set(e, ERR_CONFIG, "%s is no virtual function", vf->address);
		return err_hint(e, "it has no physfn in sysfs: it is a physical function, or no "
				   "SR-IOV device at all");
	}
	if (!find_number(sysfs, vf))
		return err_os(e, ERR_UNAVAILABLE, ENOENT, "%s does not list its VF %s", vf->pf,
			      vf->address);
	rc = pci_each_name(pci_open_device(sysfs, vf->pf, "net"), note_pf_netdev, &s);
	if (rc < 0)
		return err_os(e, ERR_IO, -rc, "list the interfaces of %s", vf->pf);
	if (s.uplinks != 1)
		vf->pf_netdev[0] = '\0';
	*uplinks = s.uplinks;
	return 0;
}

int pci_vf_look(const char *sysfs, const char *address, uint32_t guess, struct pci_vf *out,
		unsigned int *uplinks, struct err *e)
{
	_cleanup_(fd_closep) int dir = -1;
	struct pci_vf vf = {.iommu_group = -1, .number = guess};
	const char *wrong = pci_address_check(address);
	char group[16];
	struct stat st;

	if (wrong)
		return err_set(e, ERR_CONFIG, "\"%.64s\": %s", address, wrong);
	(void)snprintf(vf.address, sizeof(vf.address), "%s", address);
	dir = pci_open_device(sysfs, address, ".");
	if (dir < 0 || fstat(dir, &st) < 0)
		return err_os(e, errno == ENOENT ? ERR_CONFIG : ERR_IO, errno, "find PCI device %s",
			      address);
	vf.id = st.st_ino;
	if (find_pf(sysfs, dir, &vf, uplinks, e) < 0)
		return -1;
	vf.numa_node = (int)pci_read_number(dir, "numa_node", -1);
	if (pci_link_name(dir, "iommu_group", group, sizeof(group)))
		vf.iommu_group = atoi(group);
	if (pci_vf_refresh(sysfs, &vf, e) < 0)
		return -1;
	*out = vf;
	return 0;
}

int pci_vf_find(const char *sysfs, const char *address, struct pci_vf *out, struct err *e)
{
	unsigned int uplinks = 0;
	struct pci_vf vf;

	if (pci_vf_look(sysfs, address, 0, &vf, &uplinks, e) < 0)
		return -1;
	if (uplinks == 1) {
		*out = vf;
		return 0;
	}
	(void)err_set(e, ERR_UNAVAILABLE, "physical function %s of %s has %s here", vf.pf,
		      vf.address, uplinks ? "several interfaces" : "no interface");
	return uplinks ? err_hint(e, "it cannot be told which port the VF belongs to")
		       : err_hint(e, "its driver is not bound, or the interface is in another "
				     "network namespace");
}

bool pci_driver_is_userspace(const char *driver)
{
	static const char *const drivers[] = {"uio_pci_generic", "igb_uio"};

	if (strstr(driver, "vfio")) // pds_vfio_pci, virtio_vfio_pci and those to come
		return true;
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

/** With "" the kernel chooses among all drivers again. */
static int override_driver(const char *sysfs, const struct pci_vf *vf, const char *driver,
			   struct err *e)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/driver_override", sysfs,
		       vf->address);
	return write_to(path, *driver ? driver : "\n", e);
}

static int unbind(const char *sysfs, const struct pci_vf *vf, struct err *e)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/driver/unbind", sysfs,
		       vf->address);
	return *vf->driver ? write_to(path, vf->address, e) : 0;
}

/** Have the kernel look for a driver, which shall be @driver. */
static int probe(const char *sysfs, struct pci_vf *vf, const char *driver, struct err *e)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/bus/pci/drivers_probe", sysfs);
	if (write_to(path, vf->address, e) < 0 || pci_vf_refresh(sysfs, vf, e) < 0)
		return -1;
	if (!strcmp(vf->driver, driver))
		return 0;
	(void)err_set(e, ERR_KERNEL, "bind %s to %s: it has %s", vf->address, driver,
		      *vf->driver ? vf->driver : "none");
	return err_hint(e, "is the module loaded? modprobe %s", driver);
}

int pci_vf_bind(const char *sysfs, struct pci_vf *vf, const char *driver, struct err *e)
{
	if (!strcmp(vf->driver, driver))
		return 0;
	// The override first: whoever probes in between finds the right one.
	if (override_driver(sysfs, vf, driver, e) < 0 || unbind(sysfs, vf, e) < 0)
		return -1;
	return probe(sysfs, vf, driver, e);
}

int pci_vf_unbind(const char *sysfs, struct pci_vf *vf, const char *driver, struct err *e)
{
	if (override_driver(sysfs, vf, "", e) < 0)
		return -1;
	if (!strcmp(vf->driver, driver))
		return 0;
	if (unbind(sysfs, vf, e) < 0)
		return -1;
	return *driver ? probe(sysfs, vf, driver, e) : pci_vf_refresh(sysfs, vf, e);
}
