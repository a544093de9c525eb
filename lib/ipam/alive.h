/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

/**
 * Delete the leases of @network that nothing on this node uses any more: older than a few minutes,
 * the address in no network namespace, and no living namespace on record with the runtime
 * (/var/lib/cni/results, as libcni keeps it). For when a pool is exhausted: the runtime never told
 * us that these containers died. @n gets the number deleted.
 */
int alive_purge(struct arena *arena, const char *data_dir, const char *network, size_t *n,
		struct err *e) _must_check_;
