// SPDX-License-Identifier: Apache-2.0
#include "netlink/port.h"

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
