// SPDX-License-Identifier: Apache-2.0
/** ADD: a veth pair with the programs at the node's end, a route to each address, masquerading. */
#include "cni/args.h"
#include "cni/iface.h"
#include "cni/ipmasq.h"
#include "cni/p2p.h"
#include "cni/veth.h"
#include "ebpf.h"

/** What every pod takes for its gateway: link-local, so that it clashes with nobody's network. */
static const struct ipaddr gateways[] = {
	{.family = AF_INET, .bytes = {169, 254, 1, 1}},
	{.family = AF_INET6, .bytes = {0xfe, 0x80, [15] = 1}},
};

static const struct ipaddr *gateway_of(int family)
{
	return &gateways[family == AF_INET6];
}

static int refuse_key(const char *key, struct err *e)
{
	return err_set(e, ERR_CONFIG,
		       "%s: not with prevResult, nor without ipam: there ebpf follows another "
		       "plugin, which has made the interface",
		       key);
}

int ebpf_check_conf(const struct ebpf_job *job, struct err *e)
{
	const struct ebpf_conf *conf = job->conf;

	if (job->chained) {
		if (conf->ipam)
			return refuse_key("ipam", e);
		if (conf->ip_masq)
			return refuse_key("ipMasq", e);
		if (conf->mtu)
			return refuse_key("mtu", e);
		return conf->uplink ? refuse_key("uplink", e) : 0;
	}
	if (job->ipam.kind == IPAM_NONE)
		return err_set(e, ERR_CONFIG,
			       "ipam.type: required, but missing: where ebpf makes the interface, "
			       "it needs addresses");
	return iface_check_mtu(conf->mtu, ipam_gives_ipv6(&job->ipam), e);
}

static bool has_route(const struct cni_result *r, int family)
{
	for (size_t i = 0; i < r->n_routes; i++)
		if (r->routes[i].dst.ip.family == family)
			return true;
	return false;
}

static bool has_address(const struct cni_result *r, int family)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].address.ip.family == family)
			return true;
	return false;
}

/** Whatever gateway IPAM names, the node is the only neighbour. */
static int take_routes(const struct ebpf_job *job, struct cni_result *r, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(gateways); i++) {
		const int family = gateways[i].family;
		const struct cni_route route = {
			.dst.ip.family = family, .gw = gateways[i], .table = -1, .scope = -1};

		if (has_address(r, family) && !has_route(r, family) &&
		    !cni_result_add_route(r, job->call->arena, &route))
			return err_set(e, ERR_TRY_AGAIN, "out of memory");
	}
	for (size_t i = 0; i < r->n_routes; i++)
		if (has_address(r, r->routes[i].dst.ip.family))
			r->routes[i].gw = *gateway_of(r->routes[i].dst.ip.family);
	return 0;
}

int ebpf_take_addresses(const struct ebpf_job *job, struct cni_result *r,
			struct cni_result *subnets, struct err *e)
{
	struct cni_ip *ips = arena_calloc(job->call->arena, r->n_ips + 1, sizeof(*ips));

	if (!ips)
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	if (iface_check_mtu(ebpf_mtu(job), cni_result_has_ipv6(r), e) < 0)
		return job->conf->mtu ? -1 : err_hint(e, "the uplink's, since mtu is not set");
	for (size_t i = 0; i < r->n_ips; i++) {
		const struct ipaddr *ip = &r->ips[i].address.ip;

		ips[i] = (struct cni_ip){.address = {*ip, ip_bits(ip)},
					 .gateway = *gateway_of(ip->family),
					 .iface = 1};
	}
	*subnets = *r;
	r->ips = ips;
	r->ifaces = NULL;
	r->n_ifaces = 0;
	return take_routes(job, r, e);
}

/** The pair, the programs, and the node's side; what is known of the node's end goes to @host. */
static int connect_node(struct ebpf_job *job, const struct cni_result *r, struct ebpf_pod *pod,
			struct link *host, struct undo *undo, struct err *e)
{
	const struct veth pair = {.mtu = ebpf_mtu(job), .mac = pod->mac};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	char name[IFNAMSIZ];

	if (veth_add(job->call, job->nl, &pair, &pod->index, e) < 0 ||
	    undo_push(undo, undo_link_del, job->nl, pod->index, e) < 0 ||
	    link_find(job->nl, attachment_host_name(&job->call->at, name), host, e) < 0)
		return -1;
	pod->node_mac = host->mac;
	// fe80::1 is the only one that is needed: no other has to be found unique, or announced.
	link_set_no_ipv6_address(&m, pod->index);
	if (nl_call(job->nl, &m, e) < 0 || ebpf_attach(job, pod, undo, e) < 0)
		return -1;
	// Of two pods with one address one fails here, before it has written over the other's
	// entry.
	if (p2p_connect(job->nl, host, r, &pod->mac, e) < 0)
		return -1;
	return ebpf_put_endpoints(job, pod, e);
}

/** What can be known before anything is made. */
static int prepare(struct ebpf_job *job, struct ebpf_pod *pod, struct err *e)
{
	static const char *const known_args[] = {"MAC", "IP", "GATEWAY", NULL};

	if (ebpf_check_conf(job, e) < 0 || cni_args_check(job->call, known_args, e) < 0 ||
	    veth_choose_mac(job->call, &pod->mac, e) < 0)
		return -1;
	return ebpf_uplinks_find(job, e) < 0 || ebpf_load(job, e) < 0 ? -1 : 0;
}

static int add(struct ebpf_job *job, struct cni_result *result, struct err *e)
{
	const struct cni_call *call = job->call;
	_cleanup_(undo_rollback) struct undo undo = {.arena = call->arena};
	struct ebpf_pod pod = {.flags = ebpf_flags(job)};
	struct cni_result r = {}, subnets;
	struct link host;

	if (prepare(job, &pod, e) < 0 || ipam_add(&job->ipam, &r, &undo, e) < 0 ||
	    ebpf_take_addresses(job, &r, &subnets, e) < 0 ||
	    ebpf_pod_addresses(job, &r, &pod, e) < 0)
		return -1;
	if (p2p_refuse_taken(job->nl, &r, 0, e) < 0 || ebpf_refuse_taken(job, &pod, e) < 0)
		return -1;
	if (p2p_ensure_forwarding(&r, e) < 0 || ebpf_uplinks_attach(job, e) < 0)
		return -1;
	if (connect_node(job, &r, &pod, &host, &undo, e) < 0 ||
	    iface_configure_p2p(call, &r, &host.mac, e) < 0)
		return -1;
	if (job->conf->ip_masq && ipmasq_add(&job->masq, call, &subnets, &undo, e) < 0)
		return -1;
	if (veth_wait_up(call, job->nl, &host, e) < 0 ||
	    p2p_report(call, &host, &pod.mac, &r, e) < 0)
		return -1;
	*result = r;
	undo_commit(&undo);
	return 0;
}

int ebpf_add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	_cleanup_(ebpf_job_done) struct ebpf_job job = {};

	if (ebpf_job_open(&job, call, e) < 0)
		return -1;
	if (!job.chained)
		return add(&job, result, e);
	if (ebpf_chain_add(&job, e) < 0)
		return -1;
	*result = *call->prev;
	return 0;
}
