/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "grpc/loop.h"
#include "grpc/message.h"

/**
 * A gRPC server on Unix sockets, in one thread: unary and server-streaming methods.
 *
 *	static void allocate(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
 *	{
 *		const Deviceplugin__AllocateRequest *request = (const void *)m;
 *		...
 *		grpc_call_reply(call, &response.base);
 *	}
 *
 *	static const struct grpc_method methods[] = {
 *		{"/v1beta1.DevicePlugin/Allocate", &deviceplugin__allocate_request__descriptor,
 *		 allocate, NULL},
 *		{"/v1beta1.DevicePlugin/ListAndWatch", &deviceplugin__empty__descriptor, watch,
 *		 unwatch},
 *	};
 *
 * While a method runs nobody else is served, so it must not wait: what takes time is begun, and
 * answered from the loop. Clients that misbehave lose their call or their connection, others do not
 * notice.
 */
struct grpc_server;

/** A call that a client made. It is the method's until the method has ended it, or `gone` was
 * called. */
struct grpc_call;

/**
 * Answer @call, now or later: with grpc_call_reply(), or with any number of messages and
 * grpc_call_end().
 * @request is of the method's type, and stays as long as the call does.
 */
typedef void grpc_method_fn(struct grpc_call *call, const ProtobufCMessage *request, void *ctx);

/** Nobody waits for the answer any more: forget @call, which is freed. */
typedef void grpc_gone_fn(struct grpc_call *call, void *ctx);

struct grpc_method {
	const char *path; ///< "/PACKAGE.SERVICE/METHOD"
	const ProtobufCMessageDescriptor *request;
	grpc_method_fn *call;
	grpc_gone_fn *gone; ///< NULL: the method has ended each call when it returns
};

struct grpc_service {
	const struct grpc_method *methods;
	size_t n_methods;
	size_t max_request; ///< bytes of a request; 0: 1 MiB
	size_t max_queued;  ///< bytes that a call may have waiting for its client; 0: 16 MiB
};

/** Serve @service, which is borrowed, in the loop; @ctx goes to its methods. */
int grpc_server_open(struct grpc_server **s, struct loop *l, const struct grpc_service *service,
		     void *ctx, struct err *e) _must_check_;

/**
 * Listen at @path, once; a socket that is there is replaced. It appears under its name, with mode
 * 0600, when it can be connected to: a kubelet that watches the directory may do so at once. -1
 * also for a path that is too long for a socket.
 */
int grpc_server_listen(struct grpc_server *s, const char *path, struct err *e) _must_check_;

/** Serve the connected socket @fd, which becomes the server's, also on failure. */
int grpc_server_adopt(struct grpc_server *s, int fd, struct err *e) _must_check_;

/** The calls under way are gone, their clients find them UNAVAILABLE; the socket goes, if still
 * ours. */
void grpc_server_closep(struct grpc_server **s);

/** Send a message, and another later. -1 if memory is short, or max_queued reached: end the call.
 */
int grpc_call_send(struct grpc_call *call, const ProtobufCMessage *m, struct err *e) _must_check_;

/**
 * The same for a message that makes earlier ones obsolete, as a list of all devices does: those
 * that still wait are not sent.
 */
int grpc_call_update(struct grpc_call *call, const ProtobufCMessage *m, struct err *e) _must_check_;

/** End the call with enum grpc_code @code after the messages that were sent; @fmt is for the
 * client. */
void grpc_call_end(struct grpc_call *call, int code, const char *fmt, ...) _printf_(3, 4);

/** Send the only message, and end the call with OK; with RESOURCE_EXHAUSTED if memory is short. */
void grpc_call_reply(struct grpc_call *call, const ProtobufCMessage *m);

/** What the method wants to find again; NULL at first. */
void grpc_call_set_data(struct grpc_call *call, void *data);
void *grpc_call_data(const struct grpc_call *call);
