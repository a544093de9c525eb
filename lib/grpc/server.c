// SPDX-License-Identifier: Apache-2.0
/** A server's sockets: the one that it listens at, and those of its clients. */
#include "grpc/server.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "grpc/server_private.h"

enum {
	PEERS = 512,    ///< connections at a time; whoever comes then is turned away
	BACKLOG = 128,  ///< that have not been accepted
	PAUSE_MS = 100, ///< before accepting is tried again when it failed
};

static void peer_unlink(struct grpc_peer *p)
{
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	p->server->n_peers--;
}

/** A connection is over: so are its calls. */
static void peer_end(struct grpc_peer *p)
{
	grpc_conn_enter(&p->conn);
	peer_unlink(p);
	grpc_conn_close(&p->conn);
	grpc_calls_gone(p);
	grpc_conn_leave(&p->conn);
}

static void peer_lost(struct grpc_conn *c)
{
	peer_end((struct grpc_peer *)c);
}

static void peer_free(struct grpc_conn *c)
{
	struct grpc_peer *p = (struct grpc_peer *)c;

	grpc_calls_free(p);
	free(p);
}

static const struct grpc_conn_kind server_side = {.lost = peer_lost, .free = peer_free};

int grpc_server_adopt(struct grpc_server *s, int fd, struct err *e)
{
	nghttp2_session_callbacks *callbacks;
	struct grpc_peer *p = calloc(1, sizeof(*p));

	if (!p || grpc_call_callbacks(&callbacks)) {
		free(p);
		fd_closep(&fd);
		return err_set(e, ERR_TRY_AGAIN, "serve a connection: out of memory");
	}
	p->server = s;
	p->conn.kind = &server_side;
	if (grpc_conn_open(&p->conn, s->loop, fd, nghttp2_session_server_new2, callbacks, e) < 0) {
		free(p);
		return err_wrap(e, "serve a connection");
	}
	p->next = s->peers;
	p->link = &s->peers;
	if (p->next)
		p->next->link = &p->next;
	s->peers = p;
	s->n_peers++;
	grpc_conn_enter(&p->conn);
	grpc_conn_leave(&p->conn); // what nghttp2 has to say at first
	return 0;
}

static void on_pause_over(void *ctx)
{
	struct grpc_server *s = ctx;

	loop_rewatch(s->loop, &s->accept, EPOLLIN);
}

/** Of what goes wrong here nobody is told: the client sees it, and the next one may have more luck.
 */
static void on_accept(void *ctx, uint32_t events)
{
	struct grpc_server *s = ctx;
	struct err e;
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		if (s->n_peers >= PEERS || grpc_server_adopt(s, TAKE_FD(fd), &e) < 0)
			fd_closep(&fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED &&
		   loop_timer_set(s->loop, &s->pause, PAUSE_MS, &e) == 0) {
		loop_rewatch(s->loop, &s->accept, 0); // no descriptors: do not ask again and again
	}
}

int grpc_server_open(struct grpc_server **s, struct loop *l, const struct grpc_service *service,
		     void *ctx, struct err *e)
{
	struct grpc_server *server = calloc(1, sizeof(*server));

	if (!server)
		return err_set(e, ERR_TRY_AGAIN, "make a gRPC server: out of memory");
	server->loop = l;
	server->service = service;
	server->ctx = ctx;
	server->listener = -1;
	server->accept = (struct loop_watch){.fn = on_accept, .ctx = server, .fd = -1};
	server->pause = (struct loop_timer){.fn = on_pause_over, .ctx = server};
	*s = server;
	return 0;
}

/** "DIR/.NAME": what watches the directory is not to see it yet. -1: too long for a socket. */
static int hidden_name(const char *path, struct sockaddr_un *addr)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash + 1 - path) : 0;
	int n = snprintf(addr->sun_path, sizeof(addr->sun_path), "%.*s.%s", dir, path, path + dir);

	return n < (int)sizeof(addr->sun_path) ? 0 : -1;
}

/** The mode of a socket's file is that of the socket, less the umask (unix_bind() of the kernel).
 */
static int bind_hidden(int fd, const struct sockaddr_un *addr)
{
	if (unlink(addr->sun_path) < 0 && errno != ENOENT)
		return -1;
	if (fchmod(fd, S_IRUSR | S_IWUSR) < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return -1;
	return listen(fd, BACKLOG);
}

int grpc_server_listen(struct grpc_server *s, const char *path, struct err *e)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_(fd_closep) int fd = -1;
	_cleanup_(freep) char *copy = strdup(path);
	struct stat st = {};

	if (!copy)
		return err_set(e, ERR_TRY_AGAIN, "listen at %s: out of memory", path);
	if (hidden_name(path, &addr) < 0)
		return err_set(e, ERR_CONFIG,
			       "listen at %.300s: longer than the %zu bytes of a socket", path,
			       sizeof(addr.sun_path) - 2);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind_hidden(fd, &addr) < 0 || stat(addr.sun_path, &st) < 0 ||
	    rename(addr.sun_path, path) < 0) {
		int os = errno;

		if (st.st_ino)
			(void)unlink(addr.sun_path);
		return err_os(e, ERR_KERNEL, os, "listen at %s", path);
	}
	s->path = TAKE_PTR(copy);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->listener = TAKE_FD(fd);
	return loop_watch(s->loop, &s->accept, s->listener, EPOLLIN, e);
}

/** Whoever came after us and put another socket there keeps it. */
static void remove_socket(const struct grpc_server *s)
{
	struct stat st;

	if (s->path && stat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		(void)unlink(s->path);
}

void grpc_server_closep(struct grpc_server **s)
{
	struct grpc_server *server = *s;

	if (!server)
		return;
	loop_timer_stop(server->loop, &server->pause);
	loop_unwatch(server->loop, &server->accept);
	remove_socket(server);
	fd_closep(&server->listener);
	while (server->peers)
		peer_end(server->peers);
	free(server->path);
	freep(s);
}
