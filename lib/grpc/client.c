// SPDX-License-Identifier: Apache-2.0
#include "grpc/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "grpc/conn.h"

enum { MAX_REPLY = 16 << 20 };

struct grpc_client {
	struct grpc_conn conn;
	bool lost;
	struct grpc_client_call *calls;
};

struct grpc_client_call {
	struct grpc_client *client;
	struct grpc_client_call *next, **link;
	int32_t stream;
	bool over;       ///< on_end() was called
	int http;        ///< :status
	bool is_grpc;    ///< by content-type
	const char *bad; ///< what we cannot read in the headers
	bool has_status; ///< status is what the server says
	struct grpc_status status;
	struct loop_timer deadline;
	struct grpc_outbox outbox;
	struct grpc_reader reader;
	ProtobufCMessage *reply;     ///< to a unary call, until its status is known
	struct grpc_request request; ///< path and message are not kept
};

static void call_free(struct grpc_client_call *call)
{
	loop_timer_stop(call->client->conn.loop, &call->deadline);
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	grpc_outbox_clear(&call->outbox);
	grpc_reader_clear(&call->reader);
	grpc_message_freep(&call->reply);
	free(call);
}

/** Tell the caller, once; the struct goes with the stream. */
static void finish(struct grpc_client_call *call)
{
	if (call->over)
		return;
	call->over = true;
	loop_timer_stop(call->client->conn.loop, &call->deadline);
	grpc_reader_clear(&call->reader);
	call->request.on_end(&call->status, call->request.ctx);
}

/** The call is of no more use to us: tell server and caller. */
static void give_up(struct grpc_client_call *call)
{
	struct grpc_conn *c = &call->client->conn;

	if (call->over)
		return;
	grpc_conn_enter(c);
	(void)nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, call->stream,
					NGHTTP2_CANCEL);
	finish(call);
	grpc_conn_leave(c);
}

static void on_deadline(void *ctx)
{
	struct grpc_client_call *call = ctx;

	(void)grpc_status_set(&call->status, GRPC_DEADLINE_EXCEEDED, "the deadline has passed");
	give_up(call);
}

void grpc_client_cancel(struct grpc_client_call *call)
{
	(void)grpc_status_set(&call->status, GRPC_CANCELLED, "cancelled");
	give_up(call);
}

static void set_status(struct grpc_client_call *call, const uint8_t *value, size_t n)
{
	call->status.code = grpc_code_parse(value, n);
	call->has_status = true;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t n, uint8_t flags,
		     void *user_data)
{
	struct grpc_client_call *call =
		nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (!call || call->over)
		return 0;
	if (grpc_text_is(name, name_len, ":status"))
		call->http = n == 3 ? grpc_code_parse(value, n) : 0;
	else if (grpc_text_is(name, name_len, "content-type"))
		call->is_grpc = grpc_content_type_ok(value, n);
	else if (grpc_text_is(name, name_len, "grpc-encoding") &&
		 !grpc_text_is(value, n, "identity"))
		call->bad = "the server compresses, which is not supported";
	else if (grpc_text_is(name, name_len, "grpc-status"))
		set_status(call, value, n);
	else if (grpc_text_is(name, name_len, "grpc-message"))
		grpc_message_decode(call->status.text, sizeof(call->status.text), value, n);
	return 0;
}

/** Headers are there: is this an answer that we understand? */
static void judge(struct grpc_client_call *call)
{
	if (call->over || call->http / 100 == 1) // more are to come
		return;
	if (call->http != 200)
		(void)grpc_status_set(&call->status, grpc_code_of_http(call->http),
				      "the server answers with HTTP status %d", call->http);
	else if (!call->is_grpc)
		(void)grpc_status_set(&call->status, GRPC_UNKNOWN,
				      "the server's answer is not of type application/grpc");
	else if (call->bad)
		(void)grpc_status_set(&call->status, GRPC_INTERNAL, "%s", call->bad);
	else
		return;
	give_up(call);
}

/** The server has said all: does it make an answer? */
static void conclude(struct grpc_client_call *call)
{
	struct grpc_status *s = &call->status;

	if (call->over)
		return;
	if (!call->has_status)
		(void)grpc_status_set(s, GRPC_INTERNAL,
				      "the server ended the call without a status");
	else if (s->code == GRPC_OK && grpc_reader_partial(&call->reader))
		(void)grpc_status_set(s, GRPC_INTERNAL,
				      "the server ended the call within a message");
	else if (s->code == GRPC_OK && !call->request.streaming && !call->reply)
		(void)grpc_status_set(s, GRPC_INTERNAL, "the server answers OK, but nothing else");
	if (s->code == GRPC_OK && call->reply)
		call->request.on_message(call->reply, call->request.ctx);
	// If it does not want the rest of the request, it need not have it.
	if (!nghttp2_session_get_stream_local_close(call->client->conn.session, call->stream))
		give_up(call);
	finish(call);
}

static void take_message(struct grpc_client_call *call)
{
	_cleanup_(grpc_message_freep) ProtobufCMessage *m = NULL;

	if (call->reply) {
		(void)grpc_status_set(&call->status, GRPC_INTERNAL,
				      "the server answers with more than one message");
		give_up(call);
		return;
	}
	m = grpc_reader_unpack(&call->reader, call->request.reply, &call->status);
	if (!m)
		give_up(call);
	else if (call->request.streaming)
		call->request.on_message(m, call->request.ctx);
	else
		call->reply = TAKE_PTR(m);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
		   size_t n, void *user_data)
{
	struct grpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream);

	while (call && !call->over) {
		int rc = grpc_reader_next(&call->reader, &data, &n, &call->status);

		if (!rc)
			break;
		if (rc < 0)
			give_up(call);
		else
			take_message(call);
	}
	return grpc_conn_verdict(user_data);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct grpc_client_call *call =
		nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (!call || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS)
		judge(call);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		conclude(call);
	return grpc_conn_verdict(user_data);
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error,
			   void *user_data)
{
	struct grpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream);

	if (!call)
		return 0;
	if (!call->over) {
		(void)grpc_status_set(&call->status, grpc_code_of_reset(error),
				      "the server reset the call: %s",
				      nghttp2_http2_strerror(error));
		finish(call);
	}
	call_free(call);
	return grpc_conn_verdict(user_data);
}

static ssize_t on_read(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t len,
		       uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
	struct grpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream);
	size_t n;

	if (!call)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	n = grpc_outbox_take(&call->outbox, buf, len);
	if (!call->outbox.first)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

/** End all calls; their structs stay, for nghttp2 may be using them. */
static void end_all(struct grpc_client *c, int code, const char *why)
{
	for (struct grpc_client_call *call = c->calls; call; call = call->next) {
		if (call->over)
			continue;
		(void)grpc_status_set(&call->status, code, "%s", why);
		finish(call);
	}
}

static void client_lost(struct grpc_conn *conn)
{
	struct grpc_client *c = (struct grpc_client *)conn;

	c->lost = true;
	end_all(c, GRPC_UNAVAILABLE, "the connection is lost");
}

static void client_free(struct grpc_conn *conn)
{
	struct grpc_client *c = (struct grpc_client *)conn;

	while (c->calls)
		call_free(c->calls);
	free(c);
}

static const struct grpc_conn_kind client_side = {.lost = client_lost, .free = client_free};

static int make_callbacks(nghttp2_session_callbacks **callbacks)
{
	int rc = nghttp2_session_callbacks_new(callbacks);

	if (rc)
		return rc;
	nghttp2_session_callbacks_set_on_header_callback(*callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(*callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(*callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(*callbacks, on_stream_close);
	return 0;
}

int grpc_client_adopt(struct grpc_client **c, struct loop *l, int fd, struct err *e)
{
	nghttp2_session_callbacks *callbacks;
	struct grpc_client *client = calloc(1, sizeof(*client));

	if (!client || make_callbacks(&callbacks)) {
		free(client);
		fd_closep(&fd);
		return err_set(e, ERR_TRY_AGAIN, "make a gRPC client: out of memory");
	}
	client->conn.kind = &client_side;
	if (grpc_conn_open(&client->conn, l, fd, nghttp2_session_client_new2, callbacks, e) < 0) {
		free(client);
		return err_wrap(e, "make a gRPC client");
	}
	*c = client;
	return 0;
}

int grpc_client_open(struct grpc_client **c, struct loop *l, const char *path, struct err *e)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_(fd_closep) int fd = -1;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(e, ERR_CONFIG,
			       "connect to %.300s: longer than the %zu bytes of a socket", path,
			       sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_os(e, ERR_KERNEL, errno, "connect to %s", path);
	return grpc_client_adopt(c, l, TAKE_FD(fd), e);
}

/** Give the call to nghttp2, which numbers it. */
static int submit(struct grpc_client_call *call, const char *path, struct err *e)
{
	const nghttp2_data_provider provider = {.read_callback = on_read};
	nghttp2_session *session = call->client->conn.session;
	char timeout[GRPC_TIMEOUT_TEXT];
	nghttp2_nv nv[8] = {
		grpc_header(":method", "POST"),
		grpc_header(":scheme", "http"),
		grpc_header(":path", path),
		grpc_header(":authority", "localhost"),
		grpc_header("te", "trailers"),
		grpc_header("content-type", "application/grpc"),
		grpc_header("user-agent", "edgeway/" EDGEWAY_VERSION),
	};
	size_t n = 7;

	if (call->request.timeout_ms > 0)
		nv[n++] = grpc_header("grpc-timeout",
				      grpc_timeout_format(timeout, call->request.timeout_ms));
	call->stream = nghttp2_submit_request(session, NULL, nv, n, &provider, call);
	if (call->stream < 0)
		return err_set(e, ERR_TRY_AGAIN, "call %s: %s", path,
			       nghttp2_strerror(call->stream));
	return 0;
}

static int begin(struct grpc_client_call *call, const struct grpc_request *request, struct err *e)
{
	struct loop *l = call->client->conn.loop;

	if (grpc_outbox_add(&call->outbox, request->message, e) < 0)
		return err_wrap(e, "call %s", request->path);
	if (request->timeout_ms > 0 &&
	    loop_timer_set(l, &call->deadline, request->timeout_ms, e) < 0)
		return err_wrap(e, "call %s", request->path);
	return submit(call, request->path, e);
}

int grpc_client_call(struct grpc_client *c, const struct grpc_request *request,
		     struct grpc_client_call **out, struct err *e)
{
	struct grpc_client_call *call;

	if (c->lost || !nghttp2_session_check_request_allowed(c->conn.session))
		return err_os(e, ERR_KERNEL, ECONNRESET, "call %s", request->path);
	call = calloc(1, sizeof(*call));
	if (!call)
		return err_set(e, ERR_TRY_AGAIN, "call %s: out of memory", request->path);
	call->client = c;
	call->request = *request;
	call->request.path = NULL;
	call->request.message = NULL;
	call->reader.limit = request->max_reply ? request->max_reply : MAX_REPLY;
	call->deadline = (struct loop_timer){.fn = on_deadline, .ctx = call};
	call->next = c->calls;
	call->link = &c->calls;
	if (call->next)
		call->next->link = &call->next;
	c->calls = call;
	if (begin(call, request, e) < 0) {
		call_free(call);
		return -1;
	}
	grpc_conn_enter(&c->conn);
	if (out)
		*out = call;
	grpc_conn_leave(&c->conn);
	return 0;
}

void grpc_client_closep(struct grpc_client **client)
{
	struct grpc_client *c = *client;

	if (!c)
		return;
	*client = NULL;
	c->lost = true;
	grpc_conn_enter(&c->conn);
	grpc_conn_close(&c->conn);
	end_all(c, GRPC_CANCELLED, "the client was closed");
	grpc_conn_leave(&c->conn);
}
