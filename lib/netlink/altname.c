// SPDX-License-Identifier: Apache-2.0
#include "netlink/altname.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

/** Append the removal of all that this answer lists. */
static int on_link(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct ifinfomsg *hdr = nl_payload(reply);
	const struct ifinfomsg same = {.ifi_index = hdr->ifi_index};
	const struct nlattr *a[IFLA_MAX + 1], *name = NULL;
	struct nl_msg *removal = ctx;

	(void)e;
	nl_parse(reply, sizeof(*hdr), a, IFLA_MAX);
	if (reply->nlmsg_type != RTM_NEWLINK || !a[IFLA_PROP_LIST])
		return 0;
	nl_begin(removal, RTM_DELLINKPROP, 0, &same, sizeof(same));
	nl_label(removal, "remove the alternative names of interface %d", same.ifi_index);
	nl_nest(removal, IFLA_PROP_LIST | NLA_F_NESTED) {
		while ((name = nl_next_nested(a[IFLA_PROP_LIST], name)))
			if (nl_type(name) == IFLA_ALT_IFNAME)
				nl_str(removal, IFLA_ALT_IFNAME, nl_get_str(name, ""));
	}
	return 0;
}

int altname_remove_all(struct nl *nl, int index, struct err *e)
{
	const struct ifinfomsg hdr = {.ifi_index = index};
	_cleanup_(nl_msg_free) struct nl_msg query = {}, removal = {};

	nl_begin(&query, RTM_GETLINK, 0, &hdr, sizeof(hdr));
	nl_label(&query, "find interface %d", index);
	nl_u32(&query, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (nl_get(nl, &query, on_link, &removal, e) < 0)
		return -1;
	return nl_call(nl, &removal, e);
}
