// SPDX-License-Identifier: Apache-2.0
/** A server's calls: from the frames of a stream to a method, and from its messages back to frames.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "grpc/server_private.h"

enum { MAX_REQUEST = 1 << 20, MAX_QUEUED = 16 << 20 };

/** What a request must have, and may have once. */
enum { HAS_METHOD = 1, HAS_PATH = 2, HAS_TYPE = 4, HAS_AUTHORITY = 8, HAS_SCHEME = 16 };

struct grpc_call {
	struct grpc_peer *peer;
	struct grpc_call *next, **link;
	int32_t stream;
	unsigned int has;
	bool malformed;     ///< it is no HTTP request
	bool streaming;     ///< the response has begun
	bool told;          ///< the method knows of it
	bool over;          ///< it is no longer the method's
	const char *http;   ///< the response's :status, if it is no gRPC request
	int64_t timeout_ms; ///< -1: none
	struct loop_timer deadline;
	const struct grpc_method *method;
	struct grpc_reader reader;
	ProtobufCMessage *request;
	struct grpc_outbox outbox;
	struct grpc_status status; ///< how it ends, or what is wrong with the request
	void *data;
};

static nghttp2_session *session_of(const struct grpc_call *call)
{
	return call->peer->conn.session;
}

static const struct grpc_service *service_of(const struct grpc_call *call)
{
	return call->peer->server->service;
}

static void call_free(struct grpc_call *call)
{
	loop_timer_stop(call->peer->conn.loop, &call->deadline);
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	grpc_reader_clear(&call->reader);
	grpc_outbox_clear(&call->outbox);
	grpc_message_freep(&call->request);
	free(call);
}

/** It is no longer the method's; if it was, tell it. */
static void leave(struct grpc_call *call)
{
	bool tell = call->told && !call->over && call->method->gone;

	call->over = true;
	loop_timer_stop(call->peer->conn.loop, &call->deadline);
	if (tell)
		call->method->gone(call, call->peer->server->ctx);
}

enum { TRAILERS = 2 };

struct trailers {
	char code[12];
	char text[GRPC_MESSAGE_MAX];
	nghttp2_nv nv[4]; ///< room for two before them
};

/** Write the status from nv[@at]; returns how many headers there are then. */
static size_t write_status(struct trailers *t, const struct grpc_status *s, size_t at)
{
	(void)snprintf(t->code, sizeof(t->code), "%d", s->code);
	t->nv[at++] = grpc_header("grpc-status", t->code);
	if (!s->text[0])
		return at;
	grpc_message_encode(t->text, s->text);
	t->nv[at++] = grpc_header("grpc-message", t->text);
	return at;
}

/** One HEADERS frame is the whole response: no DATA before it, which some clients do not
 * understand. */
static int submit_refusal(const struct grpc_call *call)
{
	struct trailers t;
	size_t n = 1;

	t.nv[0] = grpc_header(":status", call->http ? call->http : "200");
	if (!call->http) {
		t.nv[n++] = grpc_header("content-type", "application/grpc");
		n = write_status(&t, &call->status, n);
	}
	return nghttp2_submit_response(session_of(call), call->stream, t.nv, n, NULL);
}

static int submit_trailers(const struct grpc_call *call)
{
	struct trailers t;
	size_t n = write_status(&t, &call->status, 0);

	return nghttp2_submit_trailer(session_of(call), call->stream, t.nv, n);
}

static ssize_t on_read(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t len,
		       uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, stream);
	size_t n;

	if (!call)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	n = grpc_outbox_take(&call->outbox, buf, len);
	if (!call->outbox.first && call->over) {
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		if (submit_trailers(call))
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	} else if (!n) {
		return NGHTTP2_ERR_DEFERRED;
	}
	return (ssize_t)n;
}

/** Let the response be sent as far as it is known. The call may be freed by it. */
static void proceed(struct grpc_call *call)
{
	const nghttp2_nv head[] = {grpc_header(":status", "200"),
				   grpc_header("content-type", "application/grpc")};
	const nghttp2_data_provider provider = {.read_callback = on_read};
	struct grpc_conn *c = &call->peer->conn;
	int rc = 0;

	grpc_conn_enter(c);
	if (call->streaming)
		(void)nghttp2_session_resume_data(session_of(call), call->stream); // if it waits
	else if (call->outbox.first)
		rc = nghttp2_submit_response(session_of(call), call->stream, head, ARRAY_SIZE(head),
					     &provider);
	else
		rc = submit_refusal(call);
	call->streaming = true;
	if (rc)
		(void)nghttp2_submit_rst_stream(session_of(call), NGHTTP2_FLAG_NONE, call->stream,
						NGHTTP2_INTERNAL_ERROR);
	grpc_conn_leave(c);
}

/** End a call with the status that it has. */
static void conclude(struct grpc_call *call)
{
	leave(call);
	grpc_reader_clear(&call->reader);
	proceed(call);
}

static void on_deadline(void *ctx)
{
	struct grpc_call *call = ctx;
	struct grpc_conn *c = &call->peer->conn;

	grpc_conn_enter(c);
	(void)grpc_status_set(&call->status, GRPC_DEADLINE_EXCEEDED, "the deadline has passed");
	grpc_outbox_drop(&call->outbox);
	conclude(call);
	grpc_conn_leave(c);
}

int grpc_call_send(struct grpc_call *call, const ProtobufCMessage *m, struct err *e)
{
	size_t limit = service_of(call)->max_queued ? service_of(call)->max_queued : MAX_QUEUED;

	if (call->outbox.queued >= limit)
		return err_set(e, ERR_TRY_AGAIN,
			       "%s: the client does not read: %zu bytes wait for it",
			       call->method->path, call->outbox.queued);
	if (grpc_outbox_add(&call->outbox, m, e) < 0)
		return err_wrap(e, "%s", call->method->path);
	proceed(call);
	return 0;
}

int grpc_call_update(struct grpc_call *call, const ProtobufCMessage *m, struct err *e)
{
	grpc_outbox_drop(&call->outbox);
	return grpc_call_send(call, m, e);
}

void grpc_call_end(struct grpc_call *call, int code, const char *fmt, ...)
{
	va_list args;

	call->status.code = code;
	va_start(args, fmt);
	(void)vsnprintf(call->status.text, sizeof(call->status.text), fmt, args);
	va_end(args);
	call->over = true;
	conclude(call);
}

void grpc_call_reply(struct grpc_call *call, const ProtobufCMessage *m)
{
	struct err e;

	call->over = true;
	if (grpc_outbox_add(&call->outbox, m, &e) < 0)
		(void)grpc_status_set(&call->status, GRPC_RESOURCE_EXHAUSTED, "%s", e.msg);
	conclude(call);
}

void grpc_call_set_data(struct grpc_call *call, void *data)
{
	call->data = data;
}

void *grpc_call_data(const struct grpc_call *call)
{
	return call->data;
}

/** Remember what is wrong with the request; the first thing is what the client hears. */
static void complain(struct grpc_call *call, int code, const char *what, const uint8_t *value,
		     size_t n)
{
	if (!call->status.code)
		(void)grpc_status_set(&call->status, code, "%s%.*s", what, (int)(n < 200 ? n : 200),
				      (const char *)value);
}

static void set_path(struct grpc_call *call, const uint8_t *value, size_t n)
{
	const struct grpc_service *service = service_of(call);

	for (size_t i = 0; i < service->n_methods; i++)
		if (grpc_text_is(value, n, service->methods[i].path))
			call->method = &service->methods[i];
	if (!call->method)
		complain(call, GRPC_UNIMPLEMENTED, "unknown method ", value, n);
}

/** What nghttp2 would look for, were it not for :authority, as far as it matters here. */
static bool printable(const uint8_t *value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (value[i] < 0x20 || value[i] == 0x7f)
			return false;
	return true;
}

/** A pseudo-header: there is one of each. */
static void set_pseudo(struct grpc_call *call, unsigned int which, const uint8_t *value, size_t n)
{
	if (call->has & which || !printable(value, n))
		call->malformed = true;
	call->has |= which;
	if (which == HAS_PATH)
		set_path(call, value, n);
	else if (which == HAS_METHOD && !grpc_text_is(value, n, "POST"))
		call->http = "405";
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t n, uint8_t flags,
		     void *user_data)
{
	static const struct {
		const char *name;
		unsigned int which;
	} pseudo[] = {{":method", HAS_METHOD},
		      {":path", HAS_PATH},
		      {":authority", HAS_AUTHORITY},
		      {":scheme", HAS_SCHEME}};
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (!call || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0; // trailers, which gRPC has for responses only
	for (size_t i = 0; i < ARRAY_SIZE(pseudo); i++)
		if (grpc_text_is(name, name_len, pseudo[i].name))
			set_pseudo(call, pseudo[i].which, value, n);
	if (grpc_text_is(name, name_len, "content-type")) {
		call->has |= grpc_content_type_ok(value, n) ? HAS_TYPE : 0;
	} else if (grpc_text_is(name, name_len, "grpc-encoding")) {
		if (!grpc_text_is(value, n, "identity"))
			complain(call, GRPC_UNIMPLEMENTED, "unsupported compression ", value, n);
	} else if (grpc_text_is(name, name_len, "grpc-timeout")) {
		call->timeout_ms = grpc_timeout_parse(value, n);
		if (call->timeout_ms < 0)
			complain(call, GRPC_INTERNAL, "malformed grpc-timeout ", value, n);
	}
	return 0;
}

/** All headers are there: refuse the call, or let its time begin. */
static void judge(struct grpc_call *call)
{
	struct err e;

	if (call->malformed || (call->has & (HAS_METHOD | HAS_PATH)) != (HAS_METHOD | HAS_PATH)) {
		call->over = true;
		(void)nghttp2_submit_rst_stream(session_of(call), NGHTTP2_FLAG_NONE, call->stream,
						NGHTTP2_PROTOCOL_ERROR);
		return;
	}
	if (!call->http && !(call->has & HAS_TYPE))
		call->http = "415";
	if (call->http || call->status.code) {
		conclude(call);
		return;
	}
	if (call->timeout_ms < 0)
		return;
	if (!call->timeout_ms) {
		on_deadline(call);
	} else if (loop_timer_set(call->peer->conn.loop, &call->deadline, call->timeout_ms, &e) <
		   0) {
		complain(call, GRPC_RESOURCE_EXHAUSTED, e.msg, NULL, 0);
		conclude(call);
	}
}

/** The request has ended: its method's turn. */
static void dispatch(struct grpc_call *call)
{
	const struct grpc_method *method = call->method;

	if (call->over || call->told)
		return;
	if (!call->request || grpc_reader_partial(&call->reader)) {
		complain(call, GRPC_INTERNAL, "the request ended before its message", NULL, 0);
		conclude(call);
		return;
	}
	grpc_reader_clear(&call->reader);
	call->told = true;
	method->call(call, call->request, call->peer->server->ctx);
	if (!call->over && !method->gone) {
		complain(call, GRPC_INTERNAL, "the method did not answer", NULL, 0);
		conclude(call);
	}
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct grpc_conn *c = user_data;
	struct grpc_peer *p = (struct grpc_peer *)c;
	size_t limit = p->server->service->max_request;
	struct grpc_call *call;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	call = calloc(1, sizeof(*call));
	if (!call)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	call->peer = p;
	call->stream = frame->hd.stream_id;
	call->timeout_ms = -1;
	call->deadline = (struct loop_timer){.fn = on_deadline, .ctx = call};
	call->reader.limit = limit ? limit : MAX_REQUEST;
	call->next = p->calls;
	call->link = &p->calls;
	if (call->next)
		call->next->link = &call->next;
	p->calls = call;
	(void)nghttp2_session_set_stream_user_data(session, call->stream, call);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
		   size_t n, void *user_data)
{
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, stream);

	while (call && !call->over) {
		int rc = grpc_reader_next(&call->reader, &data, &n, &call->status);

		if (!rc)
			break;
		if (rc > 0 && call->request)
			complain(call, GRPC_INTERNAL, "more than one message in the request", NULL,
				 0);
		else if (rc > 0)
			call->request = grpc_reader_unpack(&call->reader, call->method->request,
							   &call->status);
		if (call->status.code)
			conclude(call);
	}
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (!call || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		judge(call);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		dispatch(call);
	return grpc_conn_verdict(user_data);
}

/** A response that is complete before the request is: the rest of that is of no use (RFC
 * 9113, 8.1). */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	int32_t stream = frame->hd.stream_id;

	if (frame->hd.type == NGHTTP2_HEADERS && frame->hd.flags & NGHTTP2_FLAG_END_STREAM &&
	    !nghttp2_session_get_stream_remote_close(session, stream))
		(void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream,
						NGHTTP2_NO_ERROR);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error,
			   void *user_data)
{
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, stream);

	if (!call)
		return 0;
	leave(call);
	call_free(call);
	return grpc_conn_verdict(user_data);
}

int grpc_call_callbacks(nghttp2_session_callbacks **callbacks)
{
	int rc = nghttp2_session_callbacks_new(callbacks);

	if (rc)
		return rc;
	nghttp2_session_callbacks_set_on_begin_headers_callback(*callbacks, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(*callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(*callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(*callbacks, on_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(*callbacks, on_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(*callbacks, on_stream_close);
	return 0;
}

void grpc_calls_gone(struct grpc_peer *p)
{
	for (struct grpc_call *call = p->calls; call; call = call->next)
		leave(call);
}

void grpc_calls_free(struct grpc_peer *p)
{
	while (p->calls)
		call_free(p->calls);
}
