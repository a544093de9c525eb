// SPDX-License-Identifier: Apache-2.0
/** DEL and GC: take away what is ours, whatever has become of the rest. */
#include <errno.h>
#include <string.h>

#include "base/steps.h"
#include "cni/ipmasq.h"
#include "cni/veth.h"
#include "ebpf.h"

/** Where nothing is loaded there is nothing to forget: job->datapath stays closed. */
static int open_datapath(struct ebpf_job *job, struct err *e)
{
	return datapath_find(&job->datapath, e) < 0 && e->os != ENOENT ? -1 : 0;
}

static bool is_open(const struct ebpf_job *job)
{
	return job->datapath.interfaces >= 0;
}

/** The node's end, unless it is that of an attachment to another network; index 0 if it is gone. */
static int find_host(const struct ebpf_job *job, struct link *host, struct err *e)
{
	const struct cni_call *call = job->call;
	char name[IFNAMSIZ], tag[ATTACHMENT_TAG];

	if (veth_find(call, job->nl, host, e) < 0)
		return -1;
	if (host->index && strcmp(host->name, attachment_host_name(&call->at, name)) != 0 &&
	    host->alias[0] && strcmp(host->alias, attachment_tag(&call->at, tag)) != 0)
		host->index = 0;
	return 0;
}

/** An index is not given again, so what has an entry and no interface is nobody's any more. */
static int forget_dead(int index, const struct interface *is, void *ctx, struct err *e)
{
	const struct ebpf_job *job = ctx;
	struct link link;

	(void)is;
	if (link_get_index(job->nl, index, &link, e) == 0)
		return 0;
	return e->os == ENODEV ? datapath_forget_interface(&job->datapath, index, e) : -1;
}

/** The programs' entries of the pod, and their filters if it keeps its interface. */
static int forget(struct ebpf_job *job, const struct link *host, struct err *e)
{
	struct interface is;
	int known;

	if (!host->index)
		return ebpf_interfaces_each(job, forget_dead, job, e);
	known = datapath_get_interface(&job->datapath, host->index, &is, e);
	if (known < 0)
		return -1;
	if (known) // the configuration may have changed since
		job->chained = is.flags & ENDPOINT_CHAINED;
	return datapath_forget_interface(&job->datapath, host->index, e);
}

/** The pair is ours too. The address is free only when nobody has it. */
static void delete_own(struct ebpf_job *job, struct steps *steps)
{
	if (step(steps, veth_del(job->call, job->nl, NULL, &steps->err)) == 0)
		step(steps, ipam_del(&job->ipam, &steps->err));
}

int ebpf_del(const struct cni_call *call, struct err *e)
{
	_cleanup_(ebpf_job_done) struct ebpf_job job = {};
	struct steps steps = {.first = e};
	struct link host = {};
	int found;

	if (ebpf_job_open(&job, call, e) < 0)
		return -1;
	found = step(&steps, find_host(&job, &host, &steps.err));
	if (found == 0 && step(&steps, open_datapath(&job, &steps.err)) == 0 && is_open(&job))
		step(&steps, forget(&job, &host, &steps.err));
	if (job.chained && host.index)
		step(&steps, datapath_detach(job.nl, host.index, &steps.err));
	if (job.chained)
		return steps.rc;
	datapath_close(&job.datapath); // no loader need wait for the deletion
	// nf_tables first, its socket closed last: closing waits for pending deletions, and the
	// deletion of the link takes as long anyway.
	step(&steps, ipmasq_del(&job.masq, call, job.conf->ip_masq, &steps.err));
	delete_own(&job, &steps);
	return steps.rc;
}

/** What a GC has found to go. */
struct collection {
	const struct ebpf_job *job;
	struct nl_msg *removals;
};

static int collect(int index, const struct interface *is, void *ctx, struct err *e)
{
	const struct collection *c = ctx;
	const struct ebpf_job *job = c->job;
	struct link link;

	if (link_get_index(job->nl, index, &link, e) < 0)
		return e->os == ENODEV ? datapath_forget_interface(&job->datapath, index, e) : -1;
	if (!attachment_tag_is_of(link.alias, job->call->at.network) ||
	    cni_call_keeps(link.alias, job->call))
		return 0;
	if (datapath_forget_interface(&job->datapath, index, e) < 0)
		return -1;
	if (is->flags & ENDPOINT_CHAINED)
		return datapath_detach(job->nl, index, e);
	link_del_index(c->removals, index);
	return 0;
}

static int collect_entries(struct ebpf_job *job, struct nl_msg *removals, struct err *e)
{
	struct collection c = {job, removals};

	if (open_datapath(job, e) < 0)
		return -1;
	return is_open(job) ? ebpf_interfaces_each(job, collect, &c, e) : 0;
}

/** As with DEL: while an interface may still be there, its address stays taken. */
int ebpf_gc(const struct cni_call *call, struct err *e)
{
	_cleanup_(ebpf_job_done) struct ebpf_job job = {};
	_cleanup_(nl_msg_free) struct nl_msg removals = {};
	struct steps steps = {.first = e};

	if (ebpf_job_open(&job, call, e) < 0)
		return -1;
	step(&steps, collect_entries(&job, &removals, &steps.err));
	datapath_close(&job.datapath);
	if (!job.chained)
		step(&steps, ipmasq_gc(&job.masq, call, job.conf->ip_masq, &steps.err));
	if (step(&steps, nl_call(job.nl, &removals, &steps.err)) < 0 || job.chained)
		return steps.rc;
	if (step(&steps, veth_gc(call, job.nl, &steps.err)) == 0)
		step(&steps, ipam_gc(&job.ipam, &steps.err));
	return steps.rc;
}
