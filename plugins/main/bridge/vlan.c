// SPDX-License-Identifier: Apache-2.0
/** VLANs: which of them a container's port is in, and the gateway of one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "netlink/port.h"
#include "node/sysctl.h"

enum { DEFAULT_VLAN = 1 }; ///< where the kernel puts a port that joins (vlan_default_pvid)

bool bridge_has_vlans(const struct bridge_conf *conf)
{
	return conf->vlan || conf->n_trunk;
}

static int check_range(const struct vlan_range *r, size_t i, struct err *e)
{
	if (!r->min != !r->max)
		return err_set(e, ERR_CONFIG,
			       "vlanTrunk[%zu]: minID and maxID belong together, %s is missing", i,
			       r->min ? "maxID" : "minID");
	if (!r->id && !r->min)
		return err_set(e, ERR_CONFIG, "vlanTrunk[%zu]: needs id, or minID and maxID", i);
	if (r->min > r->max)
		return err_set(e, ERR_CONFIG,
			       "vlanTrunk[%zu].minID: %lld: is greater than maxID, %lld", i,
			       (long long)r->min, (long long)r->max);
	return 0;
}

int bridge_vlan_check_conf(const struct bridge_conf *conf, struct err *e)
{
	char name[IFNAMSIZ];

	for (size_t i = 0; i < conf->n_trunk; i++)
		if (check_range(&conf->trunk[i], i, e) < 0)
			return -1;
	if (conf->vlan && (conf->is_gateway || conf->is_default_gateway) &&
	    !bridge_vlan_gateway_name(conf, name))
		return err_set(e, ERR_CONFIG,
			       "bridge: \"%s\": too long for the gateway of a VLAN, which gets an "
			       "interface %s.%lld of at most 15 characters",
			       conf->bridge, conf->bridge, (long long)conf->vlan);
	return 0;
}

const char *bridge_vlan_gateway_name(const struct bridge_conf *conf, char *buf)
{
	int n = snprintf(buf, IFNAMSIZ, "%s.%lld", conf->bridge, (long long)conf->vlan);

	return n < IFNAMSIZ ? buf : NULL;
}

/** The VLAN of frames without a tag: the configured one, or with a trunk alone the default. */
static uint16_t native_of(const struct bridge_conf *conf)
{
	return conf->vlan ? (uint16_t)conf->vlan : DEFAULT_VLAN;
}

int bridge_vlan_set(const struct bridge_job *job, int port, struct err *e)
{
	const struct bridge_conf *conf = job->conf;
	const uint16_t native = native_of(conf);
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	if (!bridge_has_vlans(conf))
		return 0;
	if (!conf->preserve_default_vlan)
		port_vlan_clear(&m, port);
	for (size_t i = 0; i < conf->n_trunk; i++) {
		const struct vlan_range *r = &conf->trunk[i];

		if (r->id)
			port_vlan_add(
				&m, port,
				&(struct port_vlans){(uint16_t)r->id, (uint16_t)r->id, false});
		if (r->min)
			port_vlan_add(
				&m, port,
				&(struct port_vlans){(uint16_t)r->min, (uint16_t)r->max, false});
	}
	port_vlan_add(
		&m, port,
		&(struct port_vlans){native, native, true}); // last, for it may be in the trunk
	return nl_call(job->nl, &m, e);
}

/** The flags that the port should have in each VLAN. */
static void wanted(const struct bridge_conf *conf, uint8_t flags[static PORT_VLANS])
{
	memset(flags, 0, PORT_VLANS);
	for (size_t i = 0; i < conf->n_trunk; i++) {
		const struct vlan_range *r = &conf->trunk[i];

		flags[r->id] = PORT_VLAN_MEMBER;
		for (int64_t vid = r->min; vid <= r->max; vid++)
			flags[vid] = PORT_VLAN_MEMBER;
	}
	flags[native_of(conf)] = PORT_VLAN_MEMBER | PORT_VLAN_PVID | PORT_VLAN_UNTAGGED;
	flags[0] = 0;
}

/** What the port lacks in a VLAN. */
static int check_member(const struct bridge_job *job, int vid, uint8_t want, uint8_t got,
			struct err *e)
{
	if (!got)
		return err_set(e, ERR_MISMATCH, "%s is not in VLAN %d", job->host_name, vid);
	if (got != want)
		return err_set(e, ERR_MISMATCH, "VLAN %d of %s is %s", vid, job->host_name,
			       want & PORT_VLAN_PVID ? "not its native one" : "its native one");
	return 0;
}

int bridge_vlan_check(const struct bridge_job *job, int port, struct err *e)
{
	uint8_t want[PORT_VLANS], got[PORT_VLANS];

	if (!bridge_has_vlans(job->conf))
		return 0;
	if (port_vlan_get(job->nl, port, got, e) < 0)
		return -1;
	wanted(job->conf, want);
	for (int vid = 1; vid < PORT_VLANS; vid++)
		if (want[vid] && check_member(job, vid, want[vid], got[vid], e) < 0)
			return -1;
	for (int vid = 1; vid < PORT_VLANS && !job->conf->preserve_default_vlan; vid++)
		if (got[vid] && !want[vid])
			return err_set(e, ERR_MISMATCH, "%s is in VLAN %d, where it should not be",
				       job->host_name, vid);
	return 0;
}

/** Whether it can be the gateway's: ours, or the pair that the reference plugin makes for it. */
static bool is_gateway(const struct bridge_job *job)
{
	const struct link *gateway = &job->gateway;
	struct link other;
	struct err e;

	if (!strcmp(gateway->kind, "vlan"))
		return gateway->peer == job->bridge.index && gateway->vlan == job->conf->vlan;
	return !strcmp(gateway->kind, "veth") &&
	       link_get_index(job->nl, gateway->peer, &other, &e) == 0 &&
	       other.peer == gateway->index && other.master == job->bridge.index;
}

static int make_gateway(const struct bridge_job *job, const char *name, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	link_add_vlan(&m, name, job->bridge.index, (uint16_t)job->conf->vlan);
	// What another ADD made a moment ago is as good as ours.
	if (nl_call(job->nl, &m, e) == 0 || e->os == EEXIST)
		return 0;
	if (e->os == EOPNOTSUPP)
		(void)err_hint(e, "the kernel needs CONFIG_VLAN_8021Q");
	return -1;
}

/** Whether the node's own end of the bridge is in the VLAN. Returns 1, 0, or -1 on failure. */
static int is_joined(const struct bridge_job *job, struct err *e)
{
	uint8_t flags[PORT_VLANS];

	if (port_vlan_get(job->nl, job->bridge.index, flags, e) < 0)
		return -1;
	return flags[job->conf->vlan] != 0;
}

static int join(const struct bridge_job *job, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	int joined = is_joined(job, e);

	if (joined != 0)
		return joined < 0 ? -1 : 0;
	bridge_vlan_add(&m, job->bridge.index, (uint16_t)job->conf->vlan);
	return nl_call(job->nl, &m, e);
}

int bridge_vlan_check_gateway(struct bridge_job *job, struct err *e)
{
	const long long vlan = job->conf->vlan;
	struct link *gateway = &job->gateway;
	char name[IFNAMSIZ];
	int joined = 1;

	if (link_get(job->nl, bridge_vlan_gateway_name(job->conf, name), gateway, e) < 0)
		return e->os == ENODEV
			       ? err_set(e, ERR_MISMATCH,
					 "%s, the gateway of VLAN %lld, is missing", name, vlan)
			       : -1;
	if (!is_gateway(job))
		return err_set(e, ERR_MISMATCH, "%s is not the gateway of VLAN %lld", name, vlan);
	if (!(gateway->flags & IFF_UP))
		return err_set(e, ERR_MISMATCH, "%s is down", name);
	if (!strcmp(gateway->kind, "vlan"))
		joined = is_joined(job, e);
	if (joined <= 0)
		return joined < 0 ? -1
				  : err_set(e, ERR_MISMATCH, "%s is not in VLAN %lld",
					    job->bridge.name, vlan);
	return 0;
}

int bridge_vlan_ensure_gateway(struct bridge_job *job, struct err *e)
{
	struct link *gateway = &job->gateway;
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	char name[IFNAMSIZ];

	if (!bridge_vlan_gateway_name(job->conf, name))
		return bridge_vlan_check_conf(job->conf, e);
	if (link_get(job->nl, name, gateway, e) < 0 &&
	    (e->os != ENODEV || make_gateway(job, name, e) < 0 ||
	     link_get(job->nl, name, gateway, e) < 0))
		return -1;
	if (!is_gateway(job))
		return err_set(e, ERR_CONFIG,
			       "vlan: %lld: %s exists already and is not the VLAN's gateway",
			       (long long)job->conf->vlan, name);
	if (!strcmp(gateway->kind, "vlan") && join(job, e) < 0)
		return -1;
	if (sysctl_ensure_if_there("0", e, "ipv6/conf/%s/accept_ra", name) < 0)
		return -1;
	if (!(gateway->flags & IFF_UP))
		link_set_flags(&m, gateway->index, IFF_UP, IFF_UP);
	return nl_call(job->nl, &m, e);
}
