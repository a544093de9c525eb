// SPDX-License-Identifier: Apache-2.0
#include "loader/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/arena.h"
#include "base/file.h"
#include "bpf/sys.h"

#define BPFFS "/sys/fs/bpf"

/** The maps, as the programs call them, and where they are pinned. */
static const struct {
	const char *map, *path;
} places[] = {
	{"about", EDGEWAY_PINS "/" MAP_ABOUT},
	{"settings", EDGEWAY_PINS "/" MAP_SETTINGS},
	{"endpoints", EDGEWAY_PINS "/" MAP_ENDPOINTS},
	{"interfaces", EDGEWAY_PINS "/" MAP_INTERFACES},
	{"conntrack", EDGEWAY_PINS "/" MAP_CONNTRACK},
	{"fragments", EDGEWAY_PINS "/" MAP_FRAGMENTS},
	{"counters", EDGEWAY_PINS "/" MAP_COUNTERS},
	{"drops", EDGEWAY_PINS "/" MAP_DROPS},
	{"epoch", EDGEWAY_PINS "/" MAP_EPOCH},
	{"events", EDGEWAY_PINS "/" MAP_EVENTS},
};

bool pins_are_complete(void)
{
	static const char *const progs[] = {PINS_PROGS "/from_pod", PINS_PROGS "/to_pod",
					    PINS_PROGS "/from_uplink", PINS_PROGS "/to_uplink"};
	bool complete = true;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		complete &= access(places[i].path, F_OK) == 0;
	for (size_t i = 0; i < ARRAY_SIZE(progs); i++)
		complete &= access(progs[i], F_OK) == 0;
	return complete;
}

int pins_prepare(struct err *e)
{
	struct statfs fs;

	if (statfs(BPFFS, &fs) < 0) {
		(void)err_os(e, ERR_KERNEL, errno, "find " BPFFS);
		return err_hint(e, "the kernel needs CONFIG_BPF_SYSCALL, and /sys be mounted");
	}
	if (fs.f_type != BPF_FS_MAGIC && mount("bpf", BPFFS, "bpf", 0, "mode=700") < 0) {
		bool denied = errno == EPERM;

		(void)err_os(e, ERR_KERNEL, errno, "mount a bpffs at " BPFFS);
		return denied ? err_hint(e, "this needs CAP_SYS_ADMIN; or mount it before: mount "
					    "-t bpf bpf " BPFFS)
			      : -1;
	}
	if (dir_make(PINS_PROGS, 0700) < 0)
		return err_os(e, ERR_KERNEL, errno, "make " PINS_PROGS);
	return 0;
}

const char *pins_map_path(const char *map)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!strcmp(map, places[i].map))
			return places[i].path;
	return NULL;
}

const char *pins_next(const char *path, char *next)
{
	// bpffs has names with a dot in them for itself.
	(void)snprintf(next, PATH_MAX, "%s_next", path);
	return next;
}

int pins_open(const char *path, int *fd, struct err *e)
{
	*fd = bpf_pinned(path, e);
	return *fd < 0 && e->os != ENOENT ? -1 : 0;
}

int pins_move(const char *from, const char *to, struct err *e)
{
	return rename(from, to) < 0 ? err_os(e, ERR_KERNEL, errno, "rename %s", from) : 0;
}

int pins_put(int fd, const char *path, struct err *e)
{
	char next[PATH_MAX];

	if (pins_remove(pins_next(path, next), e) < 0 || bpf_pin(fd, next, e) < 0)
		return -1;
	return pins_move(next, path, e);
}

int pins_remove(const char *path, struct err *e)
{
	return unlink(path) < 0 && errno != ENOENT ? err_os(e, ERR_KERNEL, errno, "unpin %s", path)
						   : 0;
}

/** Unpin what is in the directory @path and @keep does not want. */
static int prune(const char *path, pins_prog_fn *keep, void *ctx, struct err *e)
{
	_cleanup_(fd_closep) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(arena_free) struct arena arena = {};
	const char **names = NULL;
	size_t n = 0;

	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0 || dir_list(&arena, dir, &names, &n) < 0)
		return err_os(e, ERR_KERNEL, errno, "list %s", path);
	for (size_t i = 0; i < n; i++) {
		if (keep && keep(names[i], ctx))
			continue;
		if (unlinkat(dir, names[i], 0) < 0 && errno != ENOENT && errno != EISDIR)
			return err_os(e, ERR_KERNEL, errno, "unpin %s/%s", path, names[i]);
	}
	return 0;
}

static bool is_place(const char *name, void *ctx)
{
	(void)ctx;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!strcmp(places[i].path + strlen(EDGEWAY_PINS "/"), name))
			return true;
	return false;
}

int pins_prune(pins_prog_fn *is_prog, void *ctx, struct err *e)
{
	return prune(PINS_PROGS, is_prog, ctx, e) < 0 || prune(EDGEWAY_PINS, is_place, NULL, e) < 0
		       ? -1
		       : 0;
}

int pins_remove_all(struct err *e)
{
	static const char *const dirs[] = {PINS_PROGS, EDGEWAY_PINS};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (prune(dirs[i], NULL, NULL, e) < 0)
			return -1;
		if (rmdir(dirs[i]) < 0 && errno != ENOENT)
			return err_os(e, ERR_KERNEL, errno, "remove %s", dirs[i]);
	}
	return 0;
}
