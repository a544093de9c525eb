/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"
#include "ipam/ipam.h"
#include "netlink/link.h"
#include "node/masq.h"

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
	int64_t vlan;
	struct json_t *vlan_trunk;
	bool preserve_default_vlan, macspoofchk;
	struct json_t *ipam;
};

/** What one call works with. Opened once, closed by bridge_job_done(). */
struct bridge_job {
	const struct cni_call *call;
	const struct bridge_conf *conf;
	struct nl *nl; ///< NETLINK_ROUTE, in the node's namespace
	struct masq masq;
	struct ipam ipam;
	char host_name[IFNAMSIZ]; ///< the node's end of the veth pair
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

/** What no ADD would accept, whatever the container. */
int bridge_check_conf(const struct bridge_job *job, struct err *e) _must_check_;

/** Find the bridge, or make it; @made says which. It is shared, so never undone. */
int bridge_ensure(const struct bridge_job *job, struct link *bridge, bool *made,
		  struct err *e) _must_check_;

/**
 * Give the bridge the gateway addresses of @result and switch forwarding on. A bridge that somebody
 * else made keeps the MAC address in @bridge for good from its first gateway address on.
 */
int bridge_ensure_gateway(const struct bridge_job *job, const struct link *bridge, bool made,
			  const struct cni_result *result, struct err *e) _must_check_;

/** Whether there is a problem with what is in the place of the bridge: 0 if none or no bridge yet.
 */
int bridge_usable(const struct bridge_job *job, struct link *bridge, struct err *e) _must_check_;
