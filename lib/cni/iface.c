// SPDX-License-Identifier: Apache-2.0
#include "cni/iface.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "netlink/ifaddr.h"
#include "netlink/link.h"
#include "netlink/neigh.h"
#include "netlink/route.h"
#include "node/netns.h"
#include "node/sysctl.h"

int iface_check_mtu(int64_t mtu, bool ipv6, struct err *e)
{
	if (mtu && mtu < 68)
		return err_set(e, ERR_CONFIG, "mtu: %lld: must be 0 or 68..65535", (long long)mtu);
	if (mtu && mtu < 1280 && ipv6)
		return err_set(e, ERR_CONFIG, "mtu: %lld: IPv6 needs 1280 or more", (long long)mtu);
	return 0;
}

static int set_sysctls(const char *ifname, bool v6, enum iface_dad dad, struct err *e)
{
	// A container without IPv6 has none of these; that fails, if at all, where IPv6 is needed.
	if (dad == IFACE_DAD &&
	    (sysctl_ensure_if_there("1", e, "ipv6/conf/%s/enhanced_dad", ifname) < 0 ||
	     sysctl_ensure_if_there("1", e, "ipv6/conf/%s/accept_dad", ifname) < 0))
		return -1;
	if (dad == IFACE_NODAD &&
	    sysctl_ensure_if_there("0", e, "ipv6/conf/%s/accept_dad", ifname) < 0)
		return -1;
	if (!v6)
		return 0;
	if (sysctl_ensure_if_there("0", e, "ipv6/conf/lo/disable_ipv6") < 0 ||
	    sysctl_ensure("0", e, "ipv6/conf/%s/disable_ipv6", ifname) < 0)
		return -1;
	return sysctl_ensure("1", e, "ipv6/conf/%s/keep_addr_on_down", ifname);
}

/** The gateway of the first address of the route's family, if the route has none of its own. */
static struct ipaddr gateway_of(const struct cni_result *r, const struct cni_route *route)
{
	if (route->gw.family)
		return route->gw;
	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].gateway.family == route->dst.ip.family)
			return r->ips[i].gateway;
	return (struct ipaddr){};
}

/** Whether @ip is in the subnet of an address without being its gateway. */
static bool is_beside_gateway(const struct cni_result *r, const struct ipaddr *ip)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (prefix_contains(&r->ips[i].address, ip) && ip_cmp(&r->ips[i].gateway, ip) != 0)
			return true;
	return false;
}

/** With @p2p no route to the subnet makes a gateway in it a neighbour. */
static void put_routes(struct nl_msg *m, int index, const struct cni_result *r, bool p2p)
{
	for (size_t i = 0; i < r->n_routes; i++) {
		const struct cni_route *from = &r->routes[i];
		struct ipaddr gw = gateway_of(r, from);

		route_add(m, &(struct route){
				     .dst = from->dst,
				     .gw = gw,
				     .onlink = p2p && is_beside_gateway(r, &gw),
				     .oif = index,
				     .priority = (uint32_t)from->priority,
				     .table = from->table > 0 ? (uint32_t)from->table : 0,
				     .mtu = (uint32_t)from->mtu,
				     .advmss = (uint32_t)from->advmss,
				     .scope = (int)from->scope,
			     });
	}
}

/** Whether an address before the @n-th has the same gateway; two of IPv6 would be one too many. */
static bool gateway_is_repeated(const struct cni_result *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!ip_cmp(&r->ips[i].gateway, &r->ips[n].gateway))
			return true;
	return false;
}

/** The same for the subnet. */
static bool subnet_is_repeated(const struct cni_result *r, size_t n)
{
	const struct prefix *p = &r->ips[n].address;

	for (size_t i = 0; i < n; i++)
		if (r->ips[i].address.len == p->len && prefix_contains(p, &r->ips[i].address.ip))
			return true;
	return false;
}

/** The routes that the @n-th address adds, to its gateway and through it; returns how many. */
static size_t p2p_routes(const struct cni_result *r, size_t n, int index, struct route routes[2])
{
	const struct cni_ip *ip = &r->ips[n];
	struct route to_gateway = {.src = ip->address.ip, .oif = index, .scope = -1};
	struct route to_subnet = to_gateway;
	size_t count = 0;

	to_gateway.dst = (struct prefix){ip->gateway, ip_bits(&ip->gateway)};
	to_subnet.dst = (struct prefix){prefix_first(&ip->address), ip->address.len};
	to_subnet.gw = ip->gateway;
	if (!gateway_is_repeated(r, n))
		routes[count++] = to_gateway;
	if (ip->address.len < ip_bits(&ip->address.ip) && !subnet_is_repeated(r, n))
		routes[count++] = to_subnet;
	return count;
}

/** What is different on a point-to-point link. Routes of another interface must not be shadowed. */
static void put_p2p(struct nl_msg *m, int index, const struct cni_result *r, const struct mac *peer)
{
	struct route routes[2];

	for (size_t i = 0; i < r->n_ips; i++) {
		size_t n = p2p_routes(r, i, index, routes);

		for (size_t j = 0; j < n; j++)
			if (ip_is_link_local(&routes[j].dst.ip)) // on each link its own
				route_add(m, &routes[j]);
			else
				route_add_sole(m, &routes[j]);
		neigh_set_permanent(m, index, &r->ips[i].gateway, peer);
	}
}

struct tentative {
	bool any, duplicate;
	struct prefix which;
};

static int on_address(const struct iface_addr *addr, void *ctx, struct err *e)
{
	struct tentative *t = ctx;

	(void)e;
	if (!(addr->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
		return 0;
	// Name one that was found twice, and rather one that was asked for than the link's own.
	if (!t->any || ((addr->flags & IFA_F_DADFAILED) && !ip_is_link_local(&addr->prefix.ip)))
		t->which = addr->prefix;
	t->any = true;
	t->duplicate |= (addr->flags & IFA_F_DADFAILED) != 0;
	return 0;
}

/**
 * Wait until no IPv6 address is tentative. Without duplicate address detection that is a matter of
 * the link coming up, a fraction of a millisecond.
 */
static int wait_for_addresses(struct nl *nl, int index, struct err *e)
{
	enum { WAIT_MS = 5000, LONGEST_NAP_US = 20000 };
	struct tentative t;
	char text[PREFIX_TEXT];
	unsigned int nap = 100, waited = 0;

	for (;; waited += nap) {
		t = (struct tentative){};
		if (ifaddr_each(nl, index, AF_INET6, on_address, &t, e) < 0)
			return -1;
		if (t.duplicate)
			return err_set(e, ERR_EXISTS, "address %s is in use by another host",
				       prefix_format(&t.which, text));
		if (!t.any)
			return 0;
		if (waited > WAIT_MS * 1000)
			return err_set(e, ERR_TRY_AGAIN, "address %s is still tentative after %d s",
				       prefix_format(&t.which, text), WAIT_MS / 1000);
		(void)nanosleep(&(struct timespec){.tv_nsec = nap * 1000L}, NULL);
		nap = nap * 2 > LONGEST_NAP_US ? LONGEST_NAP_US : nap * 2;
	}
}

/** Which kind of link it is. */
struct how {
	enum iface_dad dad;
	const struct mac *peer; ///< of a point-to-point link; NULL: the subnet is on the link
};

/** Addresses before the link comes up, so that it is announced with them; routes need it up. */
static int apply(struct nl *nl, const char *ifname, const struct cni_result *r, struct how how,
		 struct err *e)
{
	enum ifaddr_how flags = (how.dad == IFACE_DAD ? IFADDR_DAD : IFADDR_NODAD) |
				(how.peer ? IFADDR_NO_ROUTE : 0);
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	int index = nl_ifindex(nl, ifname);

	if (!index)
		return err_os(e, ERR_KERNEL, ENODEV, "find %s", ifname);
	for (size_t i = 0; i < r->n_ips; i++)
		ifaddr_add(&m, index, &r->ips[i].address, flags);
	link_set_arp_notify(&m, index);
	link_set_flags(&m, index, IFF_UP, IFF_UP);
	if (how.peer)
		put_p2p(&m, index, r, how.peer);
	// An error names the route only while there are labels left.
	if (m.count + r->n_routes > NL_LABELS && nl_call(nl, &m, e) < 0)
		return -1;
	put_routes(&m, index, r, how.peer);
	if (nl_call(nl, &m, e) < 0)
		return -1;
	return cni_result_has_ipv6(r) ? wait_for_addresses(nl, index, e) : 0;
}

/** Enter the container and open a socket there; both end with the caller's scope. */
static int go_inside(const struct cni_call *call, struct netns *ns, struct nl **nl, struct err *e)
{
	if (netns_enter(ns, call->netns_fd, e) < 0)
		return -1;
	*nl = nl_open(NETLINK_ROUTE, e);
	return *nl ? 0 : -1;
}

static int configure(const struct cni_call *call, const struct cni_result *result, struct how how,
		     struct err *e)
{
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	const char *ifname = call->at.ifname;

	if (go_inside(call, &ns, &nl, e) < 0 ||
	    set_sysctls(ifname, cni_result_has_ipv6(result), how.dad, e) < 0 ||
	    apply(nl, ifname, result, how, e) < 0)
		return err_wrap(e, "configure %s in the container", ifname);
	return 0;
}

int iface_configure(const struct cni_call *call, const struct cni_result *result,
		    enum iface_dad dad, struct err *e)
{
	return configure(call, result, (struct how){.dad = dad}, e);
}

int iface_configure_p2p(const struct cni_call *call, const struct cni_result *result,
			const struct mac *peer, struct err *e)
{
	return configure(call, result, (struct how){.dad = IFACE_NODAD, .peer = peer}, e);
}

int iface_set_up(const struct cni_call *call, struct err *e)
{
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	if (go_inside(call, &ns, &nl, e) < 0)
		return -1;
	link_set_flags(&m, nl_ifindex(nl, call->at.ifname), IFF_UP, IFF_UP);
	return nl_call(nl, &m, e);
}

/** One thing to look for among many of its kind. */
struct search {
	const struct prefix *prefix;
	const struct cni_route *route;
	struct ipaddr gw;
	bool found;
};

static int match_address(const struct iface_addr *addr, void *ctx, struct err *e)
{
	struct search *s = ctx;

	(void)e;
	s->found |= addr->prefix.len == s->prefix->len && !ip_cmp(&addr->prefix.ip, &s->prefix->ip);
	return 0;
}

static int match_route(const struct route *r, void *ctx, struct err *e)
{
	struct search *s = ctx;
	struct ipaddr net = prefix_first(&s->route->dst);

	(void)e;
	s->found |= r->dst.len == s->route->dst.len && !ip_cmp(&r->dst.ip, &net) &&
		    (!s->gw.family || !ip_cmp(&r->gw, &s->gw)) &&
		    (s->route->table <= 0 || r->table == (uint32_t)s->route->table);
	return 0;
}

/** The interface that prevResult lists for the container; -1 if it lists none. */
static int64_t listed_iface(const struct cni_call *call)
{
	const struct cni_iface *iface = cni_call_iface(call);

	return iface ? iface - call->prev->ifaces : -1;
}

bool iface_owns(const struct cni_call *call, const struct cni_ip *ip)
{
	return ip->iface < 0 || ip->iface == listed_iface(call);
}

static int check_link(const struct cni_call *call, struct nl *nl, struct link *link, bool up,
		      struct err *e)
{
	const char *ifname = call->at.ifname;
	int64_t listed = listed_iface(call);
	char text[MAC_TEXT];
	const char *mac;

	if (link_get(nl, ifname, link, e) < 0)
		return e->os == ENODEV
			       ? err_set(e, ERR_MISMATCH, "%s is missing in the container", ifname)
			       : -1;
	if (up && !(link->flags & IFF_UP))
		return err_set(e, ERR_MISMATCH, "%s in the container is down", ifname);
	mac = listed >= 0 ? call->prev->ifaces[listed].mac : NULL;
	if (mac && *mac && strcasecmp(mac, mac_format(&link->mac, text)) != 0)
		return err_set(e, ERR_MISMATCH, "%s in the container has MAC address %s, not %s",
			       ifname, text, mac);
	return 0;
}

static int check_addresses(const struct cni_call *call, struct nl *nl, int index, struct err *e)
{
	for (size_t i = 0; i < call->prev->n_ips; i++) {
		const struct cni_ip *ip = &call->prev->ips[i];
		struct search s = {.prefix = &ip->address};
		char text[PREFIX_TEXT];

		if (!iface_owns(call, ip))
			continue;
		if (ifaddr_each(nl, index, ip->address.ip.family, match_address, &s, e) < 0)
			return -1;
		if (!s.found)
			return err_set(e, ERR_MISMATCH, "address %s is missing on %s",
				       prefix_format(&ip->address, text), call->at.ifname);
	}
	return 0;
}

/** One route of the interface; @gw of family 0 matches any. */
static int check_route(const struct cni_call *call, struct nl *nl, int index,
		       const struct cni_route *route, const struct ipaddr *gw, struct err *e)
{
	struct search s = {.route = route, .gw = *gw};
	char text[PREFIX_TEXT];

	if (route_each(nl, index, route->dst.ip.family, match_route, &s, e) < 0)
		return -1;
	if (!s.found)
		return err_set(e, ERR_MISMATCH, "route %s by %s is missing",
			       prefix_format(&route->dst, text), call->at.ifname);
	return 0;
}

static int check_routes(const struct cni_call *call, struct nl *nl, int index, struct err *e)
{
	for (size_t i = 0; i < call->prev->n_routes; i++) {
		const struct cni_route *route = &call->prev->routes[i];
		struct ipaddr gw = gateway_of(call->prev, route);

		if (check_route(call, nl, index, route, &gw, e) < 0)
			return -1;
	}
	return 0;
}

/** What iface_check() looks at, from inside; @link gets the interface. */
static int check_inside(const struct cni_call *call, struct nl *nl, bool up, struct link *link,
			struct err *e)
{
	if (check_link(call, nl, link, up, e) < 0 || check_addresses(call, nl, link->index, e) < 0)
		return -1;
	return check_routes(call, nl, link->index, e);
}

int iface_check(const struct cni_call *call, bool up, struct err *e)
{
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	struct link link;

	if (go_inside(call, &ns, &nl, e) < 0)
		return -1;
	return check_inside(call, nl, up, &link, e);
}

/** The routes and the neighbour that belong to the @n-th address. */
static int check_p2p(const struct cni_call *call, struct nl *nl, int index, size_t n,
		     const struct mac *peer, struct err *e)
{
	struct route routes[2];
	size_t count = p2p_routes(call->prev, n, index, routes);

	for (size_t i = 0; i < count; i++) {
		const struct cni_route route = {.dst = routes[i].dst, .table = -1};

		if (check_route(call, nl, index, &route, &routes[i].gw, e) < 0)
			return -1;
	}
	return neigh_check_permanent(nl, index, &call->prev->ips[n].gateway, peer, e);
}

int iface_check_p2p(const struct cni_call *call, const struct mac *peer, struct mac *mac,
		    struct err *e)
{
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	struct link link;

	if (go_inside(call, &ns, &nl, e) < 0 || check_inside(call, nl, true, &link, e) < 0)
		return -1;
	for (size_t i = 0; i < call->prev->n_ips; i++)
		if (iface_owns(call, &call->prev->ips[i]) && call->prev->ips[i].gateway.family &&
		    check_p2p(call, nl, link.index, i, peer, e) < 0)
			return err_wrap(e, "%s in the container", call->at.ifname);
	*mac = link.mac;
	return 0;
}

int iface_report(const struct cni_call *call, struct cni_result *result, const struct link *link,
		 const struct mac *mac, const char *sandbox, struct err *e)
{
	char text[MAC_TEXT];
	const struct cni_iface iface = {
		.name = arena_strdup(call->arena, sandbox ? call->at.ifname : link->name),
		.mac = arena_strdup(call->arena, mac_format(mac, text)),
		.mtu = link->mtu,
		.sandbox = sandbox,
	};

	if (!iface.name || !iface.mac || !cni_result_add_iface(result, call->arena, &iface))
		return err_set(e, ERR_TRY_AGAIN, "report result: out of memory");
	return 0;
}

/** Which links a GC has found to go. */
struct collection {
	const struct cni_call *call;
	const char *kind;
	struct nl_msg *removals;
};

static int collect(const struct link *link, void *ctx, struct err *e)
{
	const struct collection *c = ctx;

	(void)e;
	if (!strcmp(link->kind, c->kind) &&
	    attachment_tag_is_of(link->alias, c->call->at.network) &&
	    !cni_call_keeps(link->alias, c->call))
		link_del_index(c->removals, link->index);
	return 0;
}

int iface_gc(const struct cni_call *call, struct nl *nl, const char *kind, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct collection c = {.call = call, .kind = kind, .removals = &m};

	// All links, for an orphan may have lost its bridge.
	if (link_each(nl, 0, collect, &c, e) < 0)
		return -1;
	return nl_call(nl, &m, e);
}
