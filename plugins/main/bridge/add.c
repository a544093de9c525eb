// SPDX-License-Identifier: Apache-2.0
/** ADD: a veth pair from the bridge into the container, addresses, gateway, masquerading. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/undo.h"
#include "bridge.h"
#include "cni/args.h"
#include "cni/iface.h"
#include "netlink/neigh.h"
#include "netlink/port.h"

/** What is configured but would not happen must not be passed over: it may be meant to isolate. */
static int refuse_unserved(const struct bridge_conf *conf, struct err *e)
{
	if (conf->vlan)
		return err_set(e, ERR_UNKNOWN_FIELD, "vlan: %lld: not supported yet",
			       (long long)conf->vlan);
	if (conf->vlan_trunk)
		return err_set(e, ERR_UNKNOWN_FIELD, "vlanTrunk: not supported yet");
	if (conf->macspoofchk)
		return err_set(e, ERR_UNKNOWN_FIELD, "macspoofchk: true: not supported yet");
	return 0;
}

int bridge_check_conf(const struct bridge_job *job, struct err *e)
{
	const struct bridge_conf *conf = job->conf;

	if (refuse_unserved(conf, e) < 0)
		return -1;
	if (conf->mtu && conf->mtu < 68)
		return err_set(e, ERR_CONFIG, "mtu: %lld: must be 0 or 68..65535",
			       (long long)conf->mtu);
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
	return 0;
}

/** The requested MAC address, the most specific request first, or a random one. */
static int choose_mac(const struct bridge_job *job, struct mac *mac, struct err *e)
{
	const struct cni_common *c = job->call->common;
	const char *args = cni_args_get(job->call, "MAC");
	const char *wanted = c->runtime.mac && *c->runtime.mac     ? c->runtime.mac
			     : c->args.cni.mac && *c->args.cni.mac ? c->args.cni.mac
								   : args;
	const char *wrong;

	*mac = mac_random();
	wrong = wanted && *wanted ? mac_parse(mac, wanted) : NULL;
	if (wrong)
		return err_set(e, ERR_ENV, "CNI_ARGS: MAC=%.32s: %s", wanted, wrong);
	return 0;
}

/** Which of the two names was taken, the container's or the node's. */
static int explain_exists(const struct bridge_job *job, struct err *e)
{
	const char *ifname = job->call->at.ifname;

	if (nl_ifindex(job->nl, job->host_name)) {
		(void)err_set(e, ERR_EXISTS, "%s exists already on the node", job->host_name);
		return err_hint(e, "left by an earlier ADD for this container: DEL removes it");
	}
	return err_set(e, ERR_EXISTS,
		       "container veth name (\"%s\") already exists in the container", ifname);
}

/**
 * The pair may have been made although we did not hear of it. Only a pair without our mark can be
 * the one of this moment.
 */
static void delete_unmarked(const struct bridge_job *job)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct link link;
	struct err e = {};

	if (link_get(job->nl, job->host_name, &link, &e) < 0 || link.alias[0])
		return;
	link_del_index(&m, link.index);
	if (nl_call(job->nl, &m, &e) < 0)
		log_warn("rollback: %s", e.msg);
}

/** The veth pair, one end a port of the bridge; its index on the node. */
static int make_pair(const struct bridge_job *job, const struct link *bridge, const struct mac *mac,
		     int *index, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	link_add_veth(&m, &(struct link_veth){
				  .name = job->host_name,
				  .peer_name = job->call->at.ifname,
				  .peer_ns = job->call->netns_fd,
				  .master = bridge->index,
				  .mac = mac_random(),
				  .peer_mac = *mac,
				  .mtu = (uint32_t)job->conf->mtu,
			  });
	if (nl_call(job->nl, &m, e) < 0) {
		if (e->code == ERR_KERNEL)
			return e->os == EEXIST ? explain_exists(job, e) : -1;
		delete_unmarked(job);
		return -1;
	}
	*index = nl_ifindex(job->nl, job->host_name);
	if (*index)
		return 0;
	delete_unmarked(job);
	return err_os(e, ERR_KERNEL, ENODEV, "find %s", job->host_name);
}

/** The pair with its marks and flags. */
static int attach(const struct bridge_job *job, const struct link *bridge, const struct mac *mac,
		  struct undo *undo, struct err *e)
{
	const struct bridge_conf *conf = job->conf;
	const struct port port = {.hairpin = conf->hairpin, .isolated = conf->isolated};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	char tag[ATTACHMENT_TAG];
	int index = 0;

	if (make_pair(job, bridge, mac, &index, e) < 0 ||
	    undo_push(undo, undo_link_del, job->nl, index, e) < 0)
		return -1;
	link_set_alias(&m, index, attachment_tag(&job->call->at, tag));
	if (port.hairpin || port.isolated)
		port_set(&m, index, &port);
	// A bridge port needs no address; the container would hear it announce one.
	link_set_no_ipv6_address(&m, index);
	link_set_flags(&m, index, IFF_UP, IFF_UP);
	return nl_call(job->nl, &m, e) < 0 && e->os != EAFNOSUPPORT ? -1 : 0;
}

/** Gateways that IPAM left open, and the default routes, are the bridge's business. */
static int complete(const struct bridge_job *job, struct cni_result *r, struct err *e)
{
	const struct bridge_conf *conf = job->conf;

	r->n_ifaces = 0; // interfaces are ours to report
	r->ifaces = NULL;
	if (r->n_ips == 0)
		return err_set(e, ERR_DELEGATE, "ipam: %s: IPAM plugin returned missing IP config",
			       job->ipam.type);
	for (size_t i = 0; i < r->n_ips; i++) {
		struct cni_ip *ip = &r->ips[i];
		struct cni_route route = {.gw = ip->gateway, .table = -1, .scope = -1};
		bool has_default = false;

		ip->iface = 2;
		if (!ip->gateway.family && (conf->is_gateway || conf->is_default_gateway)) {
			struct ipaddr first = prefix_first(&ip->address);

			route.gw = ip->gateway = ip_next(&first);
		}
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

static int undo_masq(void *ctx, int arg, struct err *e)
{
	struct bridge_job *job = ctx;

	(void)arg;
	return masq_del(&job->masq, &job->call->at, NULL, 0, e);
}

static int masquerade(struct bridge_job *job, const struct cni_result *r, struct undo *undo,
		      struct err *e)
{
	struct prefix *addresses = arena_calloc(job->call->arena, r->n_ips, sizeof(*addresses));

	if (!addresses)
		return err_set(e, ERR_TRY_AGAIN, "ipMasq: out of memory");
	for (size_t i = 0; i < r->n_ips; i++)
		addresses[i] = r->ips[i].address;
	// Pushed first: it goes by what is there, and the record may be there without its elements.
	if (undo_push(undo, undo_masq, job, 0, e) < 0)
		return -1;
	return masq_add(&job->masq, &job->call->at, addresses, r->n_ips, e) < 0
		       ? err_wrap(e, "ipMasq")
		       : 0;
}

/** Until the port forwards, what the container sends first is lost. Usually it does already. */
static int wait_for_port(const struct bridge_job *job, struct link *host, struct err *e)
{
	enum { WAIT_US = 2500000, LONGEST_NAP_US = 50000 };
	unsigned int nap = 50;

	(void)snprintf(host->name, sizeof(host->name), "%s", job->host_name);
	for (unsigned int waited = 0;; waited += nap) {
		if (link_refresh(job->nl, host, e) < 0)
			return -1;
		if (!host->operational && link_get(job->nl, job->host_name, host, e) < 0)
			return -1;
		if (host->operational || job->conf->container_down)
			return 0;
		if (waited > WAIT_US)
			return err_set(e, ERR_KERNEL,
				       "bridge port in error state: %s does not come up",
				       job->host_name);
		nap = nap * 2 > LONGEST_NAP_US ? LONGEST_NAP_US : nap * 2;
		(void)nanosleep(&(struct timespec){.tv_nsec = nap * 1000L}, NULL);
	}
}

/**
 * The node knows the container's MAC address at once, and forgets an earlier holder's. IPv4 has a
 * gratuitous ARP for that (arp_notify), IPv6 has us. Where the kernel's neighbour table is full it
 * finds out by asking, as it would have without us.
 */
static void introduce(const struct bridge_job *job, int bridge, const struct mac *mac,
		      const struct cni_result *r)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct err e = {};

	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].address.ip.family == AF_INET6)
			neigh_set(&m, bridge, &r->ips[i].address.ip, mac);
	if (nl_call(job->nl, &m, &e) < 0)
		log_info("%s", e.msg);
}

/** From addresses to a working network. */
static int set_up_network(struct bridge_job *job, const struct link *bridge, bool made,
			  const struct mac *mac, struct cni_result *r, struct undo *undo,
			  struct err *e)
{
	const struct bridge_conf *conf = job->conf;
	bool gateway = conf->is_gateway || conf->is_default_gateway;

	if (iface_configure(job->call, r, conf->dad ? IFACE_DAD : IFACE_NODAD, e) < 0)
		return -1;
	if (gateway && bridge_ensure_gateway(job, bridge, made, r, e) < 0)
		return -1;
	if (gateway)
		introduce(job, bridge->index, mac, r);
	return conf->ip_masq ? masquerade(job, r, undo, e) : 0;
}

/** Put the three interfaces in front, and the configuration's dns over IPAM's. */
static int report(const struct bridge_job *job, const struct link *bridge, const struct link *host,
		  const struct mac *mac, struct cni_result *r, struct err *e)
{
	struct arena *arena = job->call->arena;
	const struct mac *const macs[] = {&bridge->mac, &host->mac, mac};
	struct cni_iface ifaces[] = {
		{.name = job->conf->bridge, .mtu = bridge->mtu},
		{.name = arena_strdup(arena, job->host_name), .mtu = host->mtu},
		{.name = job->call->at.ifname, .mtu = host->mtu, .sandbox = job->call->netns},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ifaces); i++) {
		char text[MAC_TEXT];

		ifaces[i].mac = arena_strdup(arena, mac_format(macs[i], text));
		if (!ifaces[i].mac || !ifaces[i].name ||
		    !cni_result_add_iface(r, arena, &ifaces[i]))
			return err_set(e, ERR_TRY_AGAIN, "report result: out of memory");
	}
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
	struct link bridge, host;
	struct mac mac;
	bool made;

	if (bridge_job_open(&job, call, e) < 0 || bridge_check_conf(&job, e) < 0 ||
	    cni_args_check(call, known_args, e) < 0 || choose_mac(&job, &mac, e) < 0)
		return -1;
	// host-local first, so that an exhausted pool costs nothing; others, such as a DHCP client,
	// need the interface to be there.
	if (job.ipam.kind == IPAM_HOST_LOCAL && ipam_add(&job.ipam, &r, &undo, e) < 0)
		return -1;
	if (bridge_ensure(&job, &bridge, &made, e) < 0 || attach(&job, &bridge, &mac, &undo, e) < 0)
		return -1;
	if (job.ipam.kind == IPAM_DELEGATE && ipam_add(&job.ipam, &r, &undo, e) < 0)
		return -1;
	if (job.ipam.kind != IPAM_NONE) {
		if (complete(&job, &r, e) < 0 ||
		    set_up_network(&job, &bridge, made, &mac, &r, &undo, e) < 0)
			return -1;
	} else if (!job.conf->container_down && iface_set_up(call, e) < 0) {
		return -1;
	}
	if (wait_for_port(&job, &host, e) < 0 || link_refresh(job.nl, &bridge, e) < 0 ||
	    report(&job, &bridge, &host, &mac, &r, e) < 0)
		return -1;
	*result = r;
	undo_commit(&undo);
	return 0;
}
