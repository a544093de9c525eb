/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "grpc/conn.h"
#include "grpc/server.h"

/** What server.c, which has the sockets, and call.c, which has the calls, know of each other. */
struct grpc_server {
	struct loop *loop;
	const struct grpc_service *service;
	void *ctx;
	struct loop_watch accept;
	struct loop_timer pause; ///< until descriptors may be had again
	int listener;
	char *path;
	dev_t dev; ///< of the socket at path
	ino_t ino;
	struct grpc_peer *peers;
	size_t n_peers;
};

/** A client's connection. */
struct grpc_peer {
	struct grpc_conn conn;
	struct grpc_server *server;
	struct grpc_peer *next, **link;
	struct grpc_call *calls;
};

/** Callbacks that turn streams of a connection whose user_data is @conn of a peer into calls. */
int grpc_call_callbacks(nghttp2_session_callbacks **callbacks);

/** Nobody reads the answers any more: tell the methods. */
void grpc_calls_gone(struct grpc_peer *p);

/** Free the structs of calls that are gone, or have been answered. */
void grpc_calls_free(struct grpc_peer *p);
