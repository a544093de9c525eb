// SPDX-License-Identifier: Apache-2.0
/** CHECK and STATUS: compare the node with what ADD made; say whether an ADD would succeed. */
#include "base/log.h"
#include "firewall.h"
#include "netlink/port.h"

static int check_ports(const struct firewall_job *job, struct err *e)
{
	for (size_t i = 0; i < job->n_ports; i++) {
		struct port port;

		if (port_get(job->nl, job->ports[i].index, &port, e) < 0)
			return -1;
		if (!port.isolated)
			return err_set(e, ERR_MISMATCH, "port %s is not isolated",
				       job->ports[i].name);
	}
	return 0;
}

int firewall_verb_check(const struct cni_call *call, struct err *e)
{
	_cleanup_(firewall_job_done) struct firewall_job job = {};

	if (firewall_job_open(&job, call, e) < 0)
		return -1;
	if (job.want.policy == FIREWALL_ISOLATED && check_ports(&job, e) < 0)
		return err_wrap(e, "ingressPolicy");
	return job.want.n_ips ? firewall_check(&job.rules, &call->at, &job.want, e) : 0;
}

int firewall_verb_status(const struct cni_call *call, struct err *e)
{
	_cleanup_(firewall_job_done) struct firewall_job job = {};
	bool mended;

	if (firewall_job_open(&job, call, e) < 0 || firewall_status(&job.rules, &mended, e) < 0)
		return -1;
	if (mended)
		log_warn("the ruleset was flushed or changed, and has been rebuilt");
	return 0;
}
