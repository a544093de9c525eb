/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "deviceplugin/plugin.h"
#include "grpc/client.h"
#include "grpc/server.h"

/** One resource as the kubelet sees it: a socket, at which it asks; and what it was told last. */
struct dp_pool {
	struct dp *dp;
	char name[DP_WHY];   ///< "prefix/name"
	char socket[DP_WHY]; ///< "prefix_name.sock"
	char path[PATH_MAX]; ///< of the socket, where it listens; "": it does not
	size_t index;        ///< in dp_config.resources
	struct grpc_server *server;
	struct grpc_call **watchers; ///< calls of ListAndWatch
	size_t n_watchers;
	char *told; ///< what they know, as text
	struct dp_registration {
		struct grpc_client *client; ///< while Register is under way
		struct loop_timer retry;
		int64_t pause;
		bool done;
	} registration;
};

/** Make one for the resource; it listens nowhere yet. */
int dp_pool_open(struct dp_pool **out, struct dp *dp, const struct dp_resource *r,
		 struct err *e) _must_check_;
void dp_pool_closep(struct dp_pool **pool);

/** Listen in the directory @dir: 0 if it did already, 1 if it does from now on. */
int dp_pool_listen(struct dp_pool *pool, const char *dir, struct err *e) _must_check_;

/**
 * Listen nowhere. A socket that listens keeps its directory in memory, and inotify tells of the end
 * of one only when it is let go.
 */
void dp_pool_unlisten(struct dp_pool *pool);

const struct dp_resource *dp_pool_resource(const struct dp_pool *pool);

/** Tell those who watch, if anything is otherwise than they know. */
void dp_pool_publish(struct dp_pool *pool);
