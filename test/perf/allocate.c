// SPDX-License-Identifier: Apache-2.0
/**
 * How long Allocate takes, as a kubelet sees it:
 *
 *	perf_allocate SOCKET ADDRESS ROUNDS
 *
 * Asks the device plugin at SOCKET for the device at ADDRESS, ROUNDS times on one connection, and
 * prints as JSON what it took in microseconds: least, median, 99 of 100, most.
 */
#include <stdio.h>
#include <time.h>

#include "grpc/api/kubelet.h"
#include "grpc/client.h"

static struct loop *loop;
static size_t answers;

static void on_message(const ProtobufCMessage *m, void *ctx)
{
	const Deviceplugin__AllocateResponse *response = (const void *)m;

	(void)ctx;
	answers += response->n_containers;
}

static void on_end(const struct grpc_status *status, void *ctx)
{
	(void)ctx;
	if (status->code != GRPC_OK)
		(void)fprintf(stderr, "%s\n", status->text);
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

static int measure(struct grpc_client *client, char *address, double *took, size_t n, struct err *e)
{
	Deviceplugin__ContainerAllocateRequest one = DEVICEPLUGIN__CONTAINER_ALLOCATE_REQUEST__INIT;
	Deviceplugin__ContainerAllocateRequest *list[] = {&one};
	Deviceplugin__AllocateRequest message = DEVICEPLUGIN__ALLOCATE_REQUEST__INIT;
	const struct grpc_request request = {
		.path = DEVICEPLUGIN_ALLOCATE,
		.message = &message.base,
		.reply = &deviceplugin__allocate_response__descriptor,
		.on_message = on_message,
		.on_end = on_end,
	};

	one.ids = &address;
	one.n_ids = 1;
	message.containers = list;
	message.n_containers = 1;
	for (size_t i = 0; i < n; i++) {
		double began = now_us();

		if (grpc_client_call(client, &request, NULL, e) < 0 || loop_run(loop, e) < 0)
			return -1;
		took[i] = now_us() - began;
	}
	return 0;
}

int main(int argc, char *argv[])
{
	size_t n = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	double *took = calloc(n + 1, sizeof(*took));
	struct grpc_client *client = NULL;
	struct err e = {};

	if (!n || !took)
		return 2;
	if (loop_open(&loop, &e) < 0 || grpc_client_open(&client, loop, argv[1], &e) < 0 ||
	    measure(client, argv[2], took, n, &e) < 0) {
		(void)fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	grpc_client_closep(&client);
	loop_closep(&loop);
	qsort(took, n, sizeof(*took), compare);
	(void)printf("{\"calls\": %zu, \"answered\": %zu, \"least_us\": %.0f, \"median_us\": %.0f, "
		     "\"p99_us\": %.0f, \"most_us\": %.0f}\n",
		     n, answers, took[0], took[n / 2], took[n * 99 / 100], took[n - 1]);
	free(took);
	return answers != n;
}
