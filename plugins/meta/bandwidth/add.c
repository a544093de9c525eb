// SPDX-License-Identifier: Apache-2.0
/** ADD: a token bucket on the node's end of the pair, another on an ifb behind it. */
#include <errno.h>
#include <stdio.h>

#include "bandwidth.h"
#include "base/steps.h"
#include "base/undo.h"
#include "cni/iface.h"
#include "cni/veth.h"

/** A packet that is larger than the bucket would never get through. */
static int check_burst(const struct bandwidth_job *job, const struct tbf *tbf,
		       const char *direction, struct err *e)
{
	enum { HEADER = 14, BITS = 8 };
	uint32_t frame = job->host.mtu + HEADER;

	if (!tbf->rate || tbf->burst >= frame)
		return 0;
	return err_set(e, ERR_CONFIG,
		       "%s%sBurst: less than one packet: with an MTU of %u it must be %u or "
		       "more",
		       job->at, direction, job->host.mtu, frame * BITS);
}

static int refuse_taken_place(const struct bandwidth_job *job, enum qdisc_place place,
			      struct err *e)
{
	struct qdisc there;

	if (qdisc_get(job->nl, job->host.index, place, &there, e) < 0)
		return -1;
	if (!there.kind[0])
		return 0;
	(void)err_set(e, ERR_EXISTS, "%s has a qdisc %s already", job->host.name, there.kind);
	return err_hint(e, "left by an earlier ADD for this container: DEL removes it; or somebody "
			   "else's");
}

/** What is there already is not ours to change, nor to take away when we fail. */
static int refuse_taken(const struct bandwidth_job *job, struct err *e)
{
	if (job->ingress.rate && refuse_taken_place(job, QDISC_ROOT, e) < 0)
		return -1;
	if (!job->egress.rate)
		return 0;
	if (refuse_taken_place(job, QDISC_INGRESS, e) < 0)
		return -1;
	if (!nl_ifindex(job->nl, job->ifb))
		return 0;
	(void)err_set(e, ERR_EXISTS, "%s exists already on the node", job->ifb);
	return err_hint(e, "left by an earlier ADD for this container: DEL removes it");
}

/** The ifb with its bucket, down. */
static int make_ifb(const struct bandwidth_job *job, struct link *ifb, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	char tag[ATTACHMENT_TAG];

	link_add_ifb(&m, ifb->name, &ifb->mac, ifb->mtu);
	// In one system call with the making, so that no kill comes between: GC goes by the mark.
	link_set_alias(&m, ifb->name, attachment_tag(&job->call->at, tag));
	if (nl_call(job->nl, &m, e) < 0)
		return -1;
	ifb->index = nl_ifindex(job->nl, ifb->name);
	if (!ifb->index)
		return err_os(e, ERR_KERNEL, ENODEV, "find %s", ifb->name);
	// Before it is up, when nothing can be on its way through and the kernel need not wait.
	qdisc_add_tbf(&m, ifb->index, &job->egress);
	link_set_no_ipv6_address(&m, ifb->index);
	return nl_call(job->nl, &m, e) < 0 && e->os != EAFNOSUPPORT ? -1 : 0;
}

/** refuse_taken() has looked only where something is to be limited. */
static int undo_limits(void *ctx, int unused, struct err *e)
{
	const struct bandwidth_job *job = ctx;
	struct steps steps = {.first = e};

	(void)unused;
	if (job->egress.rate)
		step(&steps, bandwidth_remove_egress(job, &steps.err));
	if (job->ingress.rate)
		step(&steps, bandwidth_remove_ingress(job, &steps.err));
	return steps.rc;
}

/** What the container sends goes through an ifb, for a bucket works on what leaves a device only.
 */
static int limit_egress(const struct bandwidth_job *job, struct nl_msg *m,
			struct cni_result *result, struct err *e)
{
	struct link ifb = {.mtu = job->host.mtu, .mac = mac_random()};

	(void)snprintf(ifb.name, sizeof(ifb.name), "%s", job->ifb);
	if (make_ifb(job, &ifb, e) < 0)
		return -1;
	link_set_flags(m, ifb.index, IFF_UP, IFF_UP);
	qdisc_add_ingress(m, job->host.index);
	qdisc_add_redirect(m, job->host.index, ifb.index);
	return iface_report(job->call, result, &ifb, &ifb.mac, NULL, e);
}

int bandwidth_add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	_cleanup_(bandwidth_job_done) struct bandwidth_job job = {.call = call};
	_cleanup_(undo_rollback) struct undo undo = {.arena = call->arena};
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	if (bandwidth_read_limits(&job, e) < 0)
		return -1;
	if (!job.ingress.rate && !job.egress.rate)
		return 0;
	if (bandwidth_job_open(&job, e) < 0 || veth_need(call, &job.host, e) < 0 ||
	    check_burst(&job, &job.ingress, "ingress", e) < 0 ||
	    check_burst(&job, &job.egress, "egress", e) < 0 || refuse_taken(&job, e) < 0)
		return -1;
	// First, for of what the kernel has done we may not hear; nothing of it was there before.
	if (undo_push(&undo, undo_limits, &job, 0, e) < 0)
		return -1;
	if (job.egress.rate && limit_egress(&job, &m, result, e) < 0)
		return -1;
	if (job.ingress.rate)
		qdisc_add_tbf(&m, job.host.index, &job.ingress);
	if (nl_call(job.nl, &m, e) < 0)
		return -1;
	undo_commit(&undo);
	return 0;
}
