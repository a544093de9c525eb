/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "grpc/loop.h"

struct dp;

/** What tells us that something may have changed: netlink, uevents, inotify. Nothing is polled. */
enum dp_watch_what {
	DP_WATCH_CONFIG,  ///< the configuration's directory
	DP_WATCH_RECORDS, ///< what the CNI plugin remembers of VFs
	DP_WATCH_NETNS,   ///< a directory of network namespaces
	DP_WATCH_KUBELET, ///< the kubelet's directory
	DP_WATCH_SOCKETS, ///< that of sockets: plugins_registry or device-plugins
};

struct dp_watched {
	int wd;
	enum dp_watch_what what;
};

struct dp_watch {
	struct dp *dp;
	struct loop_watch links, uevents, files;
	struct dp_watched *dirs;
	size_t n;
};

int dp_watch_open(struct dp_watch *w, struct dp *dp, struct err *e) _must_check_;
void dp_watch_close(struct dp_watch *w);

/** Watch a directory, too: 1; 0: it is watched already. -1 with errno if that cannot be. */
int dp_watch_dir(struct dp_watch *w, enum dp_watch_what what, const char *path);
