/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include <nghttp2/nghttp2.h>

#include "grpc/loop.h"

/**
 * The other end of a connection, which says what it likes in HTTP/2, and writes down the frames
 * that it gets, other than of the connection itself:
 *
 *	HEADERS :status=200 content-type=application/grpc
 *	DATA 7
 *	HEADERS grpc-status=0 END
 */
struct raw {
	struct loop *loop; ///< that the tested side runs in
	int fd;
	nghttp2_session *session;
	int32_t stream; ///< of the last request, ours or theirs
	bool closed;    ///< by the tested side
	char log[4096];
	const uint8_t *body; ///< what is left to be sent of it
	size_t left;
	size_t piece; ///< bytes of a DATA frame
	bool open;    ///< do not end the stream with the body
};

/** One end of a socket pair speaks as client or server; the other is returned. */
int raw_open(struct raw *r, struct loop *l, bool server);
void raw_close(struct raw *r);

struct raw_header {
	const char *name, *value;
};

/** Send a request or, if it is a server, a response; @body may be NULL: HEADERS end the stream. */
void raw_send(struct raw *r, const struct raw_header *headers, size_t n, const void *body,
	      size_t len);

/** Send these HEADERS at the end of the body, for which r->open was set. */
void raw_trailers(struct raw *r, const struct raw_header *headers, size_t n);

/** Let both sides speak until neither has anything more to say. */
void raw_settle(struct raw *r);
