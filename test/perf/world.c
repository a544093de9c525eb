// SPDX-License-Identifier: Apache-2.0
// Makes the pods' network namespaces and the leases a benchmark runs among.
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "call.h"

enum { FIRST_HOST = 2, HOSTS_PER_BYTE = 256, PATH_SIZE = 256 };

static int open_netns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("cannot open %s: %s", path, strerror(errno));
	return fd;
}

static void enter(int fd)
{
	if (setns(fd, CLONE_NEWNET) < 0)
		die("cannot enter a network namespace: %s", strerror(errno));
}

void netns_make(const char *name, char path[NETNS_PATH])
{
	_cleanup_(fd_closep) int home = open_netns("/proc/self/ns/net");
	_cleanup_(fd_closep) int file = -1;

	(void)snprintf(path, NETNS_PATH, "/run/netns/%s", name);
	file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (file < 0 || unshare(CLONE_NEWNET) < 0 ||
	    mount("/proc/self/ns/net", path, "none", MS_BIND, NULL) < 0)
		die("cannot make the network namespace %s: %s", path, strerror(errno));
	enter(home);
}

bool netns_has_link(const char *path, const char *ifname)
{
	_cleanup_(fd_closep) int home = open_netns("/proc/self/ns/net");
	_cleanup_(fd_closep) int there = open_netns(path);
	bool found;

	enter(there);
	found = if_nametoindex(ifname) != 0;
	enter(home);
	return found;
}

static void write_file(const char *path, const char *text)
{
	_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t len = strlen(text);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		die("cannot write %s: %s", path, strerror(errno));
}

static void make_directory(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die("cannot make %s: %s", path, strerror(errno));
}

void leases_make(const char *network, const char *first_two, int count)
{
	char dir[PATH_SIZE], path[PATH_SIZE + 64], text[128], address[32] = "";

	make_directory("/var/lib/cni");
	make_directory("/var/lib/cni/networks");
	(void)snprintf(dir, sizeof(dir), "/var/lib/cni/networks/%s", network);
	make_directory(dir);
	for (int host = FIRST_HOST; host < FIRST_HOST + count; host++) {
		(void)snprintf(address, sizeof(address), "%s.%d.%d", first_two,
			       host / HOSTS_PER_BYTE, host % HOSTS_PER_BYTE);
		(void)snprintf(path, sizeof(path), "%s/%s", dir, address);
		(void)snprintf(text, sizeof(text), "pod-of-another-%06d\r\neth0", host);
		write_file(path, text);
	}
	(void)snprintf(path, sizeof(path), "%s/last_reserved_ip.0", dir);
	write_file(path, address);
}
