// SPDX-License-Identifier: Apache-2.0
/** CHECK and STATUS: compare the node with what ADD reported; say whether an ADD would succeed. */
#include "cni/iface.h"
#include "cni/ipmasq.h"
#include "cni/mend.h"
#include "cni/p2p.h"
#include "cni/veth.h"
#include "ptp.h"

int ptp_check(const struct cni_call *call, struct err *e)
{
	_cleanup_(ptp_job_done) struct ptp_job job = {};
	struct link host;
	struct mac mac;

	if (ptp_job_open(&job, call, e) < 0 || ipam_check(&job.ipam, e) < 0 ||
	    veth_check(call, job.nl, NULL, &host, e) < 0 ||
	    iface_check_p2p(call, &host.mac, &mac, e) < 0 ||
	    p2p_check(call, job.nl, &host, &mac, e) < 0)
		return -1;
	return job.conf->ip_masq ? ipmasq_check(&job.masq, call, e) : 0;
}

int ptp_status(const struct cni_call *call, struct err *e)
{
	_cleanup_(ptp_job_done) struct ptp_job job = {};
	struct cni_result r = {};

	if (ptp_job_open(&job, call, e) < 0 || ptp_check_conf(&job, e) < 0)
		return -1;
	if (job.conf->ip_masq && cni_mend(&job.masq, e) < 0)
		return err_wrap(e, "ipMasq");
	if (ipam_foresee(&job.ipam, &r, e) < 0 || ptp_accept_addresses(&job, &r, e) < 0)
		return -1;
	return ipam_status(&job.ipam, e);
}
