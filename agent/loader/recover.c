// SPDX-License-Identifier: Apache-2.0
#include "loader/recover.h"

#include <errno.h>

#include <bpf/bpf.h>

#include "base/file.h"
#include "loader/attach.h"
#include "loader/pins.h"

enum { MAPS_MAX = 64 }; ///< of one program

/** Pin one map, unless it has no place or there is one in it. What is gone meanwhile is no error.
 */
static int recover_map(uint32_t id, struct err *e)
{
	_cleanup_(fd_closep) int fd = bpf_map_get_fd_by_id(id), pinned = -1;
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	const char *path;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return err_os(e, ERR_KERNEL, errno, "open the map %u of a program of ours", id);
	path = pins_map_path(info.name);
	if (!path || pins_open(path, &pinned, e) < 0)
		return path ? -1 : 0;
	return pinned < 0 ? pins_put(fd, path, e) : 0;
}

static int recover_of(uint32_t prog, void *ctx, struct err *e)
{
	_cleanup_(fd_closep) int fd = bpf_prog_get_fd_by_id(prog);
	uint32_t ids[MAPS_MAX];
	struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)ids};
	uint32_t size = sizeof(info);

	(void)ctx;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return err_os(e, ERR_KERNEL, errno, "open the program %u of ours", prog);
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++)
		if (recover_map(ids[i], e) < 0)
			return -1;
	return 0;
}

int recover_maps(struct err *e)
{
	return attach_each(recover_of, NULL, e);
}
