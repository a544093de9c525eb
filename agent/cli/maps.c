// SPDX-License-Identifier: Apache-2.0
#include "cli/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

static bool is_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static int open_pinned(const char *name, struct err *e)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", EDGEWAY_PINS, name);
	fd = bpf_pinned(path, e);
	if (fd < 0 && (e->os == EPERM || e->os == EACCES))
		return err_hint(e, "this takes root");
	if (fd < 0 && e->os == ENOENT) {
		(void)err_os(e, ERR_UNAVAILABLE, ENOENT, "the data path is not loaded: %s", path);
		return err_hint(e, "edgeway-loader loads it, or the first ADD of the plugin ebpf");
	}
	return fd;
}

int map_open(struct map *map, const char *name, size_t size, struct err *e)
{
	*map = (struct map){.fd = open_pinned(name, e), .name = name, .parts = 1};
	if (map->fd < 0)
		return -1;
	if (bpf_map_shape(map->fd, &map->shape, e) < 0 ||
	    (is_per_cpu(map->shape.type) && bpf_cpus(&map->parts, e) < 0)) {
		map_close(map);
		return err_wrap(e, "%s", name);
	}
	if (map->shape.value_size < size) {
		map_close(map);
		return err_set(e, ERR_KERNEL, "%s/%s: its values have %u bytes, %zu are expected",
			       EDGEWAY_PINS, name, map->shape.value_size, size);
	}
	map->value = calloc(map->parts, map_stride(map) ? map_stride(map) : 1);
	if (map->value)
		return 0;
	map_close(map);
	return err_os(e, ERR_TRY_AGAIN, ENOMEM, "read %s", name);
}

void map_close(struct map *map)
{
	fd_closep(&map->fd);
	freep(&map->value);
}

int map_read(struct map *map, const void *key, uint64_t flags, struct err *e)
{
	if (bpf_map_get(map->fd, key, map->value, flags, e) == 0)
		return 1;
	return e->os == ENOENT ? 0 : err_wrap(e, "%s", map->name);
}

int map_all(const struct map *map, struct arena *arena, const void **keys, const void **values,
	    size_t *n, struct err *e)
{
	void *k = arena_calloc(arena, map->shape.max_entries, map->shape.key_size);
	void *v = arena_calloc(arena, map->shape.max_entries, map->shape.value_size);
	uint32_t found;

	if (!k || !v)
		return err_os(e, ERR_TRY_AGAIN, ENOMEM, "list %s", map->name);
	if (bpf_map_all(map->fd, &map->shape, k, v, &found, e) < 0)
		return err_wrap(e, "list %s", map->name);
	*keys = k;
	*values = v;
	*n = found;
	return 0;
}

int map_memory(const struct map *map, uint64_t *bytes, struct err *e)
{
	static const char key[] = "\nmemlock:";
	char path[64], text[1024];
	const char *line;
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map->fd);
	len = file_read(AT_FDCWD, path, text, sizeof(text));
	line = len < 0 ? NULL : strstr(text, key);
	if (!line)
		return err_os(e, ERR_KERNEL, len < 0 ? errno : EPROTO, "read the memory of %s",
			      map->name);
	*bytes = strtoull(line + strlen(key), NULL, 10);
	return 0;
}

int map_about(struct about *out, struct err *e)
{
	_cleanup_(map_close) struct map map = MAP_CLOSED;
	uint32_t key = 0;

	if (map_open(&map, MAP_ABOUT, sizeof(*out), e) < 0)
		return -1;
	if (map_read(&map, &key, 0, e) <= 0 || !map.value)
		return -1;
	memcpy(out, map.value, sizeof(*out));
	return 0;
}
