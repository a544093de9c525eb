/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/**
 * From now on SIGINT, SIGTERM and SIGHUP do not end the process: the descriptor returned, the
 * caller's, is readable once one has come. -1 on failure.
 */
int stop_open(struct err *e) _must_check_;

/**
 * Wait until @fd can be read: 1; until the process is to stop, or @ms milliseconds are over (-1:
 * for ever): 0; -1 on failure. @stop is looked at first.
 */
int stop_wait(int stop, int fd, int ms, bool *stopped, struct err *e) _must_check_;
