/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "grpc/loop.h"
#include "node/pci.h"

struct dp;

/**
 * VFs that containers have left behind: gone, and no DEL has come for them. Networks beside the
 * cluster's get no GC (Multus passes none on), so nobody else would ever bring them back. The CNI
 * plugin sriov knows how, so it is called with the DEL that did not come, as the record tells it.
 *
 * One at a time; not before the runtime has had time for its own DEL, which would do the same; and
 * after a failure not again soon.
 */
struct dp_repair {
	struct dp *dp;
	struct loop_timer timer;
	struct loop_watch child;
	pid_t pid;                 ///< of the plugin that is running, or 0
	char address[PCI_ADDRESS]; ///< what it is running for
	struct dp_left {
		char address[PCI_ADDRESS];
		int64_t due; ///< when it may be tried
	} * left;
	size_t n;
};

void dp_repair_open(struct dp_repair *r, struct dp *dp);

/** Is there one? */
void dp_repair_look(struct dp_repair *r);

/** A plugin that is running goes on. */
void dp_repair_close(struct dp_repair *r);
