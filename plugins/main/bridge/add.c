// SPDX-License-Identifier: Apache-2.0
/** ADD: a veth pair from the bridge into the container, addresses, gateway, masquerading. */
#include <errno.h>

#include "base/log.h"
#include "base/undo.h"
#include "bridge.h"
#include "cni/args.h"
#include "cni/iface.h"
#include "cni/ipmasq.h"
#include "cni/veth.h"
#include "netlink/neigh.h"
#include "netlink/port.h"
#include "node/macspoof.h"

int bridge_check_conf(const struct bridge_job *job, struct err *e)
{
	const struct bridge_conf *conf = job->conf;

	if (bridge_vlan_check_conf(conf, e) < 0)
		return -1;
	if (iface_check_mtu(conf->mtu, ipam_gives_ipv6(&job->ipam), e) < 0)
		return -1;
	if (conf->hairpin && conf->promisc)
		return err_set(e, ERR_CONFIG,
			       "promiscMode: true: cannot be set together with "
			       "hairpinMode");
	if (conf->container_down && job->ipam.kind != IPAM_NONE)
		return err_set(e, ERR_CONFIG,
			       "disableContainerInterface: true: cannot be used "
			       "together with ipam");
	if (conf->ip_masq && job->ipam.kind == IPAM_NONE)
		return err_set(e, ERR_CONFIG, "ipMasq: true: needs ipam");
	if (job->ipam.kind == IPAM_NONE && job->call->version < CNI_0_3_0)
		return err_set(e, ERR_CONFIG,
			       "cniVersion: %s cannot report a network without addresses: use "
			       "0.3.0 or later, or ipam",
			       cni_version_text(job->call->version));
	return 0;
}

/** The port goes first, for until then the container can still send. */
static int undo_attach(void *ctx, int index, struct err *e)
{
	struct bridge_job *job = ctx;

	if (undo_link_del(job->nl, index, e) < 0)
		return -1;
	return ruleset_del(&job->macspoof, &job->call->at, false, e);
}

/** In force before the port is up: somebody inside may bring the other end up at any time. */
static int bind_mac(struct bridge_job *job, struct err *e)
{
	if (!job->conf->macspoofchk)
		return 0;
	if (macspoof_add(&job->macspoof, &job->call->at, job->host_name, &job->mac, e) == 0)
		return 0;
	if (e->os == EOPNOTSUPP || e->os == EAFNOSUPPORT)
		(void)err_hint(e, "the kernel needs CONFIG_NF_TABLES_BRIDGE");
	return err_wrap(e, "macspoofchk");
}

/** The pair with its marks and flags. */
static int attach(struct bridge_job *job, struct undo *undo, struct err *e)
{
	const struct bridge_conf *conf = job->conf;
	const struct veth pair = {
		.master = job->bridge.index, .mtu = (uint32_t)conf->mtu, .mac = job->mac};
	const struct port port = {.hairpin = conf->hairpin,
				  .isolated = conf->isolated,
				  .group_fwd_mask = conf->macspoofchk ? PORT_GROUP_FWD_ALL : 0};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	int index = 0;

	if (veth_add(job->call, job->nl, &pair, &index, e) < 0 ||
	    undo_push(undo, undo_attach, job, index, e) < 0 || bridge_vlan_set(job, index, e) < 0 ||
	    bind_mac(job, e) < 0)
		return -1;
	if (port.hairpin || port.isolated || port.group_fwd_mask)
		port_set(&m, index, &port);
	// A bridge port needs no address; the container would hear it announce one.
	link_set_no_ipv6_address(&m, index);
	link_set_flags(&m, index, IFF_UP, IFF_UP);
	return nl_call(job->nl, &m, e);
}

int bridge_complete(const struct bridge_job *job, struct cni_result *r, struct err *e)
{
	const struct bridge_conf *conf = job->conf;

	r->n_ifaces = 0; // interfaces are ours to report
	r->ifaces = NULL;
	if (iface_check_mtu(conf->mtu, cni_result_has_ipv6(r), e) < 0) // IPAM of others
		return -1;
	for (size_t i = 0; i < r->n_ips; i++) {
		struct cni_ip *ip = &r->ips[i];
		struct cni_route route = {.gw = ip->gateway, .table = -1, .scope = -1};
		bool has_default = false;

		ip->iface = 2;
		if (!ip->gateway.family && (conf->is_gateway || conf->is_default_gateway)) {
			struct ipaddr first = prefix_first(&ip->address);

			route.gw = ip->gateway = ip_next(&first);
		}
		if (ip->gateway.family && !ip_cmp(&ip->gateway, &ip->address.ip))
			return err_set(e, ERR_CONFIG, "ipam: %s is its own gateway",
				       ip_format(&ip->gateway, (char[IP_TEXT]){}));
		for (size_t j = 0; j < r->n_routes; j++)
			has_default |= r->routes[j].dst.len == 0 &&
				       r->routes[j].dst.ip.family == ip->address.ip.family;
		route.dst.ip.family = ip->address.ip.family;
		if (conf->is_default_gateway && !has_default &&
		    !cni_result_add_route(r, job->call->arena, &route))
			return err_set(e, ERR_TRY_AGAIN, "out of memory");
	}
	return 0;
}

static int get_addresses(struct bridge_job *job, struct cni_result *r, struct undo *undo,
			 struct err *e)
{
	if (job->ipam.kind == IPAM_NONE)
		return 0;
	return ipam_add(&job->ipam, r, undo, e) < 0 ? -1 : bridge_complete(job, r, e);
}

/** Until the port forwards, what the container sends first is lost. Usually it does already. */
static int wait_for_port(struct bridge_job *job, struct err *e)
{
	if (!job->conf->container_down)
		return veth_wait_up(job->call, job->nl, &job->host, e);
	return link_get(job->nl, job->host_name, &job->host, e);
}

/**
 * The node knows the container's MAC address at once, and forgets an earlier holder's. The
 * gratuitous ARP of arp_notify may come before the port forwards, and IPv6 has none. Where the
 * kernel's neighbour table is full it finds out by asking, as it would have without us.
 */
static void introduce(const struct bridge_job *job, const struct cni_result *r)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct err e = {};

	for (size_t i = 0; i < r->n_ips; i++)
		neigh_set(&m, job->gateway.index, &r->ips[i].address.ip, &job->mac);
	if (nl_call(job->nl, &m, &e) < 0)
		log_info("%s", e.msg);
}

/** From addresses to a working network. */
static int set_up_network(struct bridge_job *job, struct cni_result *r, struct undo *undo,
			  struct err *e)
{
	const struct bridge_conf *conf = job->conf;

	if (iface_configure(job->call, r, conf->dad ? IFACE_DAD : IFACE_NODAD, e) < 0)
		return -1;
	if (conf->is_gateway || conf->is_default_gateway) {
		if (bridge_ensure_gateway(job, r, e) < 0)
			return -1;
		introduce(job, r);
	}
	return conf->ip_masq ? ipmasq_add(&job->masq, job->call, r, undo, e) : 0;
}

/** Put the interfaces in front, and the configuration's dns over IPAM's. */
static int report(const struct bridge_job *job, struct cni_result *r, struct err *e)
{
	const struct link *gateway = &job->gateway;

	if (iface_report(job->call, r, &job->bridge, &job->bridge.mac, NULL, e) < 0 ||
	    iface_report(job->call, r, &job->host, &job->host.mac, NULL, e) < 0 ||
	    iface_report(job->call, r, &job->host, &job->mac, job->call->netns, e) < 0)
		return -1;
	if (gateway->index && gateway->index != job->bridge.index &&
	    iface_report(job->call, r, gateway, &gateway->mac, NULL, e) < 0)
		return -1;
	if (!cni_dns_is_empty(&job->call->common->dns))
		r->dns = job->call->common->dns;
	return 0;
}

int bridge_add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	_cleanup_(bridge_job_done) struct bridge_job job = {};
	_cleanup_(undo_rollback) struct undo undo = {.arena = call->arena};
	static const char *const known_args[] = {"MAC", "IP", "GATEWAY", NULL};
	struct cni_result r = {};

	if (bridge_job_open(&job, call, e) < 0 || bridge_check_conf(&job, e) < 0 ||
	    cni_args_check(call, known_args, e) < 0 || veth_choose_mac(call, &job.mac, e) < 0)
		return -1;
	// Pools of ours first, so that an exhausted one costs nothing; others, such as a DHCP
	// client, need the interface to be there.
	if (job.ipam.kind != IPAM_DELEGATE && get_addresses(&job, &r, &undo, e) < 0)
		return -1;
	if (bridge_ensure(&job, e) < 0 || attach(&job, &undo, e) < 0)
		return -1;
	if (job.ipam.kind == IPAM_DELEGATE && get_addresses(&job, &r, &undo, e) < 0)
		return -1;
	if (job.ipam.kind != IPAM_NONE) {
		if (set_up_network(&job, &r, &undo, e) < 0)
			return -1;
	} else if (!job.conf->container_down && iface_set_up(call, e) < 0) {
		return -1;
	}
	if (wait_for_port(&job, e) < 0 || link_refresh(job.nl, &job.bridge, e) < 0 ||
	    report(&job, &r, e) < 0)
		return -1;
	*result = r;
	undo_commit(&undo);
	return 0;
}
