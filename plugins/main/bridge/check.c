// SPDX-License-Identifier: Apache-2.0
/** CHECK and STATUS: compare the node with what ADD reported; say whether an ADD would succeed. */
#include "bridge.h"
#include "cni/iface.h"
#include "cni/ipmasq.h"
#include "cni/mend.h"
#include "cni/veth.h"
#include "netlink/ifaddr.h"
#include "netlink/port.h"
#include "node/macspoof.h"

static int check_bridge(struct bridge_job *job, struct err *e)
{
	const struct link *bridge = &job->bridge;

	if (bridge_find(job, e) < 0)
		return -1;
	if (!bridge->index)
		return err_set(e, ERR_MISMATCH, "bridge %s is missing", job->conf->bridge);
	if (!(bridge->flags & IFF_UP))
		return err_set(e, ERR_MISMATCH, "bridge %s is down", job->conf->bridge);
	if (job->conf->promisc && !(bridge->flags & IFF_PROMISC))
		return err_set(e, ERR_MISMATCH, "bridge %s is not promiscuous", job->conf->bridge);
	return veth_check_mac(job->call, bridge, e);
}

static int check_port(const struct bridge_job *job, struct err *e)
{
	struct link host;
	struct port port;

	if (veth_check(job->call, job->nl, &job->bridge, &host, e) < 0 ||
	    port_get(job->nl, host.index, &port, e) < 0)
		return -1;
	if (port.hairpin != job->conf->hairpin)
		return err_set(e, ERR_MISMATCH, "hairpinMode of %s is %s", host.name,
			       port.hairpin ? "on" : "off");
	if (job->conf->isolated && !port.isolated) // if it is on unasked, a chained plugin did it
		return err_set(e, ERR_MISMATCH, "portIsolation of %s is off", host.name);
	if (job->conf->macspoofchk && port.group_fwd_mask != PORT_GROUP_FWD_ALL)
		return err_set(e, ERR_MISMATCH,
			       "macspoofchk: group_fwd_mask of %s is 0x%x, not 0x%x", host.name,
			       port.group_fwd_mask, PORT_GROUP_FWD_ALL);
	return bridge_vlan_check(job, host.index, e);
}

struct search {
	const struct cni_ip *ip;
	bool found;
};

static int match_gateway(const struct iface_addr *addr, void *ctx, struct err *e)
{
	struct search *s = ctx;

	(void)e;
	s->found |= addr->prefix.len == s->ip->address.len &&
		    !ip_cmp(&addr->prefix.ip, &s->ip->gateway);
	return 0;
}

static int check_gateways(struct bridge_job *job, struct err *e)
{
	const struct cni_result *prev = job->call->prev;

	job->gateway = job->bridge;
	if (job->conf->vlan && (bridge_vlan_check_gateway(job, e) < 0 ||
				veth_check_mac(job->call, &job->gateway, e) < 0))
		return -1;
	for (size_t i = 0; i < prev->n_ips; i++) {
		struct search s = {.ip = &prev->ips[i]};
		char text[IP_TEXT];

		if (!s.ip->gateway.family || !iface_owns(job->call, s.ip))
			continue;
		if (ifaddr_each(job->nl, job->gateway.index, s.ip->gateway.family, match_gateway,
				&s, e) < 0)
			return -1;
		if (!s.found)
			return err_set(e, ERR_MISMATCH, "gateway address %s is missing on %s",
				       ip_format(&s.ip->gateway, text), job->gateway.name);
	}
	return 0;
}

/** The MAC address that ADD reported is the one the container is bound to. */
static int check_macspoof(struct bridge_job *job, struct err *e)
{
	const struct cni_iface *iface = cni_call_iface(job->call);

	if (!iface || !iface->mac || mac_parse(&job->mac, iface->mac))
		return err_set(e, ERR_CONFIG, "prevResult: lacks the MAC address of %s",
			       job->call->at.ifname);
	if (macspoof_check(&job->macspoof, &job->call->at, job->host_name, &job->mac, e) < 0)
		return err_wrap(e, "macspoofchk");
	return 0;
}

int bridge_check(const struct cni_call *call, struct err *e)
{
	_cleanup_(bridge_job_done) struct bridge_job job = {};
	const struct bridge_conf *conf = call->conf;

	if (bridge_job_open(&job, call, e) < 0 || bridge_check_conf(&job, e) < 0 ||
	    ipam_check(&job.ipam, e) < 0 || check_bridge(&job, e) < 0 || check_port(&job, e) < 0 ||
	    iface_check(call, !conf->container_down, e) < 0)
		return -1;
	if ((conf->is_gateway || conf->is_default_gateway) && check_gateways(&job, e) < 0)
		return -1;
	if (conf->macspoofchk && check_macspoof(&job, e) < 0)
		return -1;
	return conf->ip_masq ? ipmasq_check(&job.masq, call, e) : 0;
}

/** A node with which something is wrong gets no new containers, so no ADD would do it. */
static int mend(struct bridge_job *job, struct err *e)
{
	if (job->conf->macspoofchk && cni_mend(&job->macspoof, e) < 0)
		return err_wrap(e, "macspoofchk");
	return job->conf->ip_masq && cni_mend(&job->masq, e) < 0 ? err_wrap(e, "ipMasq") : 0;
}

int bridge_status(const struct cni_call *call, struct err *e)
{
	_cleanup_(bridge_job_done) struct bridge_job job = {};
	struct cni_result r = {};

	if (bridge_job_open(&job, call, e) < 0 || bridge_check_conf(&job, e) < 0 ||
	    mend(&job, e) < 0 || ipam_foresee(&job.ipam, &r, e) < 0 ||
	    bridge_complete(&job, &r, e) < 0)
		return -1;
	if (bridge_find(&job, e) < 0 || bridge_check_mtu(&job, e) < 0) {
		e->code = ERR_UNAVAILABLE;
		return -1;
	}
	return ipam_status(&job.ipam, e);
}
