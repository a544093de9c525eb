/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "../bpf/shared/datapath.h"
#include "base/arena.h"
#include "bpf/sys.h"

/**
 * The pinned maps, as a reader sees them: whatever is loaded, by whatever version of Edgeway. A
 * value may be longer than this program knows it, for fields are only ever appended.
 */
struct map {
	int fd;
	const char *name; ///< MAP_*, borrowed
	struct bpf_map_shape shape;
	unsigned int parts;   ///< of a value: the possible CPUs, or 1
	unsigned char *value; ///< the last one read: parts, each of map_stride() bytes
};

#define MAP_CLOSED ((struct map){.fd = -1})

/**
 * Open a map whose values have at least @size bytes. e->os is ENOENT if nothing is loaded, which
 * the message then says.
 */
int map_open(struct map *map, const char *name, size_t size, struct err *e) _must_check_;
void map_close(struct map *map);

/** From one part of a per-CPU value to the next. */
static inline size_t map_stride(const struct map *map)
{
	return (map->shape.value_size + 7U) & ~7U;
}

/** Read an element into map->value: 1, 0 if there is none, -1. @flags as bpf_map_get(). */
int map_read(struct map *map, const void *key, uint64_t flags, struct err *e) _must_check_;

/** A hash as a whole: @n keys, and as many values of shape.value_size bytes; arena memory. */
int map_all(const struct map *map, struct arena *arena, const void **keys, const void **values,
	    size_t *n, struct err *e) _must_check_;

/** Value @i of those. */
static inline const void *map_value(const struct map *map, const void *values, size_t i)
{
	return (const unsigned char *)values + i * map->shape.value_size;
}

/** What the kernel says the map takes: bytes of memory. */
int map_memory(const struct map *map, uint64_t *bytes, struct err *e) _must_check_;

/** What is loaded: MAP_ABOUT. */
int map_about(struct about *out, struct err *e) _must_check_;
