// SPDX-License-Identifier: Apache-2.0
#include "netlink/route.h"

#include <linux/rtnetlink.h>
#include <string.h>

static uint8_t scope_of(const struct route *r)
{
	if (r->scope >= 0)
		return (uint8_t)r->scope;
	return r->gw.family || r->dst.ip.family == AF_INET6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
}

static void add(struct nl_msg *m, uint16_t flags, const struct route *r)
{
	uint32_t table = r->table ? r->table : RT_TABLE_MAIN;
	const struct rtmsg hdr = {
		.rtm_family = (uint8_t)r->dst.ip.family,
		.rtm_dst_len = (uint8_t)r->dst.len,
		.rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_UNSPEC,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_type = RTN_UNICAST,
		.rtm_scope = scope_of(r),
		.rtm_flags = r->onlink ? RTNH_F_ONLINK : 0,
	};
	struct ipaddr net = prefix_first(&r->dst);
	char dst[PREFIX_TEXT], gw[IP_TEXT];

	nl_begin(m, RTM_NEWROUTE, NLM_F_CREATE | flags, &hdr, sizeof(hdr));
	nl_label(m, "add route %s%s%s", prefix_format(&r->dst, dst), r->gw.family ? " via " : "",
		 r->gw.family ? ip_format(&r->gw, gw) : "");
	if (r->dst.len)
		nl_ip(m, RTA_DST, &net);
	nl_u32(m, RTA_OIF, (uint32_t)r->oif);
	nl_u32(m, RTA_TABLE, table);
	if (r->gw.family)
		nl_ip(m, RTA_GATEWAY, &r->gw);
	if (r->src.family)
		nl_ip(m, RTA_PREFSRC, &r->src);
	if (r->priority)
		nl_u32(m, RTA_PRIORITY, r->priority);
	if (r->mtu || r->advmss) {
		nl_nest(m, RTA_METRICS) {
			if (r->mtu)
				nl_u32(m, RTAX_MTU, r->mtu);
			if (r->advmss)
				nl_u32(m, RTAX_ADVMSS, r->advmss);
		}
	}
}

void route_add(struct nl_msg *m, const struct route *r)
{
	add(m, 0, r);
}

void route_add_sole(struct nl_msg *m, const struct route *r)
{
	add(m, NLM_F_EXCL, r);
}

static struct route parse(const struct nlmsghdr *reply)
{
	const struct nlattr *a[RTA_MAX + 1], *metrics[RTAX_MAX + 1];
	const struct rtmsg *hdr = nl_payload(reply);
	struct route r;

	nl_parse(reply, sizeof(*hdr), a, RTA_MAX);
	nl_parse_nested(a[RTA_METRICS], metrics, RTAX_MAX);
	r = (struct route){
		.dst = {.ip.family = hdr->rtm_family, .len = hdr->rtm_dst_len},
		.oif = (int)nl_get_u32(a[RTA_OIF]),
		.priority = nl_get_u32(a[RTA_PRIORITY]),
		.table = a[RTA_TABLE] ? nl_get_u32(a[RTA_TABLE]) : hdr->rtm_table,
		.mtu = nl_get_u32(metrics[RTAX_MTU]),
		.advmss = nl_get_u32(metrics[RTAX_ADVMSS]),
		.scope = hdr->rtm_scope,
		.onlink = hdr->rtm_flags & RTNH_F_ONLINK,
		.local = hdr->rtm_type == RTN_LOCAL,
	};
	(void)nl_get_ip(a[RTA_DST], hdr->rtm_family, &r.dst.ip);
	(void)nl_get_ip(a[RTA_GATEWAY], hdr->rtm_family, &r.gw);
	(void)nl_get_ip(a[RTA_PREFSRC], hdr->rtm_family, &r.src);
	return r;
}

static int on_answer(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	(void)e;
	if (reply->nlmsg_type == RTM_NEWROUTE)
		*(struct route *)ctx = parse(reply);
	return 0;
}

struct defaults {
	int *oifs;
	size_t n;
};

static void add_default(struct defaults *d, int oif)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->oifs[i] == oif)
			return;
	if (oif && d->n < ROUTE_DEFAULTS)
		d->oifs[d->n++] = oif;
}

static int on_default(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nlattr *a[RTA_MAX + 1];
	const struct rtmsg *hdr = nl_payload(reply);
	const unsigned char *hops;
	size_t len;

	(void)e;
	if (reply->nlmsg_type != RTM_NEWROUTE || hdr->rtm_dst_len || hdr->rtm_type != RTN_UNICAST)
		return 0;
	nl_parse(reply, sizeof(*hdr), a, RTA_MAX);
	add_default(ctx, (int)nl_get_u32(a[RTA_OIF]));
	hops = nl_get_data(a[RTA_MULTIPATH], &len);
	for (struct rtnexthop hop; hops && len >= sizeof(hop);) {
		memcpy(&hop, hops, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || RTNH_ALIGN((size_t)hop.rtnh_len) > len)
			break;
		add_default(ctx, hop.rtnh_ifindex);
		hops += RTNH_ALIGN((size_t)hop.rtnh_len);
		len -= RTNH_ALIGN((size_t)hop.rtnh_len);
	}
	return 0;
}

/** Ask for the way to @ip; @on_reply sees the route as it is in the table, if there is one. */
static int look_up(struct nl *nl, const struct ipaddr *ip, nl_reply_fn *on_reply, void *ctx,
		   struct err *e)
{
	const struct rtmsg hdr = {.rtm_family = (uint8_t)ip->family,
				  .rtm_dst_len = (uint8_t)ip_bits(ip),
				  .rtm_flags = RTM_F_FIB_MATCH};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	char text[IP_TEXT];

	nl_begin(&m, RTM_GETROUTE, 0, &hdr, sizeof(hdr));
	nl_label(&m, "find route to %s", ip_format(ip, text));
	nl_ip(&m, RTA_DST, ip);
	if (nl_get(nl, &m, on_reply, ctx, e) < 0)
		return e->code == ERR_KERNEL ? 0 : -1; // the verdict of the route, not of the call
	return 0;
}

int route_to(struct nl *nl, const struct ipaddr *ip, struct route *out, struct err *e)
{
	*out = (struct route){};
	return look_up(nl, ip, on_answer, out, e);
}

/**
 * Addresses that no other route is about: of "this network" (RFC 1122, 3.2.1.3), which nobody
 * routes but the kernel looks up like any, and of the IPv4-compatible ones (RFC 4291, 2.5.5.1).
 */
int route_defaults(struct nl *nl, int oifs[static ROUTE_DEFAULTS], size_t *n, struct err *e)
{
	static const struct ipaddr v4 = {.family = AF_INET, .bytes = {[3] = 1}};
	static const struct ipaddr v6 = {.family = AF_INET6, .bytes = {[15] = 2}};
	struct defaults d = {.oifs = oifs};

	if (look_up(nl, &v4, on_default, &d, e) < 0 || look_up(nl, &v6, on_default, &d, e) < 0)
		return -1;
	*n = d.n;
	return 0;
}

struct each {
	route_fn *fn;
	void *ctx;
	int oif;
};

static int on_route(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct rtmsg *hdr = nl_payload(reply);
	const struct each *each = ctx;
	struct route r;

	if (reply->nlmsg_type != RTM_NEWROUTE || hdr->rtm_type != RTN_UNICAST)
		return 0;
	r = parse(reply);
	return r.oif == each->oif ? each->fn(&r, each->ctx, e) : 0;
}

int route_each(struct nl *nl, int oif, int family, route_fn *fn, void *ctx, struct err *e)
{
	const struct rtmsg hdr = {.rtm_family = (uint8_t)family};
	struct each each = {fn, ctx, oif};
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nl_begin(&m, RTM_GETROUTE, 0, &hdr, sizeof(hdr));
	nl_label(&m, "list routes");
	return nl_dump(nl, &m, on_route, &each, e);
}
