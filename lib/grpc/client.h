/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "grpc/loop.h"
#include "grpc/message.h"

/**
 * A gRPC client on a Unix socket, in one thread: unary and server-streaming calls, any number at a
 * time. Nothing here waits: answers come from the loop. So a server of the same loop goes on
 * serving meanwhile, which the kubelet relies on: it calls a plugin back before it answers
 * Register.
 */
struct grpc_client;

/** A call under way. It is the client's; after on_end() it must not be used. */
struct grpc_client_call;

/** A message of the answer. @m is the client's, and gone when this returns. */
typedef void grpc_message_fn(const ProtobufCMessage *m, void *ctx);

/** The call has ended. Called once for each, also by grpc_client_cancel() and grpc_client_closep().
 */
typedef void grpc_end_fn(const struct grpc_status *status, void *ctx);

struct grpc_request {
	const char *path; ///< "/PACKAGE.SERVICE/METHOD"
	const ProtobufCMessage *message;
	const ProtobufCMessageDescriptor *reply; ///< what it is answered with
	bool streaming;     ///< by any number of messages; else by one, if the status is OK
	int64_t timeout_ms; ///< the server is told, and not waited for any longer; 0: for ever
	size_t max_reply;   ///< bytes of a message; 0: 16 MiB
	grpc_message_fn *on_message;
	grpc_end_fn *on_end;
	void *ctx; ///< of both
};

/**
 * Connect to the socket at @path. -1 if nobody listens there, or if so many wait already that the
 * kernel would have us wait, too (e->os is EAGAIN): try again later.
 */
int grpc_client_open(struct grpc_client **c, struct loop *l, const char *path,
		     struct err *e) _must_check_;

/** Speak on the connected socket @fd, which becomes the client's, also on failure. */
int grpc_client_adopt(struct grpc_client **c, struct loop *l, int fd, struct err *e) _must_check_;

/**
 * Begin a call; nothing of @request but ctx and the functions needs to stay. @out may be NULL. -1
 * if the connection is lost, then @c is of no more use; or if memory is short.
 */
int grpc_client_call(struct grpc_client *c, const struct grpc_request *request,
		     struct grpc_client_call **out, struct err *e) _must_check_;

/** End a call: on_end() is called with CANCELLED, the server is told. */
void grpc_client_cancel(struct grpc_client_call *call);

/** The calls under way end with CANCELLED. */
void grpc_client_closep(struct grpc_client **c);
