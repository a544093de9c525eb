/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "grpc/loop.h"

struct dp;

/**
 * What Prometheus may scrape: HTTP over a Unix socket, one answer a connection, whatever is asked
 * for. Counters of VFs are read from their PFs at that moment.
 *
 *	curl --unix-socket /run/edgeway/deviceplugin.sock http://localhost/metrics
 */
struct dp_metrics {
	struct dp *dp;
	struct loop_watch accept;
	struct loop_timer pause; ///< while there are no descriptors
	struct dp_scrape *scrapes;
	size_t n;
	dev_t dev; ///< which file its socket is
	ino_t ino;
};

int dp_metrics_open(struct dp_metrics *m, struct dp *dp, const char *path,
		    struct err *e) _must_check_;
void dp_metrics_close(struct dp_metrics *m);

/** The text; free() it. NULL if memory is short. */
char *dp_metrics_text(const struct dp *dp, size_t *len);
