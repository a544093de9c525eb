// SPDX-License-Identifier: Apache-2.0
/** ADD: a veth pair between node and container, a route to each address, masquerading. */
#include <errno.h>

#include "base/undo.h"
#include "cni/args.h"
#include "cni/iface.h"
#include "cni/ipmasq.h"
#include "cni/veth.h"
#include "netlink/ifaddr.h"
#include "netlink/neigh.h"
#include "netlink/route.h"
#include "node/sysctl.h"
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

/** Say who has the route to @ip already, if somebody has it who is not interface @index. */
static int refuse_taken(const struct ptp_job *job, const struct ipaddr *ip, int index,
			struct err *e)
{
	struct err ignored = {};
	struct route route;
	struct link other;
	char text[IP_TEXT];

	if (route_to(job->nl, ip, &route, e) < 0)
		return -1;
	if (!route.oif || route.oif == index || route.dst.len < ip_bits(ip))
		return 0;
	if (link_get_index(job->nl, route.oif, &other, &ignored) < 0)
		other = (struct link){.name = "?"};
	if (route.local)
		return err_set(e, ERR_EXISTS, "address %s is the node's own, on interface %s",
			       ip_format(ip, text), other.name);
	(void)err_set(e, ERR_EXISTS, "a route to %s exists already, by interface %s",
		      ip_format(ip, text), other.name);
	return other.alias[0] ? err_hint(e, "%s is %s", other.name, other.alias) : -1;
}

/** The same for all addresses. A second route beside the first would serve neither container. */
static int refuse_any_taken(const struct ptp_job *job, const struct cni_result *r, int index,
			    struct err *e)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (refuse_taken(job, &r->ips[i].address.ip, index, e) < 0)
			return -1;
	return 0;
}

static int ensure_forwarding(const struct cni_result *r, struct err *e)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (sysctl_ensure("1", e,
				  r->ips[i].address.ip.family == AF_INET
					  ? "ipv4/ip_forward"
					  : "ipv6/conf/all/forwarding") < 0)
			return -1;
	return 0;
}

/** Whether an address before the @n-th has the same gateway. */
static bool gateway_is_repeated(const struct cni_result *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!ip_cmp(&r->ips[i].gateway, &r->ips[n].gateway))
			return true;
	return false;
}

/** The node's end: the gateways' addresses, and the way to the container, at the address @mac. */
static void put_node(struct nl_msg *m, int index, const struct cni_result *r, const struct mac *mac)
{
	for (size_t i = 0; i < r->n_ips; i++) {
		const struct ipaddr *ip = &r->ips[i].address.ip, *gw = &r->ips[i].gateway;

		if (!gateway_is_repeated(r, i))
			ifaddr_add(m, index, &(struct prefix){*gw, ip_bits(gw)}, IFADDR_NODAD);
		route_add_sole(m, &(struct route){
					  .dst = {*ip, ip_bits(ip)},
					  .oif = index,
					  .scope = -1,
				  });
		neigh_set_permanent(m, index, ip, mac);
	}
}

/** A container must not become the node's router by advertising itself; so before the link is up.
 */
static int deafen(const char *name, struct err *e)
{
	if (sysctl_ensure("0", e, "ipv6/conf/%s/accept_ra", name) == 0 || e->os == ENOENT)
		return 0;
	return err_hint(e, "where /proc/sys is read-only, set net.ipv6.conf.default.accept_ra=0");
}

/** Make the pair and complete the node's end, which goes to @host. */
static int connect_node(const struct ptp_job *job, const struct cni_result *r,
			const struct mac *mac, struct link *host, struct undo *undo, struct err *e)
{
	const struct veth pair = {.mtu = (uint32_t)job->conf->mtu, .mac = *mac};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	char name[IFNAMSIZ];
	int index;

	if (veth_add(job->call, job->nl, &pair, &index, e) < 0 ||
	    undo_push(undo, undo_link_del, job->nl, index, e) < 0 ||
	    link_find(job->nl, attachment_host_name(&job->call->at, name), host, e) < 0)
		return -1;
	if (deafen(name, e) < 0)
		return -1;
	link_set_flags(&m, index, IFF_UP, IFF_UP);
	put_node(&m, index, r, mac);
	if (nl_call(job->nl, &m, e) < 0) {
		if (e->os == EEXIST) // another ADD was faster: name it
			(void)refuse_any_taken(job, r, index, e);
		return -1;
	}
	return 0;
}

/** Put the two interfaces in front, and the configuration's dns over IPAM's. */
static int report(const struct ptp_job *job, const struct link *host, const struct mac *mac,
		  struct cni_result *r, struct err *e)
{
	if (iface_report(job->call, r, host, &host->mac, NULL, e) < 0 ||
	    iface_report(job->call, r, host, mac, job->call->netns, e) < 0)
		return -1;
	if (!cni_dns_is_empty(&job->call->common->dns))
		r->dns = job->call->common->dns;
	return 0;
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
	    refuse_any_taken(&job, &r, 0, e) < 0)
		return -1;
	if (ensure_forwarding(&r, e) < 0 || connect_node(&job, &r, &mac, &host, &undo, e) < 0 ||
	    iface_configure_p2p(call, &r, &host.mac, e) < 0)
		return -1;
	if (job.conf->ip_masq && ipmasq_add(&job.masq, call, &r, &undo, e) < 0)
		return -1;
	if (veth_wait_up(call, job.nl, &host, e) < 0 || report(&job, &host, &mac, &r, e) < 0)
		return -1;
	*result = r;
	undo_commit(&undo);
	return 0;
}
