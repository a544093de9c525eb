// SPDX-License-Identifier: Apache-2.0
/** What the configuration asks for, as the kernel has it; and what cannot be asked for. */
#include <linux/if_ether.h>
#include <string.h>
#include <strings.h>

#include "cni/args.h"
#include "cni/iface.h"
#include "sriov.h"

/** A key is @at and its name: "" or "baseline.". */
static int read_vlan(const struct sriov_attrs *a, const char *at, struct vf *out, struct err *e)
{
	bool ad = a->vlan_proto && !strcasecmp(a->vlan_proto, "802.1ad");

	if (a->vlan < 0 && (a->qos >= 0 || a->vlan_proto))
		return err_set(e, ERR_CONFIG, "%s%s: has no meaning without vlan", at,
			       a->qos >= 0 ? "vlanQoS" : "vlanProto");
	if (a->vlan < 0)
		return 0;
	if (a->vlan == 0 && a->qos > 0)
		return err_set(e, ERR_CONFIG, "%svlanQoS: %d: must be 0 with vlan 0", at,
			       (int)a->qos);
	if (a->vlan == 0 && ad)
		return err_set(e, ERR_CONFIG, "%svlanProto: \"802.1ad\": needs a vlan of 1..4094",
			       at);
	out->known |= VF_VLAN;
	out->vlan = (uint16_t)a->vlan;
	out->qos = a->qos > 0 ? (uint8_t)a->qos : 0;
	out->proto = ad ? ETH_P_8021AD : ETH_P_8021Q;
	return 0;
}

static int read_rates(const struct sriov_attrs *a, const char *at, struct vf *out, struct err *e)
{
	if (a->min_rate > 0 && a->max_rate > 0 && a->min_rate > a->max_rate)
		return err_set(e, ERR_CONFIG,
			       "%smin_tx_rate: %lld: must not be more than max_tx_rate, %lld", at,
			       (long long)a->min_rate, (long long)a->max_rate);
	out->min_rate = a->min_rate >= 0 ? (uint32_t)a->min_rate : SRIOV_RATE_STAYS;
	out->max_rate = a->max_rate >= 0 ? (uint32_t)a->max_rate : SRIOV_RATE_STAYS;
	if (a->min_rate >= 0 || a->max_rate >= 0)
		out->known |= VF_RATE;
	return 0;
}

static int read_attrs(const struct sriov_attrs *a, const char *at, struct vf *out, struct err *e)
{
	*out = (struct vf){.proto = ETH_P_8021Q};
	if (read_vlan(a, at, out, e) < 0 || read_rates(a, at, out, e) < 0)
		return -1;
	if (a->spoofchk) {
		out->known |= VF_SPOOFCHK;
		out->spoofchk = !strcmp(a->spoofchk, "on");
	}
	if (a->trust) {
		out->known |= VF_TRUST;
		out->trust = !strcmp(a->trust, "on");
	}
	if (a->link_state) {
		out->known |= VF_LINK_STATE;
		out->link_state = !strcmp(a->link_state, "enable")    ? VF_LINK_ENABLE
				  : !strcmp(a->link_state, "disable") ? VF_LINK_DISABLE
								      : VF_LINK_AUTO;
	}
	return 0;
}

/** The most specific of all requests for an address. */
static int read_mac(struct sriov_job *job, struct err *e)
{
	const struct cni_common *c = job->call->common;
	const char *wanted, *wrong;
	char *args;

	if (cni_args_get(job->call, "MAC", &args, e) < 0)
		return -1;
	wanted = c->runtime.mac && *c->runtime.mac     ? c->runtime.mac
		 : c->args.cni.mac && *c->args.cni.mac ? c->args.cni.mac
		 : args && *args                       ? args
						       : job->conf->attrs.mac;
	if (!wanted || !*wanted)
		return 0;
	wrong = mac_parse(&job->wish.mac, wanted);
	if (wrong)
		return err_set(e, ERR_ENV, "CNI_ARGS: MAC=%.32s: %s", wanted, wrong);
	job->wish.known |= VF_MAC;
	return 0;
}

int sriov_read_conf(struct sriov_job *job, struct err *e)
{
	static const char *const known_args[] = {"MAC", "IP", "GATEWAY", NULL};
	const struct sriov_conf *conf = job->conf;

	if (iface_check_mtu(conf->mtu, ipam_gives_ipv6(&job->ipam), e) < 0 ||
	    read_attrs(&conf->attrs, "", &job->wish, e) < 0 ||
	    read_attrs(&conf->baseline, "baseline.", &job->baseline, e) < 0 ||
	    cni_args_check(job->call, known_args, e) < 0)
		return -1;
	if (conf->driver && conf->mtu)
		return err_set(e, ERR_CONFIG, "mtu: with driver there is no interface to have it");
	return read_mac(job, e);
}

struct vf sriov_goal(const struct vf *wish, const struct vf *now)
{
	struct vf goal = *wish;

	if (goal.min_rate == SRIOV_RATE_STAYS)
		goal.min_rate = now->min_rate;
	if (goal.max_rate == SRIOV_RATE_STAYS)
		goal.max_rate = now->max_rate;
	return goal;
}
