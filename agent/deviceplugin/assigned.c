// SPDX-License-Identifier: Apache-2.0
#include "deviceplugin/assigned.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "deviceplugin/plugin.h"
#include "grpc/api/kubelet.h"

enum {
	ANSWER_MS = 1000, ///< a kubelet that takes longer is as good as none
	GRACE_MS = 10000, ///< between Allocate and the kubelet's knowing of it
	RETRY_MS = 1000,  ///< then twice as long, and so on
	RETRY_MAX_MS = 30000,
	DOUBT_MS = 30000,  ///< a kubelet that has started knows its pods by then
	ENDING_MS = 10000, ///< it names a pod for a while after its DEL
};

static struct dp_assignment *find(const struct dp_assigned *a, const char *address,
				  const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->list[i].address, address) && !strcmp(a->list[i].resource, name))
			return &a->list[i];
	return NULL;
}

const struct dp_assignment *dp_assigned_find(const struct dp_assigned *a, const char *address)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->list[i].address, address))
			return &a->list[i];
	return NULL;
}

const struct dp_assignment *dp_assigned_as(const struct dp_assigned *a, const char *address,
					   const char *name)
{
	return find(a, address, name);
}

const struct dp_assignment *dp_assigned_otherwise(const struct dp_assigned *a, const char *address,
						  const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->list[i].address, address) && strcmp(a->list[i].resource, name) != 0)
			return &a->list[i];
	return NULL;
}

static struct dp_assignment *add(struct dp_assigned *a, const char *address, const char *name)
{
	struct dp_assignment *one = find(a, address, name);

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
	(void)snprintf(one->resource, sizeof(one->resource), "%s", name);
	return one;
}

static void take(struct dp_assigned *a, const char *address, const char *name,
		 const Podresources__Pod *pod, const Podresources__Container *container)
{
	struct dp_assignment *one = add(a, address, name);

	if (!one)
		return;
	one->confirmed = true;
	(void)snprintf(one->pod, sizeof(one->pod), "%s", pod->name);
	(void)snprintf(one->namespace_name, sizeof(one->namespace_name), "%s", pod->namespace_name);
	(void)snprintf(one->container, sizeof(one->container), "%s", container->name);
}

/** Of all resources, also those that are not ours any more, or were never: what is in use is in
 * use. */
static void take_container(struct dp_assigned *a, const Podresources__Pod *pod,
			   const Podresources__Container *container)
{
	for (size_t i = 0; i < container->n_devices; i++) {
		const Podresources__Devices *d = container->devices[i];

		for (size_t k = 0; k < d->n_ids; k++)
			if (!pci_address_check(d->ids[k]))
				take(a, d->ids[k], d->resource_name, pod, container);
	}
}

static bool is_in_use(const struct dp_assigned *a, const char *address)
{
	const struct dp_device *d = dp_inventory_find(&a->dp->inventory, address);

	return d && d->hold.kind != VF_FREE;
}

/** Whether an assignment that an answer does not name may be one nevertheless. */
static bool may_be(const struct dp_assigned *a, const struct dp_assignment *one)
{
	if (!one->confirmed && one->since + GRACE_MS > a->asked)
		return true; // it has asked us only just now
	return one->confirmed && a->asked < a->doubt && is_in_use(a, one->address);
}

/** What the kubelet does not name is nobody's, unless it cannot know. */
static void on_answer(const ProtobufCMessage *m, void *ctx)
{
	const Podresources__ListResponse *answer = (const void *)m;
	struct dp_assigned *a = ctx;
	size_t kept = 0;

	a->answered |= a->asked >= a->doubt;
	for (size_t i = 0; i < a->n; i++)
		if (may_be(a, &a->list[i]))
			a->list[kept++] = a->list[i];
	a->n = kept;
	for (size_t i = 0; i < answer->n_pods; i++)
		for (size_t k = 0; k < answer->pods[i]->n_containers; k++)
			take_container(a, answer->pods[i], answer->pods[i]->containers[k]);
}

/** Whether the next answer may say otherwise of one, though nothing tells us when. */
static bool may_change(const struct dp_assigned *a, const struct dp_assignment *one)
{
	const struct dp_device *d = dp_inventory_find(&a->dp->inventory, one->address);
	char buf[DP_WHY];

	if (!one->confirmed || (d && *dp_elsewhere(a->dp, d, buf)))
		return true;
	return a->asked < a->ending && d && d->pci.is_vf && d->hold.kind == VF_FREE;
}

/** Whether a container has a device that the answer has not named; @answered: there was one. */
static bool is_open(const struct dp_assigned *a, bool answered)
{
	const struct dp_inventory *inv = &a->dp->inventory;

	for (size_t i = 0; i < a->n; i++)
		if (may_change(a, &a->list[i]))
			return true;
	for (size_t i = 0; i < inv->n; i++) {
		const struct dp_device *d = &inv->devices[i];
		const struct dp_assignment *one = dp_assigned_find(a, d->pci.vf.address);
		bool lives = d->hold.kind == VF_HELD || d->hold.kind == VF_AWAY;

		if (answered ? lives && (!one || one->since < a->asked) : d->hold.kind != VF_FREE)
			return true;
	}
	return false;
}

static void ask_later(struct dp_assigned *a)
{
	struct err e;

	a->pause = a->pause ? a->pause * 2 : RETRY_MS;
	if (a->pause > RETRY_MAX_MS)
		a->pause = RETRY_MAX_MS;
	if (loop_timer_set(a->dp->loop, &a->retry, a->pause, &e) < 0)
		log_warn("%s", e.msg);
}

void dp_assigned_note(struct dp_assigned *a, const char *address, const char *name)
{
	if (!add(a, address, name))
		log_warn("%s: out of memory: it may be withdrawn while its pod runs", address);
	if (!a->client && !a->retry.place)
		ask_later(a); // for whom it was
}

/** Where a container has a device the answer matters: it is asked for again. */
static void conclude(struct dp_assigned *a, bool answered)
{
	bool again = a->again;

	a->again = false;
	dp_publish(a->dp);
	if (again)
		dp_assigned_ask(a);
	else if (is_open(a, answered))
		ask_later(a);
	else
		a->pause = 0;
}

static void on_end(const struct grpc_status *status, void *ctx)
{
	struct dp_assigned *a = ctx;

	if (status->code != GRPC_OK)
		log_info("the kubelet does not say which devices are in use: %s", status->text);
	grpc_client_closep(&a->client);
	conclude(a, status->code == GRPC_OK);
}

static void on_retry(void *ctx)
{
	dp_assigned_ask(ctx);
}

void dp_assigned_open(struct dp_assigned *a, struct dp *dp)
{
	*a = (struct dp_assigned){.dp = dp, .retry = {.fn = on_retry, .ctx = a}};
	a->doubt = loop_now() + DOUBT_MS; // it may be starting, too
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
		conclude(a, false);
	}
}

void dp_assigned_changed(struct dp_assigned *a)
{
	a->ending = loop_now() + ENDING_MS;
	dp_assigned_ask(a);
}

void dp_assigned_meet(struct dp_assigned *a)
{
	a->doubt = loop_now() + DOUBT_MS;
	a->pause = 0;
	dp_assigned_ask(a);
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
