// SPDX-License-Identifier: Apache-2.0
/** DEL and GC: what is taken away is found by names alone. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bandwidth.h"
#include "base/sha512.h"
#include "base/steps.h"
#include "cni/iface.h"

static int delete_ifb(const struct bandwidth_job *job, const char *name, struct err *e)
{
	int index = nl_ifindex(job->nl, name);

	return index ? undo_link_del(job->nl, index, e) : 0;
}

/** Whether prevResult lists the interface; without prevResult anything may be. */
static bool may_be_listed(const struct cni_call *call, const char *name)
{
	for (size_t i = 0; call->prev && i < call->prev->n_ifaces; i++)
		if (call->prev->ifaces[i].name && !strcmp(call->prev->ifaces[i].name, name))
			return true;
	return !call->prev;
}

/**
 * The ifb that the reference plugin made before us. Its name tells network and container only, so
 * another interface of the container may be whose it is.
 */
static int delete_foreign_ifb(const struct bandwidth_job *job, struct err *e)
{
	const struct attachment *at = &job->call->at;
	const char *text = arena_printf(job->call->arena, "%s%s", at->network, at->container);
	uint8_t hash[SHA512_SIZE];
	char name[IFNAMSIZ];

	if (!text)
		return err_set(e, ERR_TRY_AGAIN,
			       "find what the reference plugin left: out of memory");
	sha512(text, strlen(text), hash);
	(void)snprintf(name, sizeof(name), "bwp%02x%02x%02x%02x%02x%02x", hash[0], hash[1], hash[2],
		       hash[3], hash[4], hash[5]);
	return may_be_listed(job->call, name) ? delete_ifb(job, name, e) : 0;
}

int bandwidth_remove_egress(const struct bandwidth_job *job, struct err *e)
{
	struct steps steps = {.first = e};

	// The pair may stay a while; a redirection to an ifb that has gone would drop everything.
	if (job->host.index)
		step(&steps, qdisc_del(job->nl, job->host.index, QDISC_INGRESS, &steps.err));
	step(&steps, delete_ifb(job, job->ifb, &steps.err));
	return steps.rc;
}

int bandwidth_remove_ingress(const struct bandwidth_job *job, struct err *e)
{
	return job->host.index ? qdisc_del(job->nl, job->host.index, QDISC_ROOT, e) : 0;
}

int bandwidth_del(const struct cni_call *call, struct err *e)
{
	_cleanup_(bandwidth_job_done) struct bandwidth_job job = {.call = call};
	struct steps steps = {.first = e};

	if (bandwidth_job_open(&job, e) < 0)
		return -1;
	step(&steps, bandwidth_remove_egress(&job, &steps.err));
	step(&steps, bandwidth_remove_ingress(&job, &steps.err));
	step(&steps, delete_foreign_ifb(&job, &steps.err));
	return steps.rc;
}

int bandwidth_gc(const struct cni_call *call, struct err *e)
{
	_cleanup_(nl_closep) struct nl *nl = nl_open(NETLINK_ROUTE, e);

	return nl ? iface_gc(call, nl, "ifb", e) : -1;
}
