/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/** An object as the compiler made it, and the hash it is known by. */
struct build {
	const void *data;
	size_t size;
	uint64_t id;
};

/** The one that this program carries. */
struct build build_carried(void);

/** The one at @path, in arena memory. */
int build_read(struct build *out, const char *path, struct arena *arena,
	       struct err *e) _must_check_;
