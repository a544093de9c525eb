// SPDX-License-Identifier: Apache-2.0
#include "base/undo.h"

#include <errno.h>

#include "base/log.h"

struct undo_step {
	struct undo_step *before;
	undo_fn *fn;
	void *ctx;
	int arg;
};

static void run(struct undo *undo, undo_fn *fn, void *ctx, int arg)
{
	struct err e = {};

	if (fn(ctx, arg, &e) == 0)
		return;
	log_warn("rollback: %s", e.msg);
	undo->stuck = true;
}

int undo_push(struct undo *undo, undo_fn *fn, void *ctx, int arg, struct err *e)
{
	struct undo_step *step = arena_calloc(undo->arena, 1, sizeof(*step));

	if (!step) {
		run(undo, fn, ctx, arg);
		return err_os(e, ERR_TRY_AGAIN, ENOMEM, "remember a step to undo");
	}
	*step = (struct undo_step){undo->last, fn, ctx, arg};
	undo->last = step;
	return 0;
}

void undo_commit(struct undo *undo)
{
	undo->last = NULL;
}

void undo_rollback(struct undo *undo)
{
	while (undo->last) {
		struct undo_step *step = undo->last;

		undo->last = step->before;
		run(undo, step->fn, step->ctx, step->arg);
	}
}
