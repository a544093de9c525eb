/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "loader/object.h"

/** Our filters at the interfaces of this network namespace, found by their names. */

/** Replace each by the program of the same name in @o; one that has none there is detached. */
int attach_replace(const struct object *o, struct err *e) _must_check_;

/** Detach them all, and remove the qdiscs that nobody else has filters at. */
int attach_remove(struct err *e) _must_check_;

/** The id of each one's program. */
typedef int attach_fn(uint32_t prog, void *ctx, struct err *e);
int attach_each(attach_fn *fn, void *ctx, struct err *e) _must_check_;

/** How many there are. */
int attach_count(size_t *n, struct err *e) _must_check_;
