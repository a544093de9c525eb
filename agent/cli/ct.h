/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../bpf/shared/conntrack.h"
#include "base/err.h"

/** The connection table, whatever its layout: MAP_ABOUT says where the entries are. */
struct ct_table {
	uint64_t places;        ///< for entries, in all buckets
	uint64_t live, expired; ///< entries found; those that have expired only wait to be replaced
};

typedef int ct_fn(const struct ct_entry *entry, void *ctx, struct err *e);

/** Call @fn, unless it is NULL, for each connection that has not expired, each as it is at one
 * time. */
int ct_each(struct ct_table *out, ct_fn *fn, void *ctx, struct err *e) _must_check_;

/** The object that stands for a connection, at the time @now of CLOCK_MONOTONIC, ns. */
json_t *ct_describe(const struct ct_entry *entry, uint64_t now);
