// SPDX-License-Identifier: Apache-2.0
#include "netlink/link.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>

enum { OPER_UP = 6 }; ///< IF_OPER_UP; linux/if.h clashes with net/if.h

static const struct ifinfomsg any = {.ifi_family = AF_UNSPEC};

/** What only interfaces of some kinds have. */
static void fill_kind(struct link *out, const struct nlattr *data)
{
	const struct nlattr *a[IFLA_BR_MAX + 1];

	if (!strcmp(out->kind, "bridge")) {
		nl_parse_nested(data, a, IFLA_BR_MAX);
		out->vlan_filtering = nl_get_u8(a[IFLA_BR_VLAN_FILTERING]);
	} else if (!strcmp(out->kind, "vlan")) {
		nl_parse_nested(data, a, IFLA_VLAN_MAX);
		out->vlan = nl_get_u16(a[IFLA_VLAN_ID]);
	}
}

static void fill_mac(struct mac *out, const struct nlattr *a)
{
	size_t len;
	const void *mac = nl_get_data(a, &len);

	if (len == sizeof(out->bytes))
		memcpy(out->bytes, mac, len);
}

void link_parse(struct link *out, const struct nlmsghdr *reply)
{
	const struct nlattr *a[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1], *xdp[IFLA_XDP_MAX + 1];
	const struct ifinfomsg *hdr = nl_payload(reply);

	nl_parse(reply, sizeof(*hdr), a, IFLA_MAX);
	nl_parse_nested(a[IFLA_LINKINFO], info, IFLA_INFO_MAX);
	nl_parse_nested(a[IFLA_XDP], xdp, IFLA_XDP_MAX);
	*out = (struct link){
		.index = hdr->ifi_index,
		.flags = hdr->ifi_flags,
		.master = (int)nl_get_u32(a[IFLA_MASTER]),
		.peer = (int)nl_get_u32(a[IFLA_LINK]),
		.peer_nsid = a[IFLA_LINK_NETNSID] ? (int)nl_get_u32(a[IFLA_LINK_NETNSID]) : -1,
		.mtu = nl_get_u32(a[IFLA_MTU]),
		.txqlen = nl_get_u32(a[IFLA_TXQLEN]),
		.xdp = nl_get_u8(xdp[IFLA_XDP_ATTACHED]),
		.operational = nl_get_u8(a[IFLA_OPERSTATE]) == OPER_UP,
	};
	(void)snprintf(out->name, sizeof(out->name), "%s", nl_get_str(a[IFLA_IFNAME], ""));
	(void)snprintf(out->kind, sizeof(out->kind), "%s", nl_get_str(info[IFLA_INFO_KIND], ""));
	fill_kind(out, info[IFLA_INFO_DATA]);
	(void)snprintf(out->alias, sizeof(out->alias), "%s", nl_get_str(a[IFLA_IFALIAS], ""));
	(void)snprintf(out->parent, sizeof(out->parent), "%s",
		       nl_get_str(a[IFLA_PARENT_DEV_NAME], ""));
	fill_mac(&out->mac, a[IFLA_ADDRESS]);
	fill_mac(&out->permanent, a[IFLA_PERM_ADDRESS]);
}

static int on_link(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	(void)e;
	if (reply->nlmsg_type == RTM_NEWLINK)
		link_parse(ctx, reply);
	return 0;
}

/** Bridges say so in their driver information; of other kinds we only know that they are others. */
static bool is_bridge(const struct nl *nl, const char *name)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq ifr = {.ifr_data = (void *)&info};

	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return nl_ioctl(nl, SIOCETHTOOL, &ifr) == 0 && !strcmp(info.driver, "bridge");
}

int link_refresh(struct nl *nl, struct link *link, struct err *e)
{
	struct ifreq ifr = {};

	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", link->name);
	if (nl_ioctl(nl, SIOCGIFFLAGS, &ifr) < 0)
		return err_os(e, ERR_KERNEL, errno, "read flags of interface %s", link->name);
	link->flags = (unsigned short)ifr.ifr_flags;
	link->operational = link->flags & IFF_RUNNING;
	if (nl_ioctl(nl, SIOCGIFMTU, &ifr) < 0)
		return err_os(e, ERR_KERNEL, errno, "read MTU of interface %s", link->name);
	link->mtu = (uint32_t)ifr.ifr_mtu;
	if (nl_ioctl(nl, SIOCGIFHWADDR, &ifr) < 0)
		return err_os(e, ERR_KERNEL, errno, "read MAC address of interface %s", link->name);
	memcpy(link->mac.bytes, ifr.ifr_hwaddr.sa_data, sizeof(link->mac.bytes));
	return 0;
}

int link_find(struct nl *nl, const char *name, struct link *out, struct err *e)
{
	struct link link = {.index = nl_ifindex(nl, name)};

	if (!link.index)
		return err_os(e, ERR_KERNEL, ENODEV, "find interface %s", name);
	(void)snprintf(link.name, sizeof(link.name), "%s", name);
	if (is_bridge(nl, name))
		(void)snprintf(link.kind, sizeof(link.kind), "bridge");
	if (link_refresh(nl, &link, e) < 0)
		return -1;
	*out = link;
	return 0;
}

int link_get(struct nl *nl, const char *name, struct link *out, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nl_begin(&m, RTM_GETLINK, 0, &any, sizeof(any));
	nl_label(&m, "find interface %s", name);
	nl_str(&m, IFLA_IFNAME, name);
	nl_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return nl_get(nl, &m, on_link, out, e);
}

int link_get_index(struct nl *nl, int index, struct link *out, struct err *e)
{
	const struct ifinfomsg hdr = {.ifi_index = index};
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nl_begin(&m, RTM_GETLINK, 0, &hdr, sizeof(hdr));
	nl_label(&m, "find interface %d", index);
	nl_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return nl_get(nl, &m, on_link, out, e);
}

static int on_nsid(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nlattr *a[NETNSA_MAX + 1];

	(void)e;
	nl_parse(reply, sizeof(struct rtgenmsg), a, NETNSA_MAX);
	*(int *)ctx = a[NETNSA_NSID] ? (int)nl_get_u32(a[NETNSA_NSID]) : -1;
	return 0;
}

int link_nsid(struct nl *nl, int fd, int *nsid, struct err *e)
{
	const struct rtgenmsg hdr = {.rtgen_family = AF_UNSPEC};
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nl_begin(&m, RTM_GETNSID, 0, &hdr, sizeof(hdr));
	nl_label(&m, "find number of a network namespace");
	nl_u32(&m, NETNSA_FD, (uint32_t)fd);
	return nl_get(nl, &m, on_nsid, nsid, e);
}

struct each {
	link_fn *fn;
	void *ctx;
	int master;
};

static int on_each(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct each *each = ctx;
	struct link link;

	if (reply->nlmsg_type != RTM_NEWLINK)
		return 0;
	link_parse(&link, reply);
	// The kernel filters by master where it can; older ones may send more.
	return each->master && link.master != each->master ? 0 : each->fn(&link, each->ctx, e);
}

int link_each(struct nl *nl, int master, link_fn *fn, void *ctx, struct err *e)
{
	struct each each = {fn, ctx, master};
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nl_begin(&m, RTM_GETLINK, 0, &any, sizeof(any));
	nl_label(&m, "list interfaces");
	nl_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (master)
		nl_u32(&m, IFLA_MASTER, (uint32_t)master);
	return nl_dump(nl, &m, on_each, &each, e);
}

void link_add_bridge(struct nl_msg *m, const struct link_bridge *bridge)
{
	nl_begin(m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &any, sizeof(any));
	nl_label(m, "add bridge %s", bridge->name);
	nl_str(m, IFLA_IFNAME, bridge->name);
	nl_put(m, IFLA_ADDRESS, bridge->mac.bytes, sizeof(bridge->mac.bytes));
	if (bridge->mtu)
		nl_u32(m, IFLA_MTU, bridge->mtu);
	nl_nest(m, IFLA_LINKINFO) {
		nl_str(m, IFLA_INFO_KIND, "bridge");
		if (bridge->vlan_filtering) {
			nl_nest(m, IFLA_INFO_DATA)
				nl_u8(m, IFLA_BR_VLAN_FILTERING, 1);
		}
	}
}

void link_add_ifb(struct nl_msg *m, const char *name, const struct mac *mac, uint32_t mtu)
{
	nl_begin(m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &any, sizeof(any));
	nl_label(m, "add ifb %s", name);
	nl_str(m, IFLA_IFNAME, name);
	nl_put(m, IFLA_ADDRESS, mac->bytes, sizeof(mac->bytes));
	nl_u32(m, IFLA_MTU, mtu);
	nl_nest(m, IFLA_LINKINFO)
		nl_str(m, IFLA_INFO_KIND, "ifb");
}

void link_add_vlan(struct nl_msg *m, const char *name, int lower, uint16_t vlan)
{
	nl_begin(m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &any, sizeof(any));
	nl_label(m, "add VLAN interface %s", name);
	nl_str(m, IFLA_IFNAME, name);
	nl_u32(m, IFLA_LINK, (uint32_t)lower);
	nl_nest(m, IFLA_LINKINFO) {
		nl_str(m, IFLA_INFO_KIND, "vlan");
		nl_nest(m, IFLA_INFO_DATA)
			nl_u16(m, IFLA_VLAN_ID, vlan);
	}
}

/**
 * What both ends have in common. The kernel would make a queue per possible processor, each with
 * objects in sysfs, and then take all but one away again.
 */
static void put_veth_end(struct nl_msg *m, const struct link_veth *veth)
{
	nl_u32(m, IFLA_NUM_TX_QUEUES, 1);
	nl_u32(m, IFLA_NUM_RX_QUEUES, 1);
	if (veth->mtu)
		nl_u32(m, IFLA_MTU, veth->mtu);
}

void link_add_veth(struct nl_msg *m, const struct link_veth *veth)
{
	nl_begin(m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &any, sizeof(any));
	nl_label(m, "add veth %s with peer %s", veth->name, veth->peer_name);
	nl_str(m, IFLA_IFNAME, veth->name);
	nl_put(m, IFLA_ADDRESS, veth->mac.bytes, sizeof(veth->mac.bytes));
	put_veth_end(m, veth);
	if (veth->master)
		nl_u32(m, IFLA_MASTER, (uint32_t)veth->master);
	nl_nest(m, IFLA_LINKINFO) {
		nl_str(m, IFLA_INFO_KIND, "veth");
		nl_nest(m, IFLA_INFO_DATA) {
			nl_nest_hdr(m, VETH_INFO_PEER, &any, sizeof(any)) {
				nl_str(m, IFLA_IFNAME, veth->peer_name);
				nl_put(m, IFLA_ADDRESS, veth->peer_mac.bytes,
				       sizeof(veth->peer_mac.bytes));
				nl_u32(m, IFLA_NET_NS_FD, (uint32_t)veth->peer_ns);
				put_veth_end(m, veth);
			}
		}
	}
}

void link_set_flags(struct nl_msg *m, int index, unsigned int flags, unsigned int mask)
{
	const struct ifinfomsg hdr = {.ifi_index = index, .ifi_flags = flags, .ifi_change = mask};

	nl_begin(m, RTM_NEWLINK, 0, &hdr, sizeof(hdr));
	nl_label(m, "set interface %d %s", index, mask == IFF_UP ? flags ? "up" : "down" : "flags");
}

void link_set_mac(struct nl_msg *m, int index, const struct mac *mac)
{
	const struct ifinfomsg hdr = {.ifi_index = index};
	char text[MAC_TEXT];

	nl_begin(m, RTM_NEWLINK, 0, &hdr, sizeof(hdr));
	nl_label(m, "set MAC address of interface %d to %s", index, mac_format(mac, text));
	nl_put(m, IFLA_ADDRESS, mac->bytes, sizeof(mac->bytes));
}

static void set_u32(struct nl_msg *m, int index, uint16_t attr, uint32_t value, const char *what)
{
	const struct ifinfomsg hdr = {.ifi_index = index};

	nl_begin(m, RTM_NEWLINK, 0, &hdr, sizeof(hdr));
	nl_label(m, "set %s of interface %d to %u", what, index, value);
	nl_u32(m, attr, value);
}

void link_set_mtu(struct nl_msg *m, int index, uint32_t mtu)
{
	set_u32(m, index, IFLA_MTU, mtu, "MTU");
}

void link_set_txqlen(struct nl_msg *m, int index, uint32_t txqlen)
{
	set_u32(m, index, IFLA_TXQLEN, txqlen, "transmit queue length");
}

void link_move(struct nl_msg *m, int index, int ns, const char *name)
{
	const struct ifinfomsg hdr = {.ifi_index = index};

	nl_begin(m, RTM_NEWLINK, 0, &hdr, sizeof(hdr));
	nl_label(m, "move interface %d to another namespace as %s", index, name);
	nl_u32(m, IFLA_NET_NS_FD, (uint32_t)ns);
	nl_str(m, IFLA_IFNAME, name);
}

void link_set_name(struct nl_msg *m, int index, const char *name)
{
	const struct ifinfomsg hdr = {.ifi_index = index};

	nl_begin(m, RTM_NEWLINK, 0, &hdr, sizeof(hdr));
	nl_label(m, "rename interface %d to %s", index, name);
	nl_str(m, IFLA_IFNAME, name);
}

void link_set_alias_index(struct nl_msg *m, int index, const char *alias)
{
	const struct ifinfomsg hdr = {.ifi_index = index};

	nl_begin(m, RTM_NEWLINK, 0, &hdr, sizeof(hdr));
	nl_label(m, "set alias of interface %d", index);
	nl_put(m, IFLA_IFALIAS, alias, strlen(alias));
}

void link_set_alias(struct nl_msg *m, const char *name, const char *alias)
{
	nl_begin(m, RTM_NEWLINK, 0, &any, sizeof(any));
	nl_label(m, "set alias of interface %s", name);
	nl_str(m, IFLA_IFNAME, name);
	nl_str(m, IFLA_IFALIAS, alias);
}

void link_set_no_ipv6_address(struct nl_msg *m, int index)
{
	const struct ifinfomsg hdr = {.ifi_index = index};

	nl_begin(m, RTM_NEWLINK, 0, &hdr, sizeof(hdr));
	nl_label(m, "set address generation mode of interface %d", index);
	nl_forgive(m, EAFNOSUPPORT);
	nl_nest(m, IFLA_AF_SPEC) {
		nl_nest(m, AF_INET6)
			nl_u8(m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	}
}

void link_set_arp_notify(struct nl_msg *m, int index)
{
	const struct ifinfomsg hdr = {.ifi_index = index};

	nl_begin(m, RTM_NEWLINK, 0, &hdr, sizeof(hdr));
	nl_label(m, "set arp_notify of interface %d", index);
	nl_nest(m, IFLA_AF_SPEC) {
		nl_nest(m, AF_INET) {
			nl_nest(m, IFLA_INET_CONF)
				nl_u32(m, IPV4_DEVCONF_ARP_NOTIFY, 1);
		}
	}
}

void link_del(struct nl_msg *m, const char *name)
{
	nl_begin(m, RTM_DELLINK, 0, &any, sizeof(any));
	nl_label(m, "delete interface %s", name);
	nl_str(m, IFLA_IFNAME, name);
}

void link_del_index(struct nl_msg *m, int index)
{
	const struct ifinfomsg hdr = {.ifi_index = index};

	nl_begin(m, RTM_DELLINK, 0, &hdr, sizeof(hdr));
	nl_label(m, "delete interface %d", index);
	nl_forgive(m, ENODEV);
}

int undo_link_del(void *ctx, int index, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	link_del_index(&m, index);
	return nl_call(ctx, &m, e);
}
