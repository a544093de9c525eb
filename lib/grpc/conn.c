// SPDX-License-Identifier: Apache-2.0
#include "grpc/conn.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
	WINDOW = 1
		 << 20, ///< what a peer may send before we have looked at it, per stream and in all
	STREAMS = 100,  ///< calls at a time on a connection, as nghttp2's documentation advises
	READ = 1 << 16,
};

/** Fill out[] from nghttp2's frames; returns whether something is there. */
static bool refill(struct grpc_conn *c)
{
	c->out_begin = c->out_end = 0;
	while (c->out_end < sizeof(c->out)) {
		size_t room = sizeof(c->out) - c->out_end;
		size_t some;

		if (!c->frame_len) {
			ssize_t n = nghttp2_session_mem_send(c->session, &c->frame);

			c->broken = c->broken || n < 0;
			if (n <= 0)
				break;
			c->frame_len = (size_t)n;
		}
		some = c->frame_len < room ? c->frame_len : room;
		memcpy(c->out + c->out_end, c->frame, some);
		c->out_end += some;
		c->frame += some;
		c->frame_len -= some;
	}
	return c->out_end;
}

/** Send until all is sent or the socket is full. */
static void flush(struct grpc_conn *c)
{
	bool blocked = false;

	while (!c->broken && !blocked && (c->out_begin < c->out_end || refill(c))) {
		ssize_t n = send(c->fd, c->out + c->out_begin, c->out_end - c->out_begin,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			c->out_begin += (size_t)n;
		else if (errno == EAGAIN)
			blocked = true;
		else if (errno != EINTR)
			c->broken = true;
	}
	if (blocked != c->blocked && !c->broken)
		loop_rewatch(c->loop, &c->watch, EPOLLIN | (blocked ? EPOLLOUT : 0));
	c->blocked = blocked;
}

/** Take once what the socket has: the next one in the loop waits no longer than that. */
static void receive(struct grpc_conn *c)
{
	uint8_t buf[READ];
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0)
		n = nghttp2_session_mem_recv(c->session, buf, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		n = -1;
	else
		n = 0;
	c->broken = c->broken || n < 0;
}

static void release(struct grpc_conn *c)
{
	loop_unwatch(c->loop, &c->watch);
	nghttp2_session_del(c->session);
	c->session = NULL;
	fd_closep(&c->fd);
	c->kind->free(c);
}

static void on_event(void *ctx, uint32_t events)
{
	struct grpc_conn *c = ctx;

	grpc_conn_enter(c);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(c);
	if (!c->closed)
		flush(c); // also what nghttp2 says to a peer that it is about to leave
	c->broken = c->broken || (!nghttp2_session_want_read(c->session) &&
				  !nghttp2_session_want_write(c->session));
	if (c->broken && !c->closed) {
		loop_unwatch(c->loop, &c->watch);
		c->kind->lost(c);
	}
	grpc_conn_leave(c);
}

void grpc_conn_enter(struct grpc_conn *c)
{
	c->depth++;
}

void grpc_conn_leave(struct grpc_conn *c)
{
	if (c->depth == 1 && !c->closed && !c->broken) {
		flush(c);
		if (c->broken)
			(void)shutdown(c->fd, SHUT_RDWR); // the loop sees that it has hung up
	}
	c->depth--;
	if (!c->depth && c->closed)
		release(c);
}

void grpc_conn_close(struct grpc_conn *c)
{
	if (c->closed)
		return;
	c->closed = true;
	if (!c->depth)
		release(c);
}

int grpc_conn_verdict(const struct grpc_conn *c)
{
	return c->closed ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/**
 * The limits that each side tells the other. Windows larger than the protocol's 64 KiB save round
 * trips with large messages; gRPC has no use for pushed resources.
 */
static int greet(struct grpc_conn *c)
{
	const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW},
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
	};
	int rc = nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings,
					 ARRAY_SIZE(settings));

	return rc ? rc : nghttp2_session_set_local_window_size(c->session, 0, 0, WINDOW);
}

/**
 * As :authority a gRPC client may write the path of the socket as it is, which RFC 3986 does not
 * allow, and which nghttp2 would refuse. So it leaves the headers to us.
 */
static int make_session(struct grpc_conn *c, grpc_session_fn *make,
			nghttp2_session_callbacks *callbacks)
{
	nghttp2_option *option;
	int rc = nghttp2_option_new(&option);

	if (!rc) {
		nghttp2_option_set_no_http_messaging(option, 1);
		rc = make(&c->session, callbacks, c, option);
		nghttp2_option_del(option);
	}
	nghttp2_session_callbacks_del(callbacks);
	return rc ? rc : greet(c);
}

int grpc_conn_open(struct grpc_conn *c, struct loop *l, int fd, grpc_session_fn *make,
		   nghttp2_session_callbacks *callbacks, struct err *e)
{
	int rc;

	c->loop = l;
	c->fd = fd;
	c->watch = (struct loop_watch){.fn = on_event, .ctx = c, .fd = -1};
	rc = make_session(c, make, callbacks);
	if (!rc && loop_watch(l, &c->watch, fd, EPOLLIN, e) == 0)
		return 0;
	if (rc)
		(void)err_set(e, ERR_TRY_AGAIN, "begin to speak HTTP/2: %s", nghttp2_strerror(rc));
	nghttp2_session_del(c->session);
	c->session = NULL;
	fd_closep(&c->fd);
	return -1;
}

nghttp2_nv grpc_header(const char *name, const char *value)
{
	// nghttp2 copies what it is given, but its struct does not say const.
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
			    strlen(value), NGHTTP2_NV_FLAG_NONE};
}

bool grpc_text_is(const uint8_t *bytes, size_t n, const char *text)
{
	return n == strlen(text) && !memcmp(bytes, text, n);
}

bool grpc_content_type_ok(const uint8_t *value, size_t n)
{
	static const char type[] = "application/grpc", proto[] = "+proto";
	size_t at = strlen(type);

	if (n < at || memcmp(value, type, at) != 0)
		return false;
	if (n - at >= strlen(proto) && !memcmp(value + at, proto, strlen(proto)))
		at += strlen(proto);
	return n == at || value[at] == ';';
}
