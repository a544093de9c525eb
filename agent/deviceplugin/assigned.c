// SPDX-License-Identifier: Apache-2.0
#include "deviceplugin/assigned.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "deviceplugin/plugin.h"
#include "deviceplugin/pool.h"
#include "grpc/api/kubelet.h"

enum {
	ANSWER_MS = 1000, ///< a kubelet that takes longer is as good as none
	GRACE_MS = 10000, ///< between Allocate and the kubelet's knowing of it
	RETRY_MS = 1000,  ///< then twice as long, and so on
	RETRY_MAX_MS = 30000,
};

static struct dp_assignment *find(const struct dp_assigned *a, const char *address)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->list[i].address, address))
			return &a->list[i];
	return NULL;
}

const struct dp_assignment *dp_assigned_find(const struct dp_assigned *a, const char *address)
{
	return find(a, address);
}

static struct dp_assignment *add(struct dp_assigned *a, const char *address)
{
	struct dp_assignment *one = find(a, address);

	if (!one && a->n == a->room) {
		size_t room = a->room ? a->room * 2 : 16;
		struct dp_assignment *more = realloc(a->list, room * sizeof(*more));

		if (!more)
			return NULL;
		a->list = more;
		a->room = room;
	}
	if (!one)
		one = &a->list[a->n++];
	*one = (struct dp_assignment){.since = loop_now()};
	(void)snprintf(one->address, sizeof(one->address), "%s", address);
	return one;
}

void dp_assigned_note(struct dp_assigned *a, const char *address)
{
	if (!add(a, address))
		log_warn("%s: out of memory: it may be withdrawn while its pod runs", address);
}

static void take(struct dp_assigned *a, const char *address, const Podresources__Pod *pod,
		 const Podresources__Container *container)
{
	struct dp_assignment *one = add(a, address);

	if (!one)
		return;
	one->confirmed = true;
	(void)snprintf(one->pod, sizeof(one->pod), "%s", pod->name);
	(void)snprintf(one->namespace_name, sizeof(one->namespace_name), "%s", pod->namespace_name);
	(void)snprintf(one->container, sizeof(one->container), "%s", container->name);
}

static void take_container(struct dp_assigned *a, const Podresources__Pod *pod,
			   const Podresources__Container *container)
{
	for (size_t i = 0; i < container->n_devices; i++) {
		const Podresources__Devices *d = container->devices[i];

		if (!dp_pool_find(a->dp, d->resource_name))
			continue;
		for (size_t k = 0; k < d->n_ids; k++)
			if (!pci_address_check(d->ids[k]))
				take(a, d->ids[k], pod, container);
	}
}

/** What the kubelet does not name is nobody's, unless it has asked for it only just now. */
static void on_answer(const ProtobufCMessage *m, void *ctx)
{
	const Podresources__ListResponse *answer = (const void *)m;
	struct dp_assigned *a = ctx;
	size_t kept = 0;

	a->answered = true;
	a->pause = 0;
	for (size_t i = 0; i < a->n; i++)
		if (!a->list[i].confirmed && a->list[i].since + GRACE_MS > a->asked)
			a->list[kept++] = a->list[i];
	a->n = kept;
	for (size_t i = 0; i < answer->n_pods; i++)
		for (size_t k = 0; k < answer->pods[i]->n_containers; k++)
			take_container(a, answer->pods[i], answer->pods[i]->containers[k]);
}

/** Where a container has a device the answer matters: it is asked for again. */
static void ask_later(struct dp_assigned *a)
{
	const struct dp_inventory *inv = &a->dp->inventory;
	bool matters = false;
	struct err e;

	for (size_t i = 0; i < inv->n; i++)
		matters |= inv->devices[i].hold.kind != VF_FREE;
	if (!matters)
		return;
	a->pause = a->pause ? a->pause * 2 : RETRY_MS;
	if (a->pause > RETRY_MAX_MS)
		a->pause = RETRY_MAX_MS;
	if (loop_timer_set(a->dp->loop, &a->retry, a->pause, &e) < 0)
		log_warn("%s", e.msg);
}

static void on_end(const struct grpc_status *status, void *ctx)
{
	struct dp_assigned *a = ctx;
	bool again = a->again;

	if (status->code != GRPC_OK)
		log_info("the kubelet does not say which devices are in use: %s", status->text);
	grpc_client_closep(&a->client);
	a->again = false;
	dp_publish(a->dp);
	if (again)
		dp_assigned_ask(a);
	else if (status->code != GRPC_OK)
		ask_later(a);
}

static void on_retry(void *ctx)
{
	dp_assigned_ask(ctx);
}

void dp_assigned_open(struct dp_assigned *a, struct dp *dp)
{
	*a = (struct dp_assigned){.dp = dp, .retry = {.fn = on_retry, .ctx = a}};
}

void dp_assigned_ask(struct dp_assigned *a)
{
	const Podresources__ListRequest nothing = PODRESOURCES__LIST_REQUEST__INIT;
	const struct grpc_request request = {
		.path = PODRESOURCES_LIST,
		.message = &nothing.base,
		.reply = &podresources__list_response__descriptor,
		.timeout_ms = ANSWER_MS,
		.on_message = on_answer,
		.on_end = on_end,
		.ctx = a,
	};
	char path[PATH_MAX];
	struct err e = {};

	if (a->client) {
		a->again = true;
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/pod-resources/kubelet.sock", a->dp->options.kubelet);
	a->asked = loop_now();
	loop_timer_stop(a->dp->loop, &a->retry);
	if (grpc_client_open(&a->client, a->dp->loop, path, &e) < 0 ||
	    grpc_client_call(a->client, &request, NULL, &e) < 0) {
		log_info("%s", e.msg);
		grpc_client_closep(&a->client);
		dp_publish(a->dp);
		ask_later(a);
	}
}

void dp_assigned_free(struct dp_assigned *a)
{
	struct grpc_client *client = TAKE_PTR(a->client); // on_end() finds none any more

	a->again = false;
	grpc_client_closep(&client);
	loop_timer_stop(a->dp->loop, &a->retry);
	free(a->list);
	*a = (struct dp_assigned){};
}
