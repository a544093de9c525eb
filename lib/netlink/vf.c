// SPDX-License-Identifier: Apache-2.0
#include "netlink/vf.h"
#include <arpa/inet.h>

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

static void get_mac(const struct nlattr *a, struct vf *out)
{
	size_t len;
	const struct ifla_vf_mac *mac = nl_get_data(a, &len);

	if (len < sizeof(*mac))
		return;
	memcpy(out->mac.bytes, mac->mac, sizeof(out->mac.bytes));
	out->known |= VF_MAC;
}

/** The list has the protocol; kernels before 4.9 had the other attribute alone. */
static void get_vlan(const struct nlattr *list, const struct nlattr *single, struct vf *out)
{
	const struct nlattr *a[IFLA_VF_VLAN_INFO_MAX + 1] = {};
	const struct ifla_vf_vlan_info *info;
	const struct ifla_vf_vlan *vlan;
	size_t len;

	if (list)
		nl_parse_nested(list, a, IFLA_VF_VLAN_INFO_MAX);
	info = nl_get_data(a[IFLA_VF_VLAN_INFO], &len);
	if (len >= sizeof(*info)) {
		out->vlan = (uint16_t)info->vlan;
		out->qos = (uint8_t)info->qos;
		out->proto = ntohs(info->vlan_proto);
		out->known |= VF_VLAN;
		return;
	}
	vlan = nl_get_data(single, &len);
	if (len < sizeof(*vlan))
		return;
	out->vlan = (uint16_t)vlan->vlan;
	out->qos = (uint8_t)vlan->qos;
	out->proto = ETH_P_8021Q;
	out->known |= VF_VLAN;
}

static void get_rate(const struct nlattr *a, struct vf *out)
{
	size_t len;
	const struct ifla_vf_rate *rate = nl_get_data(a, &len);

	if (len < sizeof(*rate))
		return;
	out->min_rate = rate->min_tx_rate;
	out->max_rate = rate->max_tx_rate;
	out->known |= VF_RATE;
}

/** A setting of two 32 bit numbers, of which the first is the VF's; -1 is what no driver filled in.
 */
static bool get_setting(const struct nlattr *a, uint32_t *value)
{
	struct ifla_vf_spoofchk s; // ifla_vf_trust and ifla_vf_link_state are alike
	size_t len;
	const void *data = nl_get_data(a, &len);

	if (len < sizeof(s))
		return false;
	memcpy(&s, data, sizeof(s));
	*value = s.setting;
	return s.setting != UINT32_MAX;
}

static void fill(struct vf *out, const struct nlattr *const a[])
{
	uint32_t value;

	*out = (struct vf){.proto = ETH_P_8021Q};
	get_mac(a[IFLA_VF_MAC], out);
	get_vlan(a[IFLA_VF_VLAN_LIST], a[IFLA_VF_VLAN], out);
	get_rate(a[IFLA_VF_RATE], out);
	if (get_setting(a[IFLA_VF_SPOOFCHK], &value)) {
		out->spoofchk = value;
		out->known |= VF_SPOOFCHK;
	}
	if (get_setting(a[IFLA_VF_TRUST], &value)) {
		out->trust = value;
		out->known |= VF_TRUST;
	}
	if (get_setting(a[IFLA_VF_LINK_STATE], &value) && value < VF_LINK_STATES) {
		out->link_state = (uint8_t)value;
		out->known |= VF_LINK_STATE;
	}
}

/** Every attribute of a VF begins with its number. */
static bool is_of(const struct nlattr *const a[], uint32_t number)
{
	return a[IFLA_VF_MAC] && nl_get_u32(a[IFLA_VF_MAC]) == number;
}

bool vf_parse(const struct nlmsghdr *reply, uint32_t number, struct vf *out)
{
	const struct nlattr *a[IFLA_MAX + 1], *vf[IFLA_VF_MAX + 1];
	const struct nlattr *info = NULL;

	nl_parse(reply, sizeof(struct ifinfomsg), a, IFLA_MAX);
	if (!a[IFLA_VFINFO_LIST])
		return false;
	while ((info = nl_next_nested(a[IFLA_VFINFO_LIST], info))) {
		if (nl_type(info) != IFLA_VF_INFO)
			continue;
		nl_parse_nested(info, vf, IFLA_VF_MAX);
		if (is_of(vf, number)) {
			fill(out, vf);
			return true;
		}
	}
	return false;
}

struct query {
	uint32_t number;
	struct vf *out;
	bool found;
};

static int on_pf(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	struct query *q = ctx;

	(void)e;
	q->found |= reply->nlmsg_type == RTM_NEWLINK && vf_parse(reply, q->number, q->out);
	return 0;
}

int vf_get(struct nl *nl, int pf, uint32_t number, struct vf *out, struct err *e)
{
	const struct ifinfomsg hdr = {.ifi_index = pf};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct query q = {.number = number, .out = out};

	nl_begin(&m, RTM_GETLINK, 0, &hdr, sizeof(hdr));
	nl_label(&m, "read VF %u of interface %d", number, pf);
	nl_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS);
	nl_expect_large(&m); // some 240 bytes a VF, and there may be 256
	if (nl_get(nl, &m, on_pf, &q, e) < 0)
		return -1;
	return q.found ? 0
		       : err_os(e, ERR_KERNEL, ENODEV, "read VF %u of interface %d", number, pf);
}

static uint64_t get_count(const struct nlattr *a)
{
	uint64_t value = 0;
	size_t len;
	const void *data = nl_get_data(a, &len);

	if (len >= sizeof(value))
		memcpy(&value, data, sizeof(value));
	return value;
}

static void get_stats(const struct nlattr *nest, struct vf_stats *out)
{
	const struct nlattr *a[IFLA_VF_STATS_MAX + 1] = {};

	*out = (struct vf_stats){.known = nest};
	if (!nest)
		return;
	nl_parse_nested(nest, a, IFLA_VF_STATS_MAX);
	out->rx_packets = get_count(a[IFLA_VF_STATS_RX_PACKETS]);
	out->tx_packets = get_count(a[IFLA_VF_STATS_TX_PACKETS]);
	out->rx_bytes = get_count(a[IFLA_VF_STATS_RX_BYTES]);
	out->tx_bytes = get_count(a[IFLA_VF_STATS_TX_BYTES]);
	out->broadcast = get_count(a[IFLA_VF_STATS_BROADCAST]);
	out->multicast = get_count(a[IFLA_VF_STATS_MULTICAST]);
	out->rx_dropped = get_count(a[IFLA_VF_STATS_RX_DROPPED]);
	out->tx_dropped = get_count(a[IFLA_VF_STATS_TX_DROPPED]);
}

int vf_parse_all(const struct nlmsghdr *reply, vf_fn *fn, void *ctx, struct err *e)
{
	const struct nlattr *a[IFLA_MAX + 1], *info = NULL;

	nl_parse(reply, sizeof(struct ifinfomsg), a, IFLA_MAX);
	while (a[IFLA_VFINFO_LIST] && (info = nl_next_nested(a[IFLA_VFINFO_LIST], info))) {
		const struct nlattr *vf[IFLA_VF_MAX + 1];
		struct vf_stats stats;
		struct vf values;

		if (nl_type(info) != IFLA_VF_INFO)
			continue;
		nl_parse_nested(info, vf, IFLA_VF_MAX);
		if (!vf[IFLA_VF_MAC])
			continue;
		fill(&values, vf);
		get_stats(vf[IFLA_VF_STATS], &stats);
		if (fn(nl_get_u32(vf[IFLA_VF_MAC]), &values, &stats, ctx, e) < 0)
			return -1;
	}
	return 0;
}

struct visit {
	vf_fn *fn;
	void *ctx;
};

static int on_all(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct visit *visit = ctx;

	return reply->nlmsg_type == RTM_NEWLINK ? vf_parse_all(reply, visit->fn, visit->ctx, e) : 0;
}

int vf_each(struct nl *nl, int pf, bool with_stats, vf_fn *fn, void *ctx, struct err *e)
{
	const struct ifinfomsg hdr = {.ifi_index = pf};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct visit visit = {fn, ctx};

	nl_begin(&m, RTM_GETLINK, 0, &hdr, sizeof(hdr));
	nl_label(&m, "read the VFs of interface %d", pf);
	nl_u32(&m, IFLA_EXT_MASK,
	       RTEXT_FILTER_VF | (with_stats ? 0U : (unsigned int)RTEXT_FILTER_SKIP_STATS));
	nl_expect_large(&m);
	return nl_get(nl, &m, on_all, &visit, e);
}

static void put_vlan(struct nl_msg *m, uint32_t number, const struct vf *vf)
{
	const struct ifla_vf_vlan_info info = {
		.vf = number, .vlan = vf->vlan, .qos = vf->qos, .vlan_proto = htons(vf->proto)};

	nl_nest(m, IFLA_VF_VLAN_LIST)
		nl_put(m, IFLA_VF_VLAN_INFO, &info, sizeof(info));
}

static void put_setting(struct nl_msg *m, uint16_t attr, uint32_t number, uint32_t value)
{
	const struct ifla_vf_spoofchk s = {.vf = number, .setting = value};

	nl_put(m, attr, &s, sizeof(s));
}

static void put_attrs(struct nl_msg *m, uint32_t number, const struct vf *vf)
{
	if (vf->known & VF_MAC) {
		struct ifla_vf_mac mac = {.vf = number};

		memcpy(mac.mac, vf->mac.bytes, sizeof(vf->mac.bytes));
		nl_put(m, IFLA_VF_MAC, &mac, sizeof(mac));
	}
	if (vf->known & VF_VLAN)
		put_vlan(m, number, vf);
	if (vf->known & VF_RATE) {
		const struct ifla_vf_rate rate = {
			.vf = number, .min_tx_rate = vf->min_rate, .max_tx_rate = vf->max_rate};

		nl_put(m, IFLA_VF_RATE, &rate, sizeof(rate));
	}
	if (vf->known & VF_SPOOFCHK)
		put_setting(m, IFLA_VF_SPOOFCHK, number, vf->spoofchk);
	if (vf->known & VF_LINK_STATE)
		put_setting(m, IFLA_VF_LINK_STATE, number, vf->link_state);
	if (vf->known & VF_TRUST)
		put_setting(m, IFLA_VF_TRUST, number, vf->trust);
}

void vf_set(struct nl_msg *m, int pf, uint32_t number, const struct vf *values)
{
	const struct ifinfomsg hdr = {.ifi_index = pf};

	nl_begin(m, RTM_SETLINK, 0, &hdr, sizeof(hdr));
	nl_label(m, "set VF %u of interface %d", number, pf);
	nl_nest(m, IFLA_VFINFO_LIST) {
		nl_nest(m, IFLA_VF_INFO)
			put_attrs(m, number, values);
	}
}

unsigned int vf_diff(const struct vf *a, const struct vf *b)
{
	unsigned int diff = 0;

	if (memcmp(&a->mac, &b->mac, sizeof(a->mac)) != 0)
		diff |= VF_MAC;
	// Without a VLAN its protocol says nothing, and drivers report this or that.
	if (a->vlan != b->vlan || a->qos != b->qos || (b->vlan && a->proto != b->proto))
		diff |= VF_VLAN;
	if (a->min_rate != b->min_rate || a->max_rate != b->max_rate)
		diff |= VF_RATE;
	if (a->spoofchk != b->spoofchk)
		diff |= VF_SPOOFCHK;
	if (a->link_state != b->link_state)
		diff |= VF_LINK_STATE;
	if (a->trust != b->trust)
		diff |= VF_TRUST;
	return (diff | ~a->known) & b->known;
}

const char *vf_text(const struct vf *vf, enum vf_attr attr, char *buf)
{
	static const char *const states[] = {"auto", "enable", "disable"};
	char mac[MAC_TEXT];

	switch (attr) {
	case VF_MAC:
		(void)snprintf(buf, VF_TEXT, "mac %s", mac_format(&vf->mac, mac));
		break;
	case VF_VLAN:
		(void)snprintf(buf, VF_TEXT, "vlan %u qos %u proto %s", vf->vlan, vf->qos,
			       vf->proto == ETH_P_8021AD ? "802.1ad" : "802.1q");
		break;
	case VF_RATE:
		(void)snprintf(buf, VF_TEXT, "min_tx_rate %u max_tx_rate %u", vf->min_rate,
			       vf->max_rate);
		break;
	case VF_SPOOFCHK:
		(void)snprintf(buf, VF_TEXT, "spoofchk %s", vf->spoofchk ? "on" : "off");
		break;
	case VF_TRUST:
		(void)snprintf(buf, VF_TEXT, "trust %s", vf->trust ? "on" : "off");
		break;
	default:
		(void)snprintf(buf, VF_TEXT, "link_state %s", states[vf->link_state]);
		break;
	}
	return buf;
}
