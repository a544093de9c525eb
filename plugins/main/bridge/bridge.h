/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/plugin.h"
#include "ipam/ipam.h"
#include "netlink/link.h"
#include "node/ruleset.h"

/** An element of vlanTrunk: one VLAN, or a range of them. */
struct vlan_range {
	int64_t id, min, max; ///< 0 = not given
};

/** The configuration of a bridge network. */
struct bridge_conf {
	struct cni_common common;
	const char *bridge;
	bool is_gateway, is_default_gateway, force_address;
	bool ip_masq;
	const char *ip_masq_backend;
	int64_t mtu;
	bool hairpin, promisc, isolated;
	bool dad, container_down;
	int64_t vlan; ///< 0 = none
	struct vlan_range *trunk;
	size_t n_trunk;
	bool preserve_default_vlan, macspoofchk;
	struct json_t *ipam;
};

/** What one call works with. Opened once, closed by bridge_job_done(). */
struct bridge_job {
	const struct cni_call *call;
	const struct bridge_conf *conf;
	struct nl *nl; ///< NETLINK_ROUTE, in the node's namespace
	struct ruleset masq, macspoof;
	struct ipam ipam;
	char host_name[IFNAMSIZ]; ///< the node's end of the veth pair

	struct link bridge;  ///< index 0: there is none yet
	struct link gateway; ///< what carries the gateway's addresses; index 0 if nothing does
	struct link host;    ///< the node's end
	struct mac mac;      ///< of the container's end
};

int bridge_job_open(struct bridge_job *job, const struct cni_call *call,
		    struct err *e) _must_check_;
void bridge_job_done(struct bridge_job *job);

/** The verbs. */
int bridge_add(const struct cni_call *call, struct cni_result *result, struct err *e) _must_check_;
int bridge_del(const struct cni_call *call, struct err *e) _must_check_;
int bridge_check(const struct cni_call *call, struct err *e) _must_check_;
int bridge_status(const struct cni_call *call, struct err *e) _must_check_;
int bridge_gc(const struct cni_call *call, struct err *e) _must_check_;
int bridge_resync(struct arena *arena, struct err *e) _must_check_;

/** The plugin as a whole, for its main() and for plugins that run it within their own process. */
extern const struct cni_plugin bridge_plugin;

/** What no ADD would accept, whatever the container. */
int bridge_check_conf(const struct bridge_job *job, struct err *e) _must_check_;

/**
 * Put into IPAM's result what is the bridge's business: gateways that IPAM left open, and the
 * default routes. Refuses what cannot work.
 */
int bridge_complete(const struct bridge_job *job, struct cni_result *r, struct err *e) _must_check_;

/** What is in the place of the bridge goes to job->bridge; -1 if that cannot serve as one. */
int bridge_find(struct bridge_job *job, struct err *e) _must_check_;

/**
 * Whether the bridge, which has been looked for, has an MTU for the IPv6 addresses it is to have,
 * and keeps one for those it has: it follows its lowest port, and below 1280 it loses them.
 */
int bridge_check_mtu(const struct bridge_job *job, struct err *e) _must_check_;

/**
 * Find the bridge, or make it. It is shared, so never undone. One that somebody else made keeps for
 * good the MAC address it has before the first port of ours joins.
 */
int bridge_ensure(struct bridge_job *job, struct err *e) _must_check_;

/**
 * Give the bridge, or the interface of its VLAN, the gateway addresses of @result and switch
 * forwarding on.
 */
int bridge_ensure_gateway(struct bridge_job *job, const struct cni_result *result,
			  struct err *e) _must_check_;

/** VLANs (vlan.c). What is wrong with the keys; whether any are configured. */
int bridge_vlan_check_conf(const struct bridge_conf *conf, struct err *e) _must_check_;
bool bridge_has_vlans(const struct bridge_conf *conf);

/** Put the container's port into its VLANs; before it comes up, so that it is never in another. */
int bridge_vlan_set(const struct bridge_job *job, int port, struct err *e) _must_check_;
int bridge_vlan_check(const struct bridge_job *job, int port, struct err *e) _must_check_;

/** The interface for the gateway of the VLAN goes to job->gateway: found or made, and shared. */
int bridge_vlan_ensure_gateway(struct bridge_job *job, struct err *e) _must_check_;

int bridge_vlan_check_gateway(struct bridge_job *job, struct err *e) _must_check_;

/** Its name into @buf of IFNAMSIZ bytes; NULL if that is too long. */
const char *bridge_vlan_gateway_name(const struct bridge_conf *conf, char *buf);
