// SPDX-License-Identifier: Apache-2.0
#include "grpc/raw.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "test.h"

static void note(struct raw *r, const char *fmt, ...) _printf_(2, 3);

static void note(struct raw *r, const char *fmt, ...)
{
	size_t at = strlen(r->log);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(r->log + at, sizeof(r->log) - at, fmt, args);
	va_end(args);
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct raw *r = user_data;

	r->stream = frame->hd.stream_id;
	note(r, "HEADERS");
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t len, uint8_t flags,
		     void *user_data)
{
	note(user_data, " %.*s=%.*s", (int)name_len, (const char *)name, (int)len,
	     (const char *)value);
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	const char *end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM ? " END" : "";

	if (frame->hd.type == NGHTTP2_HEADERS)
		note(user_data, "%s\n", end);
	else if (frame->hd.type == NGHTTP2_DATA)
		note(user_data, "DATA %zu%s\n", frame->hd.length, end);
	else if (frame->hd.type == NGHTTP2_RST_STREAM)
		note(user_data, "RST %u\n", frame->rst_stream.error_code);
	return 0;
}

int raw_open(struct raw *r, struct loop *l, bool server)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	int fds[2];

	*r = (struct raw){.loop = l, .piece = SIZE_MAX};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(nghttp2_option_new(&option), 0);
	nghttp2_option_set_no_http_messaging(option, 1);
	assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	if (server)
		assert_int_equal(nghttp2_session_server_new2(&r->session, callbacks, r, option), 0);
	else
		assert_int_equal(nghttp2_session_client_new2(&r->session, callbacks, r, option), 0);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	assert_int_equal(nghttp2_submit_settings(r->session, NGHTTP2_FLAG_NONE, NULL, 0), 0);
	r->fd = fds[0];
	return fds[1];
}

void raw_close(struct raw *r)
{
	nghttp2_session_del(r->session);
	fd_closep(&r->fd);
}

static ssize_t on_read(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t len,
		       uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
	struct raw *r = user_data;
	size_t n = r->left < len ? r->left : len;

	n = n < r->piece ? n : r->piece;
	memcpy(buf, r->body, n);
	r->body += n;
	r->left -= n;
	if (!r->left && r->open)
		return n ? (ssize_t)n : NGHTTP2_ERR_DEFERRED;
	if (!r->left)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static size_t fill(nghttp2_nv *nv, const struct raw_header *headers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		nv[i] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)headers[i].name,
				     .value = (uint8_t *)(uintptr_t)headers[i].value,
				     .namelen = strlen(headers[i].name),
				     .valuelen = strlen(headers[i].value)};
	return n;
}

void raw_send(struct raw *r, const struct raw_header *headers, size_t n, const void *body,
	      size_t len)
{
	const nghttp2_data_provider provider = {.read_callback = on_read};
	nghttp2_nv nv[16];

	r->body = body;
	r->left = len;
	(void)fill(nv, headers, n);
	if (nghttp2_session_check_server_session(r->session)) {
		assert_int_equal(nghttp2_submit_response(r->session, r->stream, nv, n,
							 body ? &provider : NULL),
				 0);
	} else {
		r->stream = nghttp2_submit_request(r->session, NULL, nv, n, body ? &provider : NULL,
						   NULL);
		assert_true(r->stream > 0);
	}
	raw_settle(r);
}

void raw_trailers(struct raw *r, const struct raw_header *headers, size_t n)
{
	nghttp2_nv nv[16];

	(void)fill(nv, headers, n);
	assert_int_equal(nghttp2_submit_headers(r->session, NGHTTP2_FLAG_END_STREAM, r->stream,
						NULL, nv, n, NULL),
			 0);
	raw_settle(r);
}

/** Send and receive what there is; returns whether there was something. */
static bool speak(struct raw *r)
{
	const uint8_t *frame;
	bool spoke = false;
	uint8_t buf[65536];
	ssize_t n;

	while (!r->closed && (n = nghttp2_session_mem_send(r->session, &frame)) > 0) {
		r->closed = send(r->fd, frame, (size_t)n, MSG_NOSIGNAL) != n;
		spoke = true;
	}
	n = r->closed ? 0 : recv(r->fd, buf, sizeof(buf), MSG_DONTWAIT);
	r->closed = r->closed || n == 0;
	if (n > 0)
		assert_int_equal(nghttp2_session_mem_recv(r->session, buf, (size_t)n), n);
	return spoke || n > 0;
}

void raw_settle(struct raw *r)
{
	struct err e;
	int rc = 1;

	while (speak(r) || rc > 0) {
		rc = loop_step(r->loop, 0, &e);
		assert_int_not_equal(rc, -1);
	}
}
