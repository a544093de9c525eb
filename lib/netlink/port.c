// SPDX-License-Identifier: Apache-2.0
#include "netlink/port.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

void port_set(struct nl_msg *m, int index, const struct port *port)
{
	const struct ifinfomsg hdr = {.ifi_family = AF_BRIDGE, .ifi_index = index};

	nl_begin(m, RTM_SETLINK, 0, &hdr, sizeof(hdr));
	nl_label(m, "set flags of bridge port %d", index);
	nl_nest(m, IFLA_PROTINFO | NLA_F_NESTED) {
		nl_u8(m, IFLA_BRPORT_MODE, port->hairpin);
		nl_u8(m, IFLA_BRPORT_ISOLATED, port->isolated);
		nl_u16(m, IFLA_BRPORT_GROUP_FWD_MASK, port->group_fwd_mask);
	}
}

static int on_port(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nlattr *a[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1], *port[IFLA_BRPORT_MAX + 1];
	struct port *out = ctx;

	nl_parse(reply, sizeof(struct ifinfomsg), a, IFLA_MAX);
	nl_parse_nested(a[IFLA_LINKINFO], info, IFLA_INFO_MAX);
	if (strcmp(nl_get_str(info[IFLA_INFO_SLAVE_KIND], ""), "bridge") != 0)
		return err_set(e, ERR_MISMATCH, "interface is not a bridge port");
	nl_parse_nested(info[IFLA_INFO_SLAVE_DATA], port, IFLA_BRPORT_MAX);
	out->hairpin = nl_get_u8(port[IFLA_BRPORT_MODE]);
	out->isolated = nl_get_u8(port[IFLA_BRPORT_ISOLATED]);
	out->group_fwd_mask = nl_get_u16(port[IFLA_BRPORT_GROUP_FWD_MASK]);
	return 0;
}

int port_get(struct nl *nl, int index, struct port *out, struct err *e)
{
	const struct ifinfomsg hdr = {.ifi_index = index};
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nl_begin(&m, RTM_GETLINK, 0, &hdr, sizeof(hdr));
	nl_label(&m, "read flags of bridge port %d", index);
	nl_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return nl_get(nl, &m, on_port, out, e);
}

enum { VLAN_FIRST = 1, VLAN_LAST = 4094 };

/** The VLANs as the kernel wants them: one by itself, or the two ends of a range. */
static void put_vlans(struct nl_msg *m, const struct port_vlans *vlans)
{
	uint16_t flags = vlans->native ? BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED : 0;
	struct bridge_vlan_info info = {.flags = flags, .vid = vlans->first};

	if (vlans->first != vlans->last) {
		info.flags = flags | BRIDGE_VLAN_INFO_RANGE_BEGIN;
		nl_put(m, IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
		info = (struct bridge_vlan_info){.flags = flags | BRIDGE_VLAN_INFO_RANGE_END,
						 .vid = vlans->last};
	}
	nl_put(m, IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
}

static void change_vlans(struct nl_msg *m, uint16_t type, int index, uint16_t whose,
			 const struct port_vlans *vlans)
{
	const struct ifinfomsg hdr = {.ifi_family = AF_BRIDGE, .ifi_index = index};

	nl_begin(m, type, 0, &hdr, sizeof(hdr));
	nl_label(m, "%s VLANs %u-%u of bridge port %d", type == RTM_SETLINK ? "add" : "delete",
		 vlans->first, vlans->last, index);
	nl_nest(m, IFLA_AF_SPEC | NLA_F_NESTED) {
		if (whose)
			nl_u16(m, IFLA_BRIDGE_FLAGS, whose);
		put_vlans(m, vlans);
	}
}

void port_vlan_add(struct nl_msg *m, int index, const struct port_vlans *vlans)
{
	change_vlans(m, RTM_SETLINK, index, 0, vlans);
}

void port_vlan_clear(struct nl_msg *m, int index)
{
	change_vlans(m, RTM_DELLINK, index, 0,
		     &(struct port_vlans){.first = VLAN_FIRST, .last = VLAN_LAST});
}

void bridge_vlan_add(struct nl_msg *m, int index, uint16_t vlan)
{
	change_vlans(m, RTM_SETLINK, index, BRIDGE_FLAGS_SELF,
		     &(struct port_vlans){.first = vlan, .last = vlan});
}

struct vlan_query {
	int index;
	uint8_t *flags;
};

static void note_vlans(const struct nlattr *entry, uint8_t *flags)
{
	const struct nlattr *a[BRIDGE_VLANDB_ENTRY_MAX + 1];
	struct bridge_vlan_info info = {};
	uint8_t value = PORT_VLAN_MEMBER;
	const void *data;
	uint16_t last;
	size_t len;

	nl_parse_nested(entry, a, BRIDGE_VLANDB_ENTRY_MAX);
	data = nl_get_data(a[BRIDGE_VLANDB_ENTRY_INFO], &len);
	if (len < sizeof(info))
		return;
	memcpy(&info, data, sizeof(info));
	last = a[BRIDGE_VLANDB_ENTRY_RANGE] ? nl_get_u16(a[BRIDGE_VLANDB_ENTRY_RANGE]) : info.vid;
	if (info.flags & BRIDGE_VLAN_INFO_PVID)
		value |= PORT_VLAN_PVID;
	if (info.flags & BRIDGE_VLAN_INFO_UNTAGGED)
		value |= PORT_VLAN_UNTAGGED;
	for (uint32_t vid = info.vid; vid <= last && vid < PORT_VLANS; vid++)
		flags[vid] = value;
}

static int on_vlans(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct br_vlan_msg *hdr = nl_payload(reply);
	const struct vlan_query *query = ctx;

	(void)e;
	if (reply->nlmsg_type != RTM_NEWVLAN || (int)hdr->ifindex != query->index)
		return 0;
	for (const struct nlattr *a = nl_next(reply, sizeof(*hdr), NULL); a;
	     a = nl_next(reply, sizeof(*hdr), a))
		if (nl_type(a) == BRIDGE_VLANDB_ENTRY)
			note_vlans(a, query->flags);
	return 0;
}

int port_vlan_get(struct nl *nl, int index, uint8_t flags[static PORT_VLANS], struct err *e)
{
	const struct br_vlan_msg hdr = {.family = AF_BRIDGE, .ifindex = (uint32_t)index};
	struct vlan_query query = {index, flags};
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	memset(flags, 0, PORT_VLANS);
	nl_begin(&m, RTM_GETVLAN, 0, &hdr, sizeof(hdr));
	nl_label(&m, "list VLANs of bridge port %d", index);
	return nl_dump(nl, &m, on_vlans, &query, e);
}
