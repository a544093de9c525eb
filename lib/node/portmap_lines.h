/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

/** For portmap.c alone. */

enum { BUCKETS = 4096 }; ///< as many as a record has lines, or a few times less

/** A growing list of lines, each once. */
struct lines {
	struct arena *arena;
	const char **list;
	struct line {
		const char *text;
		struct line *next;
	} * buckets[BUCKETS];
	size_t n;
	bool failed;
};

/** Add @line, which stays the caller's, unless it is there; NULL is memory that was short. */
void lines_add(struct lines *l, const char *line);
