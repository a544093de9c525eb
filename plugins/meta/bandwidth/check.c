// SPDX-License-Identifier: Apache-2.0
/** CHECK and STATUS: compare the node with the configuration. */
#include <errno.h>
#include <string.h>

#include "bandwidth.h"
#include "cni/veth.h"

static int check_bucket(const struct bandwidth_job *job, const struct link *link,
			const struct tbf *tbf, struct err *e)
{
	struct qdisc q;

	if (qdisc_get(job->nl, link->index, QDISC_ROOT, &q, e) < 0)
		return -1;
	if (strcmp(q.kind, "tbf") != 0)
		return err_set(e, ERR_MISMATCH, "the tbf on %s is missing", link->name);
	if (!qdisc_is_tbf(&q, tbf))
		return err_set(e, ERR_MISMATCH,
			       "the tbf on %s is not that of the configuration: %llu bytes per "
			       "second in bursts of %u",
			       link->name, (unsigned long long)tbf->rate, tbf->burst);
	return 0;
}

/** All that comes from the container goes through the ifb, at this rate. */
static int check_egress(const struct bandwidth_job *job, struct err *e)
{
	struct link ifb;
	bool found;

	if (link_get(job->nl, job->ifb, &ifb, e) < 0)
		return e->os == ENODEV
			       ? err_set(e, ERR_MISMATCH, "%s is missing on the node", job->ifb)
			       : -1;
	if (!(ifb.flags & IFF_UP))
		return err_set(e, ERR_MISMATCH, "%s is down", ifb.name);
	if (qdisc_find_redirect(job->nl, job->host.index, ifb.index, &found, e) < 0)
		return -1;
	if (!found)
		return err_set(e, ERR_MISMATCH, "what comes in by %s is not redirected to %s",
			       job->host.name, ifb.name);
	return check_bucket(job, &ifb, &job->egress, e);
}

int bandwidth_check(const struct cni_call *call, struct err *e)
{
	_cleanup_(bandwidth_job_done) struct bandwidth_job job = {.call = call};

	if (bandwidth_read_limits(&job, e) < 0)
		return -1;
	if (!job.ingress.rate && !job.egress.rate)
		return 0;
	if (bandwidth_job_open(&job, e) < 0 || veth_need(call, &job.host, e) < 0 ||
	    (job.ingress.rate && check_bucket(&job, &job.host, &job.ingress, e) < 0))
		return -1;
	return job.egress.rate ? check_egress(&job, e) : 0;
}

int bandwidth_status(const struct cni_call *call, struct err *e)
{
	struct bandwidth_job job = {.call = call};

	return bandwidth_read_limits(&job, e);
}
