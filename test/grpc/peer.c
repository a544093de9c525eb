// SPDX-License-Identifier: Apache-2.0
/**
 * A server on lib/grpc for clients of other implementations:
 *
 *	peer SOCKET      until SIGTERM
 *
 * Methods of /test.Peer, Blob to Blob: Echo; Fail, with FAILED_PRECONDITION; Stream, the request's
 * number of messages; StreamFail, two messages and ABORTED; Watch, "first" and later what is given
 * to Push, without end; Hang, which is never answered; Counts, how many calls wait and how many are
 * gone; CallBack, which calls Echo at the request's socket before it answers, as the kubelet does
 * in Register.
 */
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>

#include "base/cleanup.h"
#include "blob.h"
#include "grpc/client.h"
#include "grpc/server.h"

enum { WAITING = 4096, ABORTED = 10 };

static struct loop *loop;
static struct grpc_call *watching[WAITING];
static size_t n_watching, n_gone;

static const ProtobufCBinaryData *data_of(const ProtobufCMessage *m)
{
	return &((const Peer__Blob *)m)->data;
}

static void reply_text(struct grpc_call *call, const char *text)
{
	Peer__Blob b = blob(text, strlen(text));

	grpc_call_reply(call, &b.base);
}

static void echo(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
{
	grpc_call_reply(call, m);
}

static void fail(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
{
	grpc_call_end(call, GRPC_FAILED_PRECONDITION, "not now: 100%% \xc3\xa9");
}

/** The messages "0", "1"...; @n of them. */
static int send_numbers(struct grpc_call *call, int n)
{
	for (int i = 0; i < n; i++) {
		char text[16];
		Peer__Blob b = blob(text, (size_t)snprintf(text, sizeof(text), "%d", i));
		struct err e;

		if (grpc_call_send(call, &b.base, &e) < 0) {
			grpc_call_end(call, GRPC_RESOURCE_EXHAUSTED, "%s", e.msg);
			return -1;
		}
	}
	return 0;
}

static void stream(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
{
	char text[16] = "";

	memcpy(text, data_of(m)->data, data_of(m)->len % sizeof(text));
	if (send_numbers(call, atoi(text)) == 0)
		grpc_call_end(call, GRPC_OK, "%s", "");
}

static void stream_fail(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
{
	if (send_numbers(call, 2) == 0)
		grpc_call_end(call, ABORTED, "after two");
}

static void hang(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
{
	if (n_watching == WAITING)
		grpc_call_end(call, GRPC_RESOURCE_EXHAUSTED, "too many");
	else
		watching[n_watching++] = call;
}

static void watch(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
{
	Peer__Blob b = blob("first", 5);
	struct err e;

	if (grpc_call_send(call, &b.base, &e) < 0)
		grpc_call_end(call, GRPC_RESOURCE_EXHAUSTED, "%s", e.msg);
	else
		hang(call, m, ctx);
}

static void gone(struct grpc_call *call, void *ctx)
{
	for (size_t i = 0; i < n_watching; i++)
		if (watching[i] == call)
			watching[i] = watching[--n_watching];
	n_gone++;
}

static void push(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
{
	struct err e;

	for (size_t i = 0; i < n_watching; i++)
		done(grpc_call_update(watching[i], m, &e), &e);
	grpc_call_reply(call, m);
}

static void counts(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%zu waiting, %zu gone", n_watching, n_gone);
	reply_text(call, text);
}

/** A call that is answered when one of ours is. */
struct errand {
	struct grpc_call *call;
	struct grpc_client *client;
	bool gone;
};

static void errand_message(const ProtobufCMessage *m, void *ctx)
{
	struct errand *errand = ctx;

	if (!errand->gone)
		grpc_call_reply(errand->call, m);
	errand->gone = true;
}

static void errand_end(const struct grpc_status *status, void *ctx)
{
	struct errand *errand = ctx;

	if (!errand->gone)
		grpc_call_end(errand->call, status->code, "%s", status->text);
	grpc_client_closep(&errand->client);
	free(errand);
}

static void errand_gone(struct grpc_call *call, void *ctx)
{
	((struct errand *)grpc_call_data(call))->gone = true;
}

static void call_back(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
{
	struct errand *errand = calloc(1, sizeof(*errand));
	Peer__Blob b = blob("back", 4);
	struct grpc_request request = {
		.path = "/test.Peer/Echo",
		.message = &b.base,
		.reply = &peer__blob__descriptor,
		.on_message = errand_message,
		.on_end = errand_end,
		.ctx = errand,
	};
	char path[128] = "";
	struct err e;

	memcpy(path, data_of(m)->data, data_of(m)->len % sizeof(path));
	errand->call = call;
	grpc_call_set_data(call, errand);
	done(grpc_client_open(&errand->client, loop, path, &e), &e);
	done(grpc_client_call(errand->client, &request, NULL, &e), &e);
}

#define BLOB &peer__blob__descriptor

static const struct grpc_method methods[] = {
	{"/test.Peer/Echo", BLOB, echo, NULL},
	{"/test.Peer/Fail", BLOB, fail, NULL},
	{"/test.Peer/Stream", BLOB, stream, NULL},
	{"/test.Peer/StreamFail", BLOB, stream_fail, NULL},
	{"/test.Peer/Watch", BLOB, watch, gone},
	{"/test.Peer/Push", BLOB, push, NULL},
	{"/test.Peer/Hang", BLOB, hang, gone},
	{"/test.Peer/Counts", BLOB, counts, NULL},
	{"/test.Peer/CallBack", BLOB, call_back, errand_gone},
};
static const struct grpc_service service = {methods, ARRAY_SIZE(methods), .max_request = 16 << 20,
					    .max_queued = 64 << 20};

static void on_signal(void *ctx, uint32_t events)
{
	loop_stop(loop);
}

int main(int argc, char **argv)
{
	struct loop_watch signals = {.fn = on_signal, .fd = -1};
	struct grpc_server *server;
	sigset_t set;
	struct err e;

	if (argc != 2)
		return 2;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	done(loop_open(&loop, &e), &e);
	done(loop_watch(loop, &signals, signalfd(-1, &set, SFD_CLOEXEC), EPOLLIN, &e), &e);
	done(grpc_server_open(&server, loop, &service, NULL, &e), &e);
	done(grpc_server_listen(server, argv[1], &e), &e);
	done(loop_run(loop, &e), &e);
	grpc_server_closep(&server);
	close(signals.fd);
	loop_closep(&loop);
	return 0;
}
