// SPDX-License-Identifier: Apache-2.0
#include "node/datapath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "../bpf/shared/conntrack.h"
#include "base/file.h"
#include "base/spawn.h"
#include "bpf/sys.h"
#include "netlink/filter.h"
#include "node/datapath_build.h"

void datapath_close(struct datapath *d)
{
	fd_closep(&d->endpoints);
	fd_closep(&d->interfaces);
	fd_closep(&d->epoch);
	fd_closep(&d->about);
	fd_closep(&d->from_pod);
	fd_closep(&d->to_pod);
	fd_closep(&d->from_uplink);
	fd_closep(&d->to_uplink);
	fd_closep(&d->lock);
}

/** Whoever is loading or replacing is waited for, and whoever wants to waits for us. */
static int lock(int *fd, struct err *e)
{
	static const char dir[] = "/run/edgeway";

	if (dir_make(dir, 0755) < 0)
		return err_os(e, ERR_IO, errno, "make %s", dir);
	return file_lock_shared(AT_FDCWD, DATAPATH_LOCK, 0600, fd, e);
}

/** The kernel copies as much as the map has, not as much as we have room for. */
static int open_map(const char *path, size_t key_size, size_t value_size, int *fd, struct err *e)
{
	struct bpf_map_shape shape;

	*fd = bpf_pinned(path, e);
	if (*fd < 0 || bpf_map_shape(*fd, &shape, e) < 0)
		return -1;
	if (shape.key_size != key_size || shape.value_size != value_size)
		return err_set(e, ERR_KERNEL, "%s: not of the layout that this version knows",
			       path);
	return 0;
}

static int open_programs(struct datapath *d, struct err *e)
{
	static const char *const paths[] = {
		EDGEWAY_PINS "/progs/from_pod", EDGEWAY_PINS "/progs/to_pod",
		EDGEWAY_PINS "/progs/from_uplink", EDGEWAY_PINS "/progs/to_uplink"};
	int *const fds[] = {&d->from_pod, &d->to_pod, &d->from_uplink, &d->to_uplink};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		*fds[i] = bpf_pinned(paths[i], e);
		if (*fds[i] < 0)
			return -1;
	}
	return 0;
}

int datapath_find(struct datapath *d, struct err *e)
{
	_cleanup_(datapath_close) struct datapath found = DATAPATH_CLOSED;

	if (lock(&found.lock, e) < 0 ||
	    open_map(EDGEWAY_PINS "/" MAP_ABOUT, sizeof(uint32_t), sizeof(struct about),
		     &found.about, e) < 0 ||
	    open_map(EDGEWAY_PINS "/" MAP_ENDPOINTS, sizeof(union address), sizeof(struct endpoint),
		     &found.endpoints, e) < 0 ||
	    open_map(EDGEWAY_PINS "/" MAP_INTERFACES, sizeof(uint32_t), sizeof(struct interface),
		     &found.interfaces, e) < 0 ||
	    open_map(EDGEWAY_PINS "/" MAP_EPOCH, sizeof(uint32_t), sizeof(uint32_t), &found.epoch,
		     e) < 0 ||
	    open_programs(&found, e) < 0)
		return -1;
	*d = found;
	found = (struct datapath)DATAPATH_CLOSED;
	return 0;
}

/** Whether it is of our build, and whoever loaded it came to the end. 1, 0, -1. */
static int is_current(const struct datapath *d, struct err *e)
{
	struct about about = {};

	if (bpf_map_get(d->about, &(uint32_t){0}, &about, 0, e) < 0)
		return err_wrap(e, EDGEWAY_PINS "/" MAP_ABOUT);
	return about.build == DATAPATH_BUILD;
}

/** What a loader that failed wrote to @fd: what is wrong in the first line, a hint in the second.
 */
static int its_error(const char *loader, int fd, int status, struct err *e)
{
	char text[1024], *rest, *line, *hint;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	line = strtok_r(text, "\n", &rest);
	hint = strtok_r(NULL, "\n", &rest);
	if (WIFSIGNALED(status))
		return err_set(e, ERR_KERNEL, "%s: killed by signal %d", loader, WTERMSIG(status));
	if (!line)
		return err_set(e, ERR_KERNEL, "%s: failed with status %d and no message", loader,
			       WEXITSTATUS(status));
	(void)err_set(e, ERR_KERNEL, "%s", line);
	return hint ? err_hint(e, "%s", hint) : -1;
}

static int load(const char *loader, struct err *e)
{
	_cleanup_(fd_closep) int out = memfd_create("edgeway-loader", MFD_CLOEXEC);
	_cleanup_(fd_closep) int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct spawn s = {loader, (const char *[]){"edgeway-loader", NULL}, environ, in, out,
				out};
	int status = 0;

	if (out < 0 || in < 0)
		return err_os(e, ERR_IO, errno, "prepare to run %s", loader);
	if (spawn_wait(&s, &status) < 0) {
		(void)err_os(e, ERR_IO, errno, "run %s", loader);
		return err_hint(e, "edgeway-loader belongs into the directory of the plugins");
	}
	return status == 0 ? 0 : its_error(loader, out, status, e);
}

int datapath_open(struct datapath *d, const char *loader, struct err *e)
{
	_cleanup_(datapath_close) struct datapath found = DATAPATH_CLOSED;
	int current = 0;

	if (datapath_find(&found, e) < 0) {
		if (e->os != ENOENT)
			return -1;
	} else {
		current = is_current(&found, e);
	}
	if (current < 0)
		return -1;
	if (!current) {
		datapath_close(&found); // and with it the lock, which the loader wants
		if (load(loader, e) < 0)
			return err_wrap(e, "load the eBPF data path");
		// What it left may be of another build than ours, if somebody is replacing files.
		if (datapath_find(&found, e) < 0)
			return -1;
	}
	*d = found;
	found = (struct datapath)DATAPATH_CLOSED;
	return 0;
}

uint32_t datapath_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now); // bpf_ktime_get_coarse_ns()
	return CT_TICKS((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
}

union address datapath_address(const struct ipaddr *ip)
{
	union address out = {};

	if (ip->family == AF_INET6) {
		memcpy(out.bytes, ip->bytes, sizeof(out.bytes));
		return out;
	}
	out.bytes[10] = out.bytes[11] = 0xff;
	memcpy(out.bytes + 12, ip->bytes, 4);
	return out;
}

struct ipaddr datapath_ip(const union address *address)
{
	struct ipaddr ip = {.family = AF_INET6};

	memcpy(ip.bytes, address->bytes, sizeof(address->bytes));
	return ip_unmap(&ip);
}

/**
 * What connections remember of endpoints and interfaces is no longer so. Any other value will do:
 * the time, of which no two changes have the same.
 */
static int changed(const struct datapath *d, struct err *e)
{
	struct timespec now;
	uint32_t epoch;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	epoch = (uint32_t)now.tv_sec * 1000000000U + (uint32_t)now.tv_nsec;
	return bpf_map_put(d->epoch, &(uint32_t){0}, &(uint32_t){epoch | 1}, BPF_ANY, e);
}

int datapath_put_interface(const struct datapath *d, int ifindex, const struct interface *value,
			   struct err *e)
{
	return bpf_map_put(d->interfaces, &ifindex, value, BPF_ANY, e) < 0 || changed(d, e) < 0
		       ? err_wrap(e, "set up interface %d", ifindex)
		       : 0;
}

int datapath_put_endpoint(const struct datapath *d, const struct ipaddr *ip,
			  const struct endpoint *value, struct err *e)
{
	const union address key = datapath_address(ip);
	char text[IP_TEXT];

	return bpf_map_put(d->endpoints, &key, value, BPF_ANY, e) < 0 || changed(d, e) < 0
		       ? err_wrap(e, "set up endpoint %s", ip_format(ip, text))
		       : 0;
}

/** One element: 1, 0 if there is none, -1. */
static int get(int map, const void *key, void *out, struct err *e)
{
	if (bpf_map_get(map, key, out, 0, e) == 0)
		return 1;
	return e->os == ENOENT ? 0 : -1;
}

int datapath_get_interface(const struct datapath *d, int ifindex, struct interface *out,
			   struct err *e)
{
	return get(d->interfaces, &ifindex, out, e);
}

int datapath_get_endpoint(const struct datapath *d, const struct ipaddr *ip, struct endpoint *out,
			  struct err *e)
{
	const union address key = datapath_address(ip);

	return get(d->endpoints, &key, out, e);
}

/** Delete one element, which may be gone. */
static int forget(int map, const void *key, struct err *e)
{
	return bpf_map_del(map, key, e) < 0 && e->os != ENOENT ? -1 : 0;
}

int datapath_forget_endpoint(const struct datapath *d, const struct ipaddr *ip, int ifindex,
			     struct err *e)
{
	const union address key = datapath_address(ip);
	struct endpoint is;
	int rc = get(d->endpoints, &key, &is, e);

	if (rc <= 0 || is.ifindex != (uint32_t)ifindex)
		return rc < 0 ? -1 : 0;
	return forget(d->endpoints, &key, e) < 0 ? -1 : changed(d, e);
}

int datapath_forget_interface(const struct datapath *d, int ifindex, struct err *e)
{
	struct bpf_map_shape shape;
	uint32_t n;

	if (bpf_map_shape(d->endpoints, &shape, e) < 0)
		return -1;

	_cleanup_(freep) union address *keys = calloc(shape.max_entries, sizeof(*keys));
	_cleanup_(freep) struct endpoint *values = calloc(shape.max_entries, sizeof(*values));

	if (!keys || !values)
		return err_os(e, ERR_TRY_AGAIN, ENOMEM, "list the endpoints");
	if (bpf_map_all(d->endpoints, &shape, keys, values, &n, e) < 0)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		if (values[i].ifindex == (uint32_t)ifindex && forget(d->endpoints, &keys[i], e) < 0)
			return -1;
	return forget(d->interfaces, &ifindex, e) < 0 ? -1 : changed(d, e);
}

static bool is_ours(const char *name)
{
	return !strncmp(name, DATAPATH_FILTER, strlen(DATAPATH_FILTER));
}

/** Whether the program at one side is this one: 1, 0 if nothing or another of ours is, -1. */
static int is_there(struct nl *nl, int ifindex, const struct filter *filter, struct err *e)
{
	char name[FILTER_NAME];
	uint32_t there, wanted;

	if (filter_get(nl, ifindex, filter->side, &there, name, e) < 0 ||
	    bpf_prog_id(filter->prog, &wanted, e) < 0)
		return -1;
	if (there && there != wanted && !is_ours(name))
		return err_set(e, ERR_EXISTS,
			       "interface %d: filter \"%.64s\" of somebody else is where ours "
			       "belongs: %s, priority 1, handle 1",
			       ifindex, name,
			       filter->side == FILTER_INGRESS ? "ingress" : "egress");
	return there == wanted;
}

static int attach(struct nl *nl, int ifindex, const struct filter filters[2], struct err *e)
{
	int there[2] = {};

	for (size_t i = 0; i < ARRAY_SIZE(there); i++) {
		there[i] = is_there(nl, ifindex, &filters[i], e);
		if (there[i] < 0)
			return -1;
	}
	if ((!there[0] || !there[1]) && filter_qdisc_add(nl, ifindex, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(there); i++)
		if (!there[i] && filter_put(nl, ifindex, &filters[i], e) < 0)
			return -1;
	return 0;
}

int datapath_attach_pod(const struct datapath *d, struct nl *nl, int ifindex, struct err *e)
{
	const struct filter filters[] = {{FILTER_INGRESS, d->from_pod, DATAPATH_FILTER "from_pod"},
					 {FILTER_EGRESS, d->to_pod, DATAPATH_FILTER "to_pod"}};

	return attach(nl, ifindex, filters, e);
}

int datapath_attach_uplink(const struct datapath *d, struct nl *nl, int ifindex, struct err *e)
{
	const struct filter filters[] = {
		{FILTER_INGRESS, d->from_uplink, DATAPATH_FILTER "from_uplink"},
		{FILTER_EGRESS, d->to_uplink, DATAPATH_FILTER "to_uplink"}};

	return attach(nl, ifindex, filters, e);
}

int datapath_detach(struct nl *nl, int ifindex, struct err *e)
{
	static const enum filter_side sides[] = {FILTER_INGRESS, FILTER_EGRESS};
	char name[FILTER_NAME];
	uint32_t id;

	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		if (filter_get(nl, ifindex, sides[i], &id, name, e) < 0)
			return -1;
		if (id && is_ours(name) && filter_del(nl, ifindex, sides[i], e) < 0)
			return -1;
	}
	return filter_qdisc_del_unused(nl, ifindex, e);
}

int datapath_is_attached(const struct datapath *d, struct nl *nl, int ifindex, bool *out,
			 struct err *e)
{
	const struct filter filters[] = {{FILTER_INGRESS, d->from_pod, NULL},
					 {FILTER_EGRESS, d->to_pod, NULL}};
	bool all = true;

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		int rc = is_there(nl, ifindex, &filters[i], e);

		if (rc < 0 && e->code != ERR_EXISTS)
			return -1;
		all &= rc > 0;
	}
	*out = all;
	return 0;
}
