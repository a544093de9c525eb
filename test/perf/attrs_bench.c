// SPDX-License-Identifier: Apache-2.0
/**
 * perf_attrs_bench ROUNDS PF - time setting every attribute of the first virtual function of the
 * interface PF: as the plugin sriov does it, and by the same request with nothing around it.
 *
 * Each round has one of either, and other values than the round before. One object of JSON per line
 * comes out, holding every sample. The VF is nobody's.
 */
#include <endian.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "floor_nl.h"
#include "netlink/vf.h"
#include "series.h"

enum { WARM_UPS = 20, SIDES = 2 };

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/** All of them, otherwise in every other round. */
static struct vf values_of(int round)
{
	const bool odd = round % 2 != 0;

	return (struct vf){
		.known = VF_ATTRS,
		.mac = {.bytes = {2, 0, 0, 0, 0xaa, odd}},
		.vlan = odd ? 100 : 200,
		.proto = ETH_P_8021AD,
		.qos = 3,
		.spoofchk = odd,
		.trust = !odd,
		.link_state = odd ? VF_LINK_ENABLE : VF_LINK_DISABLE,
		.min_rate = odd ? 10 : 20,
		.max_rate = 100,
	};
}

static int set_ours(struct nl *nl, int pf, const struct vf *v)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct err e = {};

	vf_set(&m, pf, 0, v);
	return nl_call(nl, &m, &e);
}

static int set_bare(int fd, int pf, const struct vf *v)
{
	const struct ifinfomsg header = {.ifi_index = pf};
	const struct ifla_vf_vlan_info vlan = {
		.vlan = v->vlan, .qos = v->qos, .vlan_proto = htobe16(v->proto)};
	const struct ifla_vf_rate rate = {.min_tx_rate = v->min_rate, .max_tx_rate = v->max_rate};
	const struct ifla_vf_spoofchk spoofchk = {.setting = v->spoofchk};
	const struct ifla_vf_link_state state = {.link_state = v->link_state};
	const struct ifla_vf_trust trust = {.setting = v->trust};
	struct ifla_vf_mac mac = {};
	struct batch b = {};
	size_t list, info, vlans;

	memcpy(mac.mac, v->mac.bytes, sizeof(v->mac.bytes));
	floor_nl_begin(&b, RTM_SETLINK, 0, &header, sizeof(header));
	list = floor_nl_nest(&b, IFLA_VFINFO_LIST);
	info = floor_nl_nest(&b, IFLA_VF_INFO);
	floor_nl_put(&b, IFLA_VF_MAC, &mac, sizeof(mac));
	vlans = floor_nl_nest(&b, IFLA_VF_VLAN_LIST);
	floor_nl_put(&b, IFLA_VF_VLAN_INFO, &vlan, sizeof(vlan));
	floor_nl_end(&b, vlans);
	floor_nl_put(&b, IFLA_VF_RATE, &rate, sizeof(rate));
	floor_nl_put(&b, IFLA_VF_SPOOFCHK, &spoofchk, sizeof(spoofchk));
	floor_nl_put(&b, IFLA_VF_LINK_STATE, &state, sizeof(state));
	floor_nl_put(&b, IFLA_VF_TRUST, &trust, sizeof(trust));
	floor_nl_end(&b, info);
	floor_nl_end(&b, list);
	return floor_nl_call(fd, &b);
}

int main(int argc, char **argv)
{
	static const char *const side_name[SIDES] = {"ours", "floor"};
	struct series series[SIDES] = {};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	_cleanup_(fd_closep) int bare = floor_nl_open();
	int pf = argc == 3 ? (int)if_nametoindex(argv[2]) : 0;
	struct err e = {};

	nl = nl_open(NETLINK_ROUTE, &e);
	if (!pf || bare < 0 || !nl) {
		(void)fputs("usage: perf_attrs_bench ROUNDS PF\n", stderr);
		return 2;
	}
	for (int round = -WARM_UPS; round < atoi(argv[1]); round++) {
		for (int i = 0; i < SIDES; i++) {
			int side = (i + round + WARM_UPS) % SIDES;
			struct vf v = values_of(round + side);
			double began = now_ms();
			int rc = side == 0 ? set_ours(nl, pf, &v) : set_bare(bare, pf, &v);

			if (rc < 0)
				series_fail(&series[side], *e.msg ? e.msg : "refused");
			else if (round >= 0)
				series_add(&series[side], now_ms() - began, 0, 0);
		}
	}
	for (int side = 0; side < SIDES; side++) {
		json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:o}", "kind", "attrs", "scenario",
					 "all", "verb", "SET", "side", side_name[side], "samples",
					 series_json(&series[side]));
		_cleanup_(freep) char *text = json_dumps(item, JSON_COMPACT);

		if (!text || puts(text) < 0)
			return 1;
		json_decref(item);
		series_done(&series[side]);
	}
	return 0;
}
