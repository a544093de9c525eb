/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"

/** Another program, run to its end. */
struct spawn {
	const char *path;        ///< of the executable; PATH is not searched
	const char *const *argv; ///< closed by NULL, the name first
	char *const *env;        ///< closed by NULL
	int in, out, err;        ///< its standard streams; -1: ours
};

/**
 * Start it and wait until it has ended; @status as of waitpid(). A file that somebody is writing
 * at the moment is tried again for a second. Returns 0, or -1 with errno.
 */
int spawn_wait(const struct spawn *s, int *status) _must_check_;
