// SPDX-License-Identifier: Apache-2.0
/** CHECK and STATUS: compare the node with what ADD reported; say whether an ADD would succeed. */
#include <errno.h>

#include "cni/iface.h"
#include "cni/ipmasq.h"
#include "cni/mend.h"
#include "cni/p2p.h"
#include "cni/veth.h"
#include "ebpf.h"

static int open_datapath(struct ebpf_job *job, struct err *e)
{
	if (datapath_find(&job->datapath, e) == 0)
		return 0;
	return e->os == ENOENT ? err_set(e, ERR_MISMATCH, "data path: nothing is loaded") : -1;
}

/** The pair that ADD made, both ends; @pod gets what the programs should know. */
static int check_link(const struct ebpf_job *job, struct ebpf_pod *pod, struct err *e)
{
	const struct cni_call *call = job->call;
	struct link host;

	*pod = (struct ebpf_pod){.flags = ebpf_flags(job)};
	if (veth_check(call, job->nl, NULL, &host, e) < 0 ||
	    iface_check_p2p(call, &host.mac, &pod->mac, e) < 0 ||
	    p2p_check(call, job->nl, &host, &pod->mac, e) < 0)
		return -1;
	pod->index = host.index;
	pod->node_mac = host.mac;
	return ebpf_pod_addresses(job, call->prev, pod, e);
}

int ebpf_check(const struct cni_call *call, struct err *e)
{
	_cleanup_(ebpf_job_done) struct ebpf_job job = {};
	struct ebpf_pod pod;

	if (ebpf_job_open(&job, call, e) < 0 || ebpf_check_conf(&job, e) < 0 ||
	    ipam_check(&job.ipam, e) < 0)
		return -1;
	if ((job.chained ? ebpf_chain_find(&job, &pod, e) : check_link(&job, &pod, e)) < 0)
		return -1;
	if (open_datapath(&job, e) < 0 || ebpf_check_entries(&job, &pod, e) < 0)
		return -1;
	return job.conf->ip_masq ? ipmasq_check(&job.masq, call, e) : 0;
}

/** No pod can come before these stand; uplinks that are new get their programs. */
static int mend(struct ebpf_job *job, struct err *e)
{
	if (ebpf_load(job, e) < 0) {
		e->code = ERR_UNAVAILABLE;
		return -1;
	}
	if (ebpf_uplinks_attach(job, e) < 0)
		return -1;
	return job->conf->ip_masq && cni_mend(&job->masq, e) < 0 ? err_wrap(e, "ipMasq") : 0;
}

int ebpf_status(const struct cni_call *call, struct err *e)
{
	_cleanup_(ebpf_job_done) struct ebpf_job job = {};
	struct cni_result r = {}, subnets;

	if (ebpf_job_open(&job, call, e) < 0 || ebpf_check_conf(&job, e) < 0)
		return -1;
	if ((!job.chained && ebpf_uplinks_find(&job, e) < 0) || mend(&job, e) < 0)
		return -1;
	if (job.chained)
		return 0;
	if (ipam_foresee(&job.ipam, &r, e) < 0 || ebpf_take_addresses(&job, &r, &subnets, e) < 0)
		return -1;
	return ipam_status(&job.ipam, e);
}
