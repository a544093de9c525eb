// SPDX-License-Identifier: Apache-2.0
/**
 * A client on lib/grpc for servers of other implementations:
 *
 *	ask [-s] [-t MS] [-c N] [-n N] [-z BYTES] SOCKET METHOD [TEXT]
 *
 * Calls /test.Peer/METHOD with TEXT, or with BYTES of "x". Prints each message and the status. -s:
 * it streams; -t: with a deadline; -c: cancel after so many messages; -n: call so often, one after
 * the other, and print how long a call takes.
 */
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "blob.h"
#include "grpc/client.h"

static struct loop *loop;
static struct grpc_client_call *call;
static long cancel_after, messages, failures;
static bool quiet;

static void on_message(const ProtobufCMessage *m, void *ctx)
{
	const ProtobufCBinaryData *data = &((const Peer__Blob *)m)->data;

	if (!quiet)
		(void)printf("message %zu %.*s\n", data->len,
			     (int)(data->len < 40 ? data->len : 40), (const char *)data->data);
	if (++messages == cancel_after)
		grpc_client_cancel(call);
}

static void on_end(const struct grpc_status *status, void *ctx)
{
	failures += status->code != GRPC_OK;
	if (!quiet)
		(void)printf("status %d %s\n", status->code, status->text);
	loop_stop(loop);
}

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(struct grpc_client *client, const struct grpc_request *request, long n)
{
	_cleanup_(freep) double *took = calloc((size_t)n, sizeof(*took));
	struct err e;

	quiet = true;
	for (long i = 0; i < n; i++) {
		double began = now_us();

		done(grpc_client_call(client, request, &call, &e), &e);
		done(loop_run(loop, &e), &e);
		took[i] = now_us() - began;
	}
	qsort(took, (size_t)n, sizeof(*took), compare);
	(void)printf("%ld calls, %ld messages, %ld failed; us: least %.0f, median %.0f, 99 of 100 "
		     "%.0f\n",
		     n, messages, failures, took[0], took[n / 2], took[n * 99 / 100]);
}

static int usage(void)
{
	(void)fprintf(stderr, "ask [-s] [-t MS] [-c N] [-n N] [-z BYTES] SOCKET METHOD [TEXT]\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct grpc_request request = {
		.reply = &peer__blob__descriptor, .on_message = on_message, .on_end = on_end};
	_cleanup_(freep) char *large = NULL;
	struct grpc_client *client;
	char path[128];
	long often = 0, size = 0;
	Peer__Blob b;
	struct err e;
	int option;

	while ((option = getopt(argc, argv, "st:c:n:z:")) != -1) {
		if (option == 's')
			request.streaming = true;
		else if (option == 't')
			request.timeout_ms = atol(optarg);
		else if (option == 'c')
			cancel_after = atol(optarg);
		else if (option == 'n')
			often = atol(optarg);
		else if (option == 'z')
			size = atol(optarg);
		else
			return usage();
	}
	if (argc - optind < 2)
		return usage();
	(void)snprintf(path, sizeof(path), "/test.Peer/%s", argv[optind + 1]);
	large = malloc((size_t)size + 1);
	memset(large, 'x', (size_t)size);
	b = blob(large, (size_t)size);
	if (argv[optind + 2])
		b = blob(argv[optind + 2], strlen(argv[optind + 2]));
	request.path = path;
	request.message = &b.base;
	done(loop_open(&loop, &e), &e);
	done(grpc_client_open(&client, loop, argv[optind], &e), &e);
	if (often) {
		measure(client, &request, often);
	} else {
		done(grpc_client_call(client, &request, &call, &e), &e);
		done(loop_run(loop, &e), &e);
	}
	grpc_client_closep(&client);
	loop_closep(&loop);
	return 0;
}
