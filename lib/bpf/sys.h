/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

/**
 * bpf(2), for programs and maps that are pinned already: no ELF, no verifier, no library. A
 * descriptor returned is the caller's, with O_CLOEXEC. Failures carry the errno in e->os.
 */

/** Open what is pinned at @path: a map or a program. Returns the descriptor, or -1. */
int bpf_pinned(const char *path, struct err *e) _must_check_;

/** Pin the map or program open at @fd; -1 with e->os EEXIST if there is something at @path. */
int bpf_pin(int fd, const char *path, struct err *e) _must_check_;

/** What the kernel says of a map. */
struct bpf_map_shape {
	uint32_t type, key_size, value_size, max_entries, id;
	uint32_t btf_id, btf_value_type; ///< where the types of its values are described, or 0
};
int bpf_map_shape(int fd, struct bpf_map_shape *out, struct err *e) _must_check_;

/** The kernel's number of the program open at @fd, by which filter_get() knows it. */
int bpf_prog_id(int fd, uint32_t *id, struct err *e) _must_check_;

/**
 * Run a program of type BPF_PROG_TYPE_SCHED_CLS on a frame of one's own (BPF_PROG_TEST_RUN), which
 * must not be longer than a page. @verdict is what it returns.
 */
int bpf_prog_run(int fd, const void *frame, uint32_t len, uint32_t *verdict,
		 struct err *e) _must_check_;

/**
 * One element; @value of the map's value size, times the number of possible CPUs, each rounded up
 * to 8 bytes, if it is per CPU. @flags: BPF_ANY, BPF_NOEXIST, BPF_F_LOCK of linux/bpf.h. A missing
 * element is -1 with e->os ENOENT.
 */
int bpf_map_get(int fd, const void *key, void *value, uint64_t flags, struct err *e) _must_check_;
int bpf_map_put(int fd, const void *key, const void *value, uint64_t flags,
		struct err *e) _must_check_;
int bpf_map_del(int fd, const void *key, struct err *e) _must_check_;

/** The key after @key, or the first if that is NULL. Returns 1, 0 behind the last, -1. */
int bpf_map_next(int fd, const void *key, void *next, struct err *e) _must_check_;

/**
 * A hash map as a whole (BPF_MAP_LOOKUP_BATCH), which unlike a walk by bpf_map_next() does not
 * begin anew when somebody deletes the key it stands at. @keys and @values have room for
 * max_entries;
 * @n of them are filled.
 */
int bpf_map_all(int fd, const struct bpf_map_shape *shape, void *keys, void *values, uint32_t *n,
		struct err *e) _must_check_;

/** How many CPUs there may be: the parts of a per-CPU value. */
int bpf_cpus(unsigned int *n, struct err *e) _must_check_;
