// SPDX-License-Identifier: Apache-2.0
#include "netlink/ifaddr.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static struct ifaddrmsg header(int index, const struct prefix *p)
{
	return (struct ifaddrmsg){
		.ifa_family = (uint8_t)p->ip.family,
		.ifa_prefixlen = (uint8_t)p->len,
		.ifa_index = (uint32_t)index,
	};
}

void ifaddr_add(struct nl_msg *m, int index, const struct prefix *p, enum ifaddr_how how)
{
	const struct ifaddrmsg hdr = header(index, p);
	uint32_t flags = how & IFADDR_NO_ROUTE ? IFA_F_NOPREFIXROUTE : 0;
	char text[PREFIX_TEXT];

	nl_begin(m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &hdr, sizeof(hdr));
	nl_label(m, "add address %s", prefix_format(p, text));
	nl_ip(m, IFA_LOCAL, &p->ip);
	nl_ip(m, IFA_ADDRESS, &p->ip);
	if (p->ip.family == AF_INET && p->len < 31) {
		struct ipaddr last = prefix_last(p);

		nl_ip(m, IFA_BROADCAST, &last);
	}
	if (p->ip.family == AF_INET6 && !(how & IFADDR_DAD))
		flags |= IFA_F_NODAD;
	if (flags)
		nl_u32(m, IFA_FLAGS, flags);
}

void ifaddr_del(struct nl_msg *m, int index, const struct prefix *p)
{
	const struct ifaddrmsg hdr = header(index, p);
	char text[PREFIX_TEXT];

	nl_begin(m, RTM_DELADDR, 0, &hdr, sizeof(hdr));
	nl_label(m, "delete address %s", prefix_format(p, text));
	nl_ip(m, IFA_LOCAL, &p->ip);
}

/** One address of an interface in the form of netdevice(7); family 0 if there is none. */
static struct ipaddr ask(int fd, int request, const char *name)
{
	struct ipaddr ip = {};
	struct sockaddr_in sin;
	struct ifreq ifr = {};

	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, request, &ifr) < 0)
		return ip;
	memcpy(&sin, &ifr.ifr_addr, sizeof(sin));
	ip.family = AF_INET;
	ip.v4 = sin.sin_addr;
	return ip;
}

bool ifaddr_is_first(const char *name, const struct prefix *p)
{
	_cleanup_(fd_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct prefix ones = {.ip = {.family = AF_INET, .v4.s_addr = INADDR_BROADCAST},
			      .len = p->len};
	struct ipaddr mask = prefix_first(&ones), there, its_mask;

	if (fd < 0 || p->ip.family != AF_INET)
		return false;
	there = ask(fd, SIOCGIFADDR, name);
	its_mask = ask(fd, SIOCGIFNETMASK, name);
	return !ip_cmp(&there, &p->ip) && !ip_cmp(&its_mask, &mask);
}

struct each {
	ifaddr_fn *fn;
	void *ctx;
	int index;
};

static int on_addr(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct ifaddrmsg *hdr = nl_payload(reply);
	const struct nlattr *a[IFA_MAX + 1];
	const struct each *each = ctx;
	struct iface_addr addr;

	if (reply->nlmsg_type != RTM_NEWADDR)
		return 0;
	nl_parse(reply, sizeof(*hdr), a, IFA_MAX);
	addr = (struct iface_addr){
		.index = (int)hdr->ifa_index,
		.prefix.len = hdr->ifa_prefixlen,
		.flags = a[IFA_FLAGS] ? nl_get_u32(a[IFA_FLAGS]) : hdr->ifa_flags,
	};
	// IFA_ADDRESS is the other end on point-to-point links; IPv6 may lack IFA_LOCAL.
	if (!nl_get_ip(a[IFA_LOCAL] ? a[IFA_LOCAL] : a[IFA_ADDRESS], hdr->ifa_family,
		       &addr.prefix.ip))
		return 0;
	return each->index && addr.index != each->index ? 0 : each->fn(&addr, each->ctx, e);
}

int ifaddr_each(struct nl *nl, int index, int family, ifaddr_fn *fn, void *ctx, struct err *e)
{
	const struct ifaddrmsg hdr = {.ifa_family = (uint8_t)family, .ifa_index = (uint32_t)index};
	struct each each = {fn, ctx, index};
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nl_begin(&m, RTM_GETADDR, 0, &hdr, sizeof(hdr));
	nl_label(&m, "list addresses of interface %d", index);
	return nl_dump(nl, &m, on_addr, &each, e);
}
