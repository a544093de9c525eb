/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/**
 * Network namespaces.
 *
 * A namespace is entered for a scope and left at its end:
 *
 *	_cleanup_(netns_leave) struct netns ns = {.home = -1};
 *
 *	if (netns_enter(&ns, fd, e) < 0)
 *		return -1;
 *
 * A netlink socket belongs to the namespace it was opened in, so open it after entering.
 */
struct netns {
	int home; ///< descriptor of the namespace to come back to; -1 = never left
};

/**
 * Open the namespace at @path. ERR_NO_CONTAINER with e->os == ENOENT if there is nothing, ERR_ENV
 * if there is something else: only files of nsfs and of /proc are namespaces.
 */
int netns_open(int *fd, const char *path, struct err *e) _must_check_;

/** Whether @fd is the namespace that the caller is in. */
bool netns_is_current(int fd);

int netns_enter(struct netns *ns, int fd, struct err *e) _must_check_;
void netns_leave(struct netns *ns);
