// SPDX-License-Identifier: Apache-2.0
#include "netlink/neigh.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

void neigh_set(struct nl_msg *m, int index, const struct ipaddr *ip, const struct mac *mac)
{
	const struct ndmsg hdr = {
		.ndm_family = (uint8_t)ip->family,
		.ndm_ifindex = index,
		.ndm_state = NUD_STALE,
	};
	char text[IP_TEXT];

	nl_begin(m, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &hdr, sizeof(hdr));
	nl_label(m, "set neighbour %s on interface %d", ip_format(ip, text), index);
	nl_ip(m, NDA_DST, ip);
	nl_put(m, NDA_LLADDR, mac->bytes, sizeof(mac->bytes));
}
