// SPDX-License-Identifier: Apache-2.0
/** CHECK and STATUS: compare the node with what ADD reported; say whether an ADD would succeed. */
#include "cni/iface.h"
#include "cni/ipmasq.h"
#include "cni/mend.h"
#include "cni/veth.h"
#include "netlink/ifaddr.h"
#include "netlink/neigh.h"
#include "netlink/route.h"
#include "ptp.h"

struct search {
	const struct ipaddr *ip;
	bool found;
};

static int match_address(const struct iface_addr *addr, void *ctx, struct err *e)
{
	struct search *s = ctx;

	(void)e;
	s->found |= addr->prefix.len == ip_bits(s->ip) && !ip_cmp(&addr->prefix.ip, s->ip);
	return 0;
}

/** The node's end has the gateway's address. */
static int check_gateway(const struct ptp_job *job, const struct link *host,
			 const struct ipaddr *gateway, struct err *e)
{
	struct search s = {.ip = gateway};
	char text[IP_TEXT];

	if (ifaddr_each(job->nl, host->index, gateway->family, match_address, &s, e) < 0)
		return -1;
	if (!s.found)
		return err_set(e, ERR_MISMATCH, "gateway address %s is missing on %s",
			       ip_format(gateway, text), host->name);
	return 0;
}

/** What the node sends to the container's address goes by its end of the pair. */
static int check_route(const struct ptp_job *job, const struct link *host, const struct ipaddr *ip,
		       struct err *e)
{
	struct route route;
	char text[IP_TEXT];

	if (route_to(job->nl, ip, &route, e) < 0)
		return -1;
	if (route.oif != host->index || route.dst.len != ip_bits(ip))
		return err_set(e, ERR_MISMATCH, "route %s/%d by %s is missing", ip_format(ip, text),
			       ip_bits(ip), host->name);
	return 0;
}

/** The node's side; @mac is the container's. */
static int check_node(const struct ptp_job *job, const struct link *host, const struct mac *mac,
		      struct err *e)
{
	const struct cni_result *prev = job->call->prev;

	for (size_t i = 0; i < prev->n_ips; i++) {
		const struct cni_ip *ip = &prev->ips[i];

		if (!iface_owns(job->call, ip))
			continue;
		if ((ip->gateway.family && check_gateway(job, host, &ip->gateway, e) < 0) ||
		    check_route(job, host, &ip->address.ip, e) < 0)
			return -1;
		if (neigh_check_permanent(job->nl, host->index, &ip->address.ip, mac, e) < 0)
			return err_wrap(e, "%s", host->name);
	}
	return 0;
}

int ptp_check(const struct cni_call *call, struct err *e)
{
	_cleanup_(ptp_job_done) struct ptp_job job = {};
	struct link host;
	struct mac mac;

	if (ptp_job_open(&job, call, e) < 0 || ipam_check(&job.ipam, e) < 0 ||
	    veth_check(call, job.nl, NULL, &host, e) < 0 ||
	    iface_check_p2p(call, &host.mac, &mac, e) < 0 || check_node(&job, &host, &mac, e) < 0)
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
