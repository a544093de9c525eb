// SPDX-License-Identifier: Apache-2.0
/** CHECK and STATUS: compare the node with what ADD reported; say whether an ADD would succeed. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "bridge.h"
#include "cni/iface.h"
#include "netlink/ifaddr.h"
#include "netlink/port.h"

/** An interface on the node's side as prevResult has it, by name; NULL if it is not listed. */
static const struct cni_iface *listed(const struct cni_call *call, const char *name)
{
	for (size_t i = 0; i < call->prev->n_ifaces; i++) {
		const struct cni_iface *iface = &call->prev->ifaces[i];

		if ((!iface->sandbox || !*iface->sandbox) && !strcmp(iface->name, name))
			return iface;
	}
	return NULL;
}

static int check_mac(const struct cni_call *call, const struct link *link, struct err *e)
{
	const struct cni_iface *iface = listed(call, link->name);
	char text[MAC_TEXT];

	if (!iface || !iface->mac || !*iface->mac ||
	    !strcasecmp(iface->mac, mac_format(&link->mac, text)))
		return 0;
	return err_set(e, ERR_MISMATCH, "%s has MAC address %s, not %s", link->name, text,
		       iface->mac);
}

static int check_bridge(const struct bridge_job *job, struct link *bridge, struct err *e)
{
	if (bridge_usable(job, bridge, e) < 0)
		return -1;
	if (!bridge->index)
		return err_set(e, ERR_MISMATCH, "bridge %s is missing", job->conf->bridge);
	if (!(bridge->flags & IFF_UP))
		return err_set(e, ERR_MISMATCH, "bridge %s is down", job->conf->bridge);
	if (job->conf->promisc && !(bridge->flags & IFF_PROMISC))
		return err_set(e, ERR_MISMATCH, "bridge %s is not promiscuous", job->conf->bridge);
	return check_mac(job->call, bridge, e);
}

static int check_port(const struct bridge_job *job, const struct link *bridge, struct err *e)
{
	struct link host;
	struct port port;

	if (link_get(job->nl, job->host_name, &host, e) < 0)
		return e->os == ENODEV ? err_set(e, ERR_MISMATCH, "%s is missing on the node",
						 job->host_name)
				       : -1;
	if (host.master != bridge->index)
		return err_set(e, ERR_MISMATCH, "%s is not a port of %s", host.name,
			       job->conf->bridge);
	if (!(host.flags & IFF_UP))
		return err_set(e, ERR_MISMATCH, "%s is down", host.name);
	if (port_get(job->nl, host.index, &port, e) < 0)
		return -1;
	if (port.hairpin != job->conf->hairpin)
		return err_set(e, ERR_MISMATCH, "hairpinMode of %s is %s", host.name,
			       port.hairpin ? "on" : "off");
	if (port.isolated != job->conf->isolated)
		return err_set(e, ERR_MISMATCH, "portIsolation of %s is %s", host.name,
			       port.isolated ? "on" : "off");
	return check_mac(job->call, &host, e);
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

static int check_gateways(const struct bridge_job *job, const struct link *bridge, struct err *e)
{
	const struct cni_result *prev = job->call->prev;

	for (size_t i = 0; i < prev->n_ips; i++) {
		struct search s = {.ip = &prev->ips[i]};
		char text[IP_TEXT];

		if (!s.ip->gateway.family)
			continue;
		if (ifaddr_each(job->nl, bridge->index, s.ip->gateway.family, match_gateway, &s,
				e) < 0)
			return -1;
		if (!s.found)
			return err_set(e, ERR_MISMATCH, "gateway address %s is missing on %s",
				       ip_format(&s.ip->gateway, text), job->conf->bridge);
	}
	return 0;
}

static int check_masquerading(struct bridge_job *job, struct err *e)
{
	const struct cni_result *prev = job->call->prev;

	for (size_t i = 0; i < prev->n_ips; i++)
		if (masq_check(&job->masq, &job->call->at, &prev->ips[i].address, 1, e) < 0)
			return err_wrap(e, "ipMasq");
	return 0;
}

int bridge_check(const struct cni_call *call, struct err *e)
{
	_cleanup_(bridge_job_done) struct bridge_job job = {};
	const struct bridge_conf *conf = call->conf;
	struct link bridge;

	if (bridge_job_open(&job, call, e) < 0 || ipam_check(&job.ipam, e) < 0 ||
	    check_bridge(&job, &bridge, e) < 0 || check_port(&job, &bridge, e) < 0 ||
	    iface_check(call, !conf->container_down, e) < 0)
		return -1;
	if ((conf->is_gateway || conf->is_default_gateway) && check_gateways(&job, &bridge, e) < 0)
		return -1;
	return conf->ip_masq ? check_masquerading(&job, e) : 0;
}

int bridge_status(const struct cni_call *call, struct err *e)
{
	_cleanup_(bridge_job_done) struct bridge_job job = {};
	struct link bridge;

	if (bridge_job_open(&job, call, e) < 0)
		return -1;
	if (bridge_check_conf(&job, e) < 0)
		return -1;
	if (bridge_usable(&job, &bridge, e) < 0) {
		e->code = ERR_UNAVAILABLE;
		return -1;
	}
	return ipam_status(&job.ipam, e);
}
