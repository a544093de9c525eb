// SPDX-License-Identifier: Apache-2.0
/**
 * What comes over a socket to a gRPC server or client. The first byte says which, and whether the
 * peer begins as HTTP/2 does, so that not every input has to find out how.
 */
#include <string.h>
#include <sys/socket.h>

#include <nghttp2/nghttp2.h>

#include "fuzz.h"
#include "grpc/api/kubelet.h"
#include "grpc/client.h"
#include "grpc/server.h"

enum { CLIENT = 1, BARE = 2 };

static struct grpc_call *kept;
static int under_way; ///< calls whose end we have not heard of

static void allocate(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
{
	grpc_call_reply(call, m);
}

static void watch(struct grpc_call *call, const ProtobufCMessage *m, void *ctx)
{
	struct err e;

	under_way++;
	kept = call;
	must(grpc_call_send(call, m, &e) == 0);
}

static void unwatch(struct grpc_call *call, void *ctx)
{
	under_way--;
	if (kept == call)
		kept = NULL;
}

static const struct grpc_method methods[] = {
	{DEVICEPLUGIN_ALLOCATE, &deviceplugin__allocate_request__descriptor, allocate, NULL},
	{DEVICEPLUGIN_LIST_AND_WATCH, &deviceplugin__device__descriptor, watch, unwatch},
};
static const struct grpc_service service = {.methods = methods, .n_methods = ARRAY_SIZE(methods)};

static void on_message(const ProtobufCMessage *m, void *ctx)
{
	must(m->descriptor == &podresources__list_response__descriptor);
}

static void on_end(const struct grpc_status *status, void *ctx)
{
	must(strlen(status->text) < sizeof(status->text));
	under_way--;
}

static void call(struct grpc_client *client, bool streaming)
{
	Podresources__ListRequest m = PODRESOURCES__LIST_REQUEST__INIT;
	const struct grpc_request request = {
		.path = PODRESOURCES_LIST,
		.message = &m.base,
		.reply = &podresources__list_response__descriptor,
		.streaming = streaming,
		.on_message = on_message,
		.on_end = on_end,
	};
	struct err e;

	under_way++;
	must(grpc_client_call(client, &request, NULL, &e) == 0);
}

static void run(struct loop *loop)
{
	struct err e;

	while (loop_step(loop, 0, &e) > 0)
		continue;
}

/** Say it all, wait until it is understood, send what may be sent later, and hang up. */
static void say(struct loop *loop, int fd, const uint8_t *data, size_t size)
{
	must(send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size);
	run(loop);
	if (kept) {
		Deviceplugin__Empty m = DEVICEPLUGIN__EMPTY__INIT;
		struct err e;

		must(grpc_call_update(kept, &m.base, &e) == 0);
		run(loop);
	}
	close(fd);
	run(loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t settings[9] = {[3] = 4};
	struct grpc_server *server = NULL;
	struct grpc_client *client = NULL;
	uint8_t buf[8192];
	size_t at = 0;
	struct loop *loop;
	struct err e;
	int fds[2];

	if (!size || size > 4096)
		return 0;
	must(loop_open(&loop, &e) == 0);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	if (data[0] & CLIENT) {
		must(grpc_client_adopt(&client, loop, fds[0], &e) == 0);
		call(client, false);
		call(client, true);
	} else {
		must(grpc_server_open(&server, loop, &service, NULL, &e) == 0);
		must(grpc_server_adopt(server, fds[0], &e) == 0);
	}
	if (!(data[0] & (CLIENT | BARE))) {
		memcpy(buf, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
		at = NGHTTP2_CLIENT_MAGIC_LEN;
	}
	if (!(data[0] & BARE)) {
		memcpy(buf + at, settings, sizeof(settings));
		at += sizeof(settings);
	}
	memcpy(buf + at, data + 1, size - 1);
	say(loop, fds[1], buf, at + size - 1);
	grpc_client_closep(&client);
	grpc_server_closep(&server);
	must(under_way == 0 && !kept);
	loop_closep(&loop);
	return 0;
}
