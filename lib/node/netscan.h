/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"

/**
 * Which addresses are in use on this node, by looking: into every network namespace that a process
 * is in or that is mounted somewhere. Takes about 50 us a namespace, so it is for emergencies. Hold
 * no lock meanwhile.
 */
struct netscan;

/** What to do with a namespace; @fd is borrowed. Return -1 with @e filled to stop. */
typedef int netscan_fn(int fd, void *ctx, struct err *e);

/**
 * Call @fn once for each of these namespaces, the caller's own among them. One that has gone in the
 * meantime is passed over.
 */
int netscan_each(struct arena *arena, netscan_fn *fn, void *ctx, struct err *e) _must_check_;

int netscan_run(struct netscan **out, struct arena *arena, struct err *e) _must_check_;
bool netscan_has(const struct netscan *scan, const struct ipaddr *ip);
