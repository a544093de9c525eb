// SPDX-License-Identifier: Apache-2.0
#include "netlink/neigh.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

static void set(struct nl_msg *m, uint16_t state, int index, const struct ipaddr *ip,
		const struct mac *mac)
{
	const struct ndmsg hdr = {
		.ndm_family = (uint8_t)ip->family,
		.ndm_ifindex = index,
		.ndm_state = state,
	};
	char text[IP_TEXT];

	nl_begin(m, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &hdr, sizeof(hdr));
	nl_label(m, "set neighbour %s on interface %d", ip_format(ip, text), index);
	nl_ip(m, NDA_DST, ip);
	nl_put(m, NDA_LLADDR, mac->bytes, sizeof(mac->bytes));
}

void neigh_set(struct nl_msg *m, int index, const struct ipaddr *ip, const struct mac *mac)
{
	set(m, NUD_STALE, index, ip, mac);
}

void neigh_set_permanent(struct nl_msg *m, int index, const struct ipaddr *ip,
			 const struct mac *mac)
{
	set(m, NUD_PERMANENT, index, ip, mac);
}

/** What is known of a neighbour. */
struct neigh {
	struct mac mac; ///< zero while it is not known
	bool permanent;
};

static int on_neigh(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct ndmsg *hdr = nl_payload(reply);
	const struct nlattr *a[NDA_MAX + 1];
	struct neigh *out = ctx;
	const void *mac;
	size_t len;

	(void)e;
	if (reply->nlmsg_type != RTM_NEWNEIGH)
		return 0;
	nl_parse(reply, sizeof(*hdr), a, NDA_MAX);
	out->permanent = hdr->ndm_state & NUD_PERMANENT;
	mac = nl_get_data(a[NDA_LLADDR], &len);
	if (len == sizeof(out->mac.bytes))
		memcpy(out->mac.bytes, mac, len);
	return 0;
}

int neigh_check_permanent(struct nl *nl, int index, const struct ipaddr *ip, const struct mac *mac,
			  struct err *e)
{
	const struct ndmsg hdr = {.ndm_family = (uint8_t)ip->family, .ndm_ifindex = index};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	char text[IP_TEXT], found[MAC_TEXT], wanted[MAC_TEXT];
	struct neigh neigh = {};

	nl_begin(&m, RTM_GETNEIGH, 0, &hdr, sizeof(hdr));
	nl_label(&m, "find neighbour %s on interface %d", ip_format(ip, text), index);
	nl_ip(&m, NDA_DST, ip);
	if (nl_get(nl, &m, on_neigh, &neigh, e) < 0)
		return e->os == ENOENT ? err_set(e, ERR_MISMATCH, "neighbour %s is missing", text)
				       : -1;
	if (!neigh.permanent)
		return err_set(e, ERR_MISMATCH, "neighbour %s is not permanent", text);
	if (memcmp(&neigh.mac, mac, sizeof(*mac)) != 0)
		return err_set(e, ERR_MISMATCH, "neighbour %s has MAC address %s, not %s", text,
			       mac_format(&neigh.mac, found), mac_format(mac, wanted));
	return 0;
}
