// SPDX-License-Identifier: Apache-2.0
/** DEL and GC: take away what is ours, whatever has become of the rest. */
#include "base/steps.h"
#include "bridge.h"
#include "cni/ipmasq.h"
#include "cni/veth.h"

int bridge_del(const struct cni_call *call, struct err *e)
{
	_cleanup_(bridge_job_done) struct bridge_job job = {};
	struct steps steps = {.first = e};

	if (bridge_job_open(&job, call, e) < 0)
		return -1;
	// nf_tables first, its socket closed last: closing waits for pending deletions, and the
	// deletion of the link takes as long anyway. The address is free only when nobody has it.
	step(&steps, ipmasq_del(&job.masq, call, job.conf->ip_masq, &steps.err));
	if (step(&steps, veth_del(call, job.nl, job.conf->bridge, &steps.err)) == 0) {
		step(&steps, ipam_del(&job.ipam, &steps.err));
		// Last, for until its port is gone the container can still send.
		step(&steps,
		     ruleset_del(&job.macspoof, &call->at, job.conf->macspoofchk, &steps.err));
	}
	return steps.rc;
}

int bridge_gc(const struct cni_call *call, struct err *e)
{
	_cleanup_(bridge_job_done) struct bridge_job job = {};
	struct steps steps = {.first = e};

	if (bridge_job_open(&job, call, e) < 0)
		return -1;
	step(&steps, ipmasq_gc(&job.masq, call, job.conf->ip_masq, &steps.err));
	// As with DEL: while a port may still be there, its address and its binding stay.
	if (step(&steps, veth_gc(call, job.nl, &steps.err)) == 0) {
		step(&steps, ipam_gc(&job.ipam, &steps.err));
		step(&steps, ruleset_gc(&job.macspoof, call->at.network, cni_call_keeps, call,
					job.conf->macspoofchk, &steps.err));
	}
	return steps.rc;
}
