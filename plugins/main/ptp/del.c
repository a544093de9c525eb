// SPDX-License-Identifier: Apache-2.0
/** DEL and GC: take away what is ours, whatever has become of the rest. */
#include "base/steps.h"
#include "cni/ipmasq.h"
#include "cni/veth.h"
#include "ptp.h"

int ptp_del(const struct cni_call *call, struct err *e)
{
	_cleanup_(ptp_job_done) struct ptp_job job = {};
	struct steps steps = {.first = e};

	if (ptp_job_open(&job, call, e) < 0)
		return -1;
	// nf_tables first, its socket closed last: closing waits for pending deletions, and the
	// deletion of the link takes as long anyway. With the link go its addresses, routes and
	// neighbours, and only then nobody has the address.
	step(&steps, ipmasq_del(&job.masq, call, job.conf->ip_masq, &steps.err));
	if (step(&steps, veth_del(call, job.nl, NULL, &steps.err)) == 0)
		step(&steps, ipam_del(&job.ipam, &steps.err));
	return steps.rc;
}

int ptp_gc(const struct cni_call *call, struct err *e)
{
	_cleanup_(ptp_job_done) struct ptp_job job = {};
	struct steps steps = {.first = e};

	if (ptp_job_open(&job, call, e) < 0)
		return -1;
	step(&steps, ipmasq_gc(&job.masq, call, job.conf->ip_masq, &steps.err));
	if (step(&steps, veth_gc(call, job.nl, &steps.err)) == 0)
		step(&steps, ipam_gc(&job.ipam, &steps.err));
	return steps.rc;
}
