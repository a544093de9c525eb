// SPDX-License-Identifier: Apache-2.0
/** Behind another plugin: the programs at the node's end of the pair that it made. */
#include <errno.h>

#include "cni/veth.h"
#include "ebpf.h"

/** What the pod takes for its gateway's: the bridge's, of a port, else that of its other end. */
static int find_node_mac(const struct ebpf_job *job, const struct link *host, struct mac *mac,
			 struct err *e)
{
	struct link end, bridge;

	*mac = host->mac;
	if (link_get_index(job->nl, host->index, &end, e) < 0)
		return -1;
	if (!end.master)
		return 0;
	if (link_get_index(job->nl, end.master, &bridge, e) < 0)
		return -1;
	*mac = bridge.mac;
	return 0;
}

int ebpf_chain_find(const struct ebpf_job *job, struct ebpf_pod *pod, struct err *e)
{
	const struct cni_call *call = job->call;
	const struct cni_iface *iface = cni_call_iface(call);
	struct link host;

	*pod = (struct ebpf_pod){.flags = ebpf_flags(job)};
	if (!iface || !iface->mac || mac_parse(&pod->mac, iface->mac))
		return err_set(e, ERR_CONFIG, "prevResult: lacks the MAC address of %s",
			       call->at.ifname);
	if (ebpf_pod_addresses(job, call->prev, pod, e) < 0)
		return -1;
	if (!pod->n_ips)
		return err_set(e, ERR_CONFIG, "prevResult: lacks an address of %s",
			       call->at.ifname);
	if (veth_find(call, job->nl, &host, e) < 0 || veth_need(call, &host, e) < 0)
		return -1;
	pod->index = host.index;
	return find_node_mac(job, &host, &pod->node_mac, e);
}

/** An earlier ADD's are not ours to take back when we fail. */
static int refuse_known(const struct ebpf_job *job, const struct ebpf_pod *pod, struct err *e)
{
	struct interface is;
	int rc = datapath_get_interface(&job->datapath, pod->index, &is, e);

	if (rc <= 0)
		return rc;
	(void)err_set(e, ERR_EXISTS, "data path: interface %d exists already", pod->index);
	return err_hint(e, "left by an earlier ADD for this container: DEL removes it");
}

int ebpf_chain_add(struct ebpf_job *job, struct err *e)
{
	_cleanup_(undo_rollback) struct undo undo = {.arena = job->call->arena};
	struct ebpf_pod pod;

	if (ebpf_check_conf(job, e) < 0 || ebpf_chain_find(job, &pod, e) < 0 ||
	    ebpf_load(job, e) < 0 || refuse_known(job, &pod, e) < 0 ||
	    ebpf_refuse_taken(job, &pod, e) < 0)
		return -1;
	if (ebpf_attach(job, &pod, &undo, e) < 0 || ebpf_put_endpoints(job, &pod, e) < 0)
		return -1;
	undo_commit(&undo);
	return 0;
}
