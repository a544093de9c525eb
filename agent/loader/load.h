/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "loader/build.h"

/**
 * Load @build and pin it, or have it take the place of what is loaded; nothing is done if it is
 * what is loaded. Whoever is killed in between leaves what the next call completes: about.build is
 * 0 until everything else is done, and everything else is made so that doing it twice is harmless.
 * Called under DATAPATH_LOCK.
 */
int load(const struct build *build, struct err *e) _must_check_;

/** Detach and unpin everything. Called under DATAPATH_LOCK. */
int unload(struct err *e) _must_check_;
