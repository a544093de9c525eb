/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <bpf/libbpf.h>

#include "base/err.h"
#include "loader/build.h"
#include "loader/table.h"

/** An object in libbpf's hands: opened, given its constants and what maps are there, then loaded.
 */
struct object {
	struct bpf_object *bpf;
	struct table_layout table; ///< of its connections
};

int object_open(struct object *o, const struct build *build, struct err *e) _must_check_;
void object_close(struct object *o);

/** By name; NULL and @e filled if it has none such. */
struct bpf_map *object_map(const struct object *o, const char *name, struct err *e);

/** The descriptor of a program of a loaded object, or -1 if it has none such. */
int object_prog(const struct object *o, const char *name);

/** Give one of its constants a value. */
int object_set(const struct object *o, const char *name, const void *value, size_t size,
	       struct err *e) _must_check_;

/** Have it use the map open at @fd, which stays the caller's, instead of making one. */
int object_reuse(struct bpf_map *map, int fd, struct err *e) _must_check_;

/** Whether the map open at @fd is what @map would be. */
int object_fits(const struct bpf_map *map, int fd, bool *out, struct err *e) _must_check_;

/** Whether the map open at @fd is the one that @map is, after loading. */
int object_uses(const struct bpf_map *map, int fd, bool *out, struct err *e) _must_check_;

/** Through the verifier. What it did not like is in the details. */
int object_load(const struct object *o, struct err *e) _must_check_;

/** Print what libbpf and the verifier say to stderr, all of it. */
void object_be_verbose(void);
