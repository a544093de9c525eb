/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

/**
 * All or nothing.
 *
 * An ADD that fails halfway must leave the node as it found it. Each step that changes the node
 * pushes the step that takes it back; leaving the scope runs them, last first, unless the whole
 * was committed:
 *
 *	_cleanup_(undo_rollback) struct undo undo = {.arena = arena};
 *	...
 *	if (undo_push(&undo, undo_link_del, nl, ifindex, e) < 0)
 *		return -1;
 *	...
 *	undo_commit(&undo);
 *	return 0;
 *
 * Declare it after whatever its steps use: locals unwind in reverse.
 */
typedef int undo_fn(void *ctx, int arg, struct err *e);

struct undo {
	struct arena *arena; ///< borrowed; holds the steps
	struct undo_step *last;
	bool stuck; ///< a step could not be taken back, for those before it to know
};

/**
 * Remember how to take back what was just done. If there is no memory left to remember it in, the
 * step is taken back at once and -1 returned, so the rule holds even then.
 */
int undo_push(struct undo *undo, undo_fn *fn, void *ctx, int arg, struct err *e) _must_check_;

/** The work stands: forget every step. */
void undo_commit(struct undo *undo);

/** Run what is left, last step first. A step that fails is logged and the rest still run. */
void undo_rollback(struct undo *undo);
