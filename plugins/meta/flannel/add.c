// SPDX-License-Identifier: Apache-2.0
/** ADD: have the delegate do it, and write down how it was asked. */
#include "base/undo.h"
#include "flannel.h"

static int undo_delegate(void *ctx, int arg, struct err *e)
{
	(void)arg;
	return nested_run(ctx, CNI_DEL, NULL, e);
}

int flannel_add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	const struct flannel_conf *conf = call->conf;
	_cleanup_(fd_closep) int dir = -1;
	struct nested nested;
	_cleanup_(undo_rollback) struct undo undo = {.arena = call->arena};
	struct json_t *delegate;
	struct subnet subnet;
	const char *text;

	if (subnet_read(&subnet, conf->subnet_file, call->arena, e) < 0 ||
	    saved_open(call, &dir, e) < 0)
		return -1;
	delegate = delegate_make(call, &subnet, e);
	text = delegate ? delegate_text(call, delegate, e) : NULL;
	if (!text || flannel_delegate(&nested, call, delegate, e) < 0 ||
	    nested_run(&nested, CNI_ADD, result, e) < 0 ||
	    undo_push(&undo, undo_delegate, &nested, 0, e) < 0)
		return -1;
	// Last, so that an ADD which fails leaves alone what is saved for another attachment of the
	// container; killed before, a DEL needs no file.
	if (saved_write(call, dir, text, e) < 0)
		return -1;
	undo_commit(&undo);
	return 0;
}
