// SPDX-License-Identifier: Apache-2.0
/** ADD: a veth pair between node and container, a route to each address, masquerading. */
#include "base/undo.h"
#include "cni/args.h"
#include "cni/iface.h"
#include "cni/ipmasq.h"
#include "cni/p2p.h"
#include "cni/veth.h"
#include "ptp.h"

int ptp_check_conf(const struct ptp_job *job, struct err *e)
{
	const struct ptp_conf *conf = job->conf;

	if (iface_check_mtu(conf->mtu, ipam_gives_ipv6(&job->ipam), e) < 0)
		return -1;
	if (job->ipam.kind == IPAM_NONE)
		return err_set(e, ERR_CONFIG,
			       "ipam.type: required, but missing: a point-to-point "
			       "network is made of addresses");
	return 0;
}

int ptp_accept_addresses(const struct ptp_job *job, struct cni_result *r, struct err *e)
{
	char text[PREFIX_TEXT];

	r->n_ifaces = 0;
	r->ifaces = NULL;
	if (iface_check_mtu(job->conf->mtu, cni_result_has_ipv6(r), e) < 0) // IPAM of others
		return -1;
	for (size_t i = 0; i < r->n_ips; i++) {
		struct cni_ip *ip = &r->ips[i];

		ip->iface = 1;
		(void)prefix_format(&ip->address, text);
		if (ip->gateway.family != ip->address.ip.family) {
			(void)err_set(e, ERR_CONFIG, "ipam: %s: address %s has no gateway",
				      job->ipam.type, text);
			return err_hint(e, "a point-to-point link needs an address for its other "
					   "end");
		}
		if (!ip_cmp(&ip->gateway, &ip->address.ip))
			return err_set(e, ERR_CONFIG, "ipam: %s: address %s is its own gateway",
				       job->ipam.type, text);
	}
	return 0;
}

/** Make the pair and complete the node's end, which goes to @host. */
static int connect_node(const struct ptp_job *job, const struct cni_result *r,
			const struct mac *mac, struct link *host, struct undo *undo, struct err *e)
{
	const struct veth pair = {.mtu = (uint32_t)job->conf->mtu, .mac = *mac};
	char name[IFNAMSIZ];
	int index;

	if (veth_add(job->call, job->nl, &pair, &index, e) < 0 ||
	    undo_push(undo, undo_link_del, job->nl, index, e) < 0 ||
	    link_find(job->nl, attachment_host_name(&job->call->at, name), host, e) < 0)
		return -1;
	return p2p_connect(job->nl, host, r, mac, e);
}

int ptp_add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	_cleanup_(ptp_job_done) struct ptp_job job = {};
	_cleanup_(undo_rollback) struct undo undo = {.arena = call->arena};
	static const char *const known_args[] = {"MAC", "IP", "GATEWAY", NULL};
	struct cni_result r = {};
	struct link host;
	struct mac mac;

	if (ptp_job_open(&job, call, e) < 0 || ptp_check_conf(&job, e) < 0 ||
	    cni_args_check(call, known_args, e) < 0 || veth_choose_mac(call, &mac, e) < 0)
		return -1;
	if (ipam_add(&job.ipam, &r, &undo, e) < 0 || ptp_accept_addresses(&job, &r, e) < 0 ||
	    p2p_refuse_taken(job.nl, &r, 0, e) < 0)
		return -1;
	if (p2p_ensure_forwarding(&r, e) < 0 || connect_node(&job, &r, &mac, &host, &undo, e) < 0 ||
	    iface_configure_p2p(call, &r, &host.mac, e) < 0)
		return -1;
	if (job.conf->ip_masq && ipmasq_add(&job.masq, call, &r, &undo, e) < 0)
		return -1;
	if (veth_wait_up(call, job.nl, &host, e) < 0 || p2p_report(call, &host, &mac, &r, e) < 0)
		return -1;
	*result = r;
	undo_commit(&undo);
	return 0;
}
