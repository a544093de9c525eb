/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "../bpf/shared/datapath.h"
#include "base/err.h"

/** What is pinned below EDGEWAY_PINS, and the file system that it is in. */
#define PINS_PROGS EDGEWAY_PINS "/progs"

/** Whether nothing that a plugin opens is missing. */
bool pins_are_complete(void);

/** Mount a bpffs where programs are pinned if there is none, and make our directories in it. */
int pins_prepare(struct err *e) _must_check_;

/**
 * Where a map of the programs is pinned, by its name in them; NULL if it is not: what is in it is
 * theirs alone, and made anew with them.
 */
const char *pins_map_path(const char *map);

/** The name beside @path under which something waits to take its place; @next of PATH_MAX bytes. */
const char *pins_next(const char *path, char *next);

/** Open what may be pinned at @path: *@fd is -1 if nothing is. */
int pins_open(const char *path, int *fd, struct err *e) _must_check_;

/** Pin @fd at @path, in the place of what is there. */
int pins_put(int fd, const char *path, struct err *e) _must_check_;

/** What is pinned at @from is then at @to, in the place of what is there. */
int pins_move(const char *from, const char *to, struct err *e) _must_check_;

/** Unpin; what is gone is no error. */
int pins_remove(const char *path, struct err *e) _must_check_;

/** Unpin programs that @is_prog does not know, and what has the name of none of our maps. */
typedef bool pins_prog_fn(const char *name, void *ctx);
int pins_prune(pins_prog_fn *is_prog, void *ctx, struct err *e) _must_check_;

/** Unpin everything, and remove our directories. */
int pins_remove_all(struct err *e) _must_check_;
