// SPDX-License-Identifier: Apache-2.0
#include "cni/p2p.h"

#include <errno.h>

#include "cni/iface.h"
#include "netlink/ifaddr.h"
#include "netlink/neigh.h"
#include "netlink/route.h"
#include "node/sysctl.h"

/** Say who has the route to @ip already, if somebody has it who is not interface @index. */
static int refuse_taken(struct nl *nl, const struct ipaddr *ip, int index, struct err *e)
{
	struct err ignored = {};
	struct route route;
	struct link other;
	char text[IP_TEXT];

	if (route_to(nl, ip, &route, e) < 0)
		return -1;
	if (!route.oif || route.oif == index || route.dst.len < ip_bits(ip))
		return 0;
	if (link_get_index(nl, route.oif, &other, &ignored) < 0)
		other = (struct link){.name = "?"};
	if (route.local)
		return err_set(e, ERR_EXISTS, "address %s is the node's own, on interface %s",
			       ip_format(ip, text), other.name);
	(void)err_set(e, ERR_EXISTS, "a route to %s exists already, by interface %s",
		      ip_format(ip, text), other.name);
	return other.alias[0] ? err_hint(e, "%s is %s", other.name, other.alias) : -1;
}

static int refuse_any_taken(struct nl *nl, const struct cni_result *r, int index, struct err *e)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (refuse_taken(nl, &r->ips[i].address.ip, index, e) < 0)
			return -1;
	return 0;
}

int p2p_refuse_taken(struct nl *nl, const struct cni_result *r, int index, struct err *e)
{
	return refuse_any_taken(nl, r, index, e);
}

int p2p_ensure_forwarding(const struct cni_result *r, struct err *e)
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

int p2p_connect(struct nl *nl, const struct link *host, const struct cni_result *r,
		const struct mac *mac, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	if (deafen(host->name, e) < 0)
		return -1;
	link_set_flags(&m, host->index, IFF_UP, IFF_UP);
	put_node(&m, host->index, r, mac);
	if (nl_call(nl, &m, e) == 0)
		return 0;
	if (e->os == EEXIST) // another ADD was faster: name it
		(void)refuse_any_taken(nl, r, host->index, e);
	return -1;
}

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
static int check_gateway(struct nl *nl, const struct link *host, const struct ipaddr *gateway,
			 struct err *e)
{
	struct search s = {.ip = gateway};
	char text[IP_TEXT];

	if (ifaddr_each(nl, host->index, gateway->family, match_address, &s, e) < 0)
		return -1;
	if (!s.found)
		return err_set(e, ERR_MISMATCH, "gateway address %s is missing on %s",
			       ip_format(gateway, text), host->name);
	return 0;
}

/** What the node sends to the container's address goes by its end of the pair. */
static int check_route(struct nl *nl, const struct link *host, const struct ipaddr *ip,
		       struct err *e)
{
	struct route route;
	char text[IP_TEXT];

	if (route_to(nl, ip, &route, e) < 0)
		return -1;
	if (route.oif != host->index || route.dst.len != ip_bits(ip))
		return err_set(e, ERR_MISMATCH, "route %s/%d by %s is missing", ip_format(ip, text),
			       ip_bits(ip), host->name);
	return 0;
}

int p2p_check(const struct cni_call *call, struct nl *nl, const struct link *host,
	      const struct mac *mac, struct err *e)
{
	const struct cni_result *prev = call->prev;

	for (size_t i = 0; i < prev->n_ips; i++) {
		const struct cni_ip *ip = &prev->ips[i];

		if (!iface_owns(call, ip))
			continue;
		if ((ip->gateway.family && check_gateway(nl, host, &ip->gateway, e) < 0) ||
		    check_route(nl, host, &ip->address.ip, e) < 0)
			return -1;
		if (neigh_check_permanent(nl, host->index, &ip->address.ip, mac, e) < 0)
			return err_wrap(e, "%s", host->name);
	}
	return 0;
}

int p2p_report(const struct cni_call *call, const struct link *host, const struct mac *mac,
	       struct cni_result *r, struct err *e)
{
	if (iface_report(call, r, host, &host->mac, NULL, e) < 0 ||
	    iface_report(call, r, host, mac, call->netns, e) < 0)
		return -1;
	if (!cni_dns_is_empty(&call->common->dns))
		r->dns = call->common->dns;
	return 0;
}
