/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <nghttp2/nghttp2.h>

#include "grpc/loop.h"
#include "grpc/message.h"

/**
 * HTTP/2 on a stream socket in a loop: what server and client have in common. For lib/grpc only.
 *
 * nghttp2 must not be asked to send, to receive or to go away while it is calling us, and whoever
 * uses server or client does not know whether it is. So what is to be sent is sent when the
 * outermost of such calls is over, and a connection that ends inside of one is freed behind it. A
 * connection that breaks while nobody of ours is called is shut down, which the loop then finds: no
 * function of the public interface ends other calls than the one it is about.
 */
struct grpc_conn {
	struct loop *loop;
	struct loop_watch watch;
	int fd;
	nghttp2_session *session;
	const struct grpc_conn_kind *kind;
	int depth;            ///< how many calls by the loop or nghttp2 we are in
	bool broken;          ///< nothing more can be sent or received
	bool closed;          ///< the owner is done with it
	bool blocked;         ///< the socket takes no more for now
	const uint8_t *frame; ///< what nghttp2 has handed out last, and is not in out[] yet
	size_t frame_len;
	size_t out_begin, out_end;
	uint8_t out[16384];
};

/** What server and client do about a connection. */
struct grpc_conn_kind {
	/** It is over: its calls are to end. Called from the loop, once, and not after
	 *  grpc_conn_close(), which it may call. */
	void (*lost)(struct grpc_conn *c);
	/** Free the struct that holds it; the rest is released. */
	void (*free)(struct grpc_conn *c);
};

/** The callbacks of a side, for nghttp2_session_client_new2() or nghttp2_session_server_new2(). */
typedef int grpc_session_fn(nghttp2_session **, const nghttp2_session_callbacks *, void *,
			    const nghttp2_option *);

/**
 * Speak on the connected socket @fd, which becomes the connection's. @callbacks are called with @c
 * as user_data, and freed here. On failure @c holds nothing, and @fd is closed.
 */
int grpc_conn_open(struct grpc_conn *c, struct loop *l, int fd, grpc_session_fn *make,
		   nghttp2_session_callbacks *callbacks, struct err *e) _must_check_;

/**
 * What stands between these may submit to the session, and call whom it likes: the outermost leave
 * sends, and frees the connection if it was closed meanwhile.
 */
void grpc_conn_enter(struct grpc_conn *c);
void grpc_conn_leave(struct grpc_conn *c);

/** Hang up, and have it freed, now or when it is left. */
void grpc_conn_close(struct grpc_conn *c);

/** What a callback of nghttp2 returns at its end. */
int grpc_conn_verdict(const struct grpc_conn *c);

/** A header of ours. The strings are literals, or outlive the submission, which copies them. */
nghttp2_nv grpc_header(const char *name, const char *value);

/** Whether a header's name or value is this text. */
bool grpc_text_is(const uint8_t *bytes, size_t n, const char *text);

/** Whether it is the type of protocol buffers over gRPC. */
bool grpc_content_type_ok(const uint8_t *value, size_t n);
