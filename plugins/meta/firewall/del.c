// SPDX-License-Identifier: Apache-2.0
/** DEL and GC: take away what is ours, by the record, or by the comment that says whose it is. */
#include "firewall.h"

int firewall_verb_del(const struct cni_call *call, struct err *e)
{
	_cleanup_(firewall_job_done) struct firewall_job job = {};

	// The port stays isolated until it goes: the container may still be there.
	if (firewall_job_open(&job, call, e) < 0)
		return -1;
	if (firewall_del(&job.rules, &call->at, job.want.iptables, true, e) < 0)
		return -1;
	ruleset_done_later(&job.rules);
	return 0;
}

int firewall_verb_gc(const struct cni_call *call, struct err *e)
{
	_cleanup_(firewall_job_done) struct firewall_job job = {};

	if (firewall_job_open(&job, call, e) < 0)
		return -1;
	if (firewall_gc(&job.rules, call->at.network, cni_call_keeps, call, e) < 0)
		return -1;
	ruleset_done_later(&job.rules);
	return 0;
}
