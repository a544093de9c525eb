// SPDX-License-Identifier: Apache-2.0
#include "node/netscan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "netlink/ifaddr.h"
#include "node/netns.h"

enum { MOUNTS_MAX = 16 << 20 };

struct netscan {
	struct arena *arena;
	struct ipaddr *ips;
	size_t n_ips;
};

/** A walk over all namespaces. */
struct walk {
	struct arena *arena;
	netscan_fn *fn;
	void *ctx;
	ino_t *seen; ///< inodes of namespaces that have been met; all on one device, nsfs
	size_t n_seen;
};

static int on_address(const struct iface_addr *addr, void *ctx, struct err *e)
{
	struct netscan *s = ctx;

	s->ips = arena_grow(s->arena, s->ips, s->n_ips, sizeof(*s->ips));
	if (!s->ips)
		return err_set(e, ERR_TRY_AGAIN, "look for addresses: out of memory");
	s->ips[s->n_ips++] = addr->prefix.ip;
	return 0;
}

static int look_into(int fd, void *ctx, struct err *e)
{
	struct netscan *s = ctx;
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;

	if (netns_enter(&ns, fd, e) < 0)
		return -1;
	nl = nl_open(NETLINK_ROUTE, e);
	if (!nl)
		return -1;
	return ifaddr_each(nl, 0, 0, on_address, s, e);
}

/** Whether this namespace was not met before; remembers it. */
static bool is_new(struct walk *w, ino_t ino)
{
	ino_t *grown;

	for (size_t i = 0; i < w->n_seen; i++)
		if (w->seen[i] == ino)
			return false;
	grown = arena_grow(w->arena, w->seen, w->n_seen, sizeof(*w->seen));
	if (grown) {
		w->seen = grown;
		w->seen[w->n_seen++] = ino;
	}
	return true;
}

/** A namespace that has gone in the meantime is no failure. One that cannot be seen into is. */
static int visit(struct walk *w, const char *path, struct err *e)
{
	_cleanup_(fd_closep) int fd = -1;
	struct stat st;

	if (netns_open(&fd, path, e) < 0)
		return e->code == ERR_NO_CONTAINER || e->code == ERR_ENV ? 0 : -1;
	if (fstat(fd, &st) < 0 || !is_new(w, st.st_ino))
		return 0;
	return w->fn(fd, w->ctx, e) < 0 ? err_wrap(e, "look into %s", path) : 0;
}

static int visit_processes(struct walk *w, struct err *e)
{
	_cleanup_(fd_closep) int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char **names;
	size_t n;

	if (proc < 0 || dir_list(w->arena, proc, &names, &n) < 0)
		return err_os(e, ERR_IO, errno, "list /proc");
	for (size_t i = 0; i < n; i++) {
		char path[64];

		if (names[i][0] < '0' || names[i][0] > '9')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%.20s/ns/net", names[i]);
		if (visit(w, path, e) < 0)
			return -1;
	}
	return 0;
}

/** Namespaces without a process are held by a mount: " MOUNTPOINT ... - nsfs nsfs ". */
static int visit_mounts(struct walk *w, const char *process, struct err *e)
{
	char mountinfo[64];
	_cleanup_(fd_closep) int fd = -1;
	char *text, *rest = NULL;

	(void)snprintf(mountinfo, sizeof(mountinfo), "/proc/%s/mountinfo", process);
	fd = open(mountinfo, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0; // another pid namespace's process 1 may be out of sight
	text = file_read_all(w->arena, fd, MOUNTS_MAX, mountinfo, e);
	if (!text)
		return -1;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char root[64], point[PATH_MAX], path[PATH_MAX + 64];

		// Fields 4 and 5 of proc(5), mountinfo: the root within the file system, the place.
		if (!strstr(line, " - nsfs ") ||
		    sscanf(line, "%*s %*s %*s %63s %4095s", root, point) != 2 ||
		    strncmp(root, "net:", 4) != 0)
			continue;
		// As that process sees it: the mount may be in its mount namespace only.
		(void)snprintf(path, sizeof(path), "/proc/%s/root%s", process, point);
		if (visit(w, path, e) < 0)
			return -1;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

int netscan_each(struct arena *arena, netscan_fn *fn, void *ctx, struct err *e)
{
	struct walk w = {.arena = arena, .fn = fn, .ctx = ctx};

	if (visit_processes(&w, e) < 0 || visit_mounts(&w, "self", e) < 0)
		return -1;
	return visit_mounts(&w, "1", e);
}

int netscan_run(struct netscan **out, struct arena *arena, struct err *e)
{
	struct netscan *s = arena_calloc(arena, 1, sizeof(*s));

	if (!s)
		return err_set(e, ERR_TRY_AGAIN, "look for addresses: out of memory");
	s->arena = arena;
	if (netscan_each(arena, look_into, s, e) < 0)
		return -1;
	if (s->n_ips)
		qsort(s->ips, s->n_ips, sizeof(*s->ips), compare);
	*out = s;
	return 0;
}

bool netscan_has(const struct netscan *s, const struct ipaddr *ip)
{
	return s->n_ips && bsearch(ip, s->ips, s->n_ips, sizeof(*s->ips), compare);
}
