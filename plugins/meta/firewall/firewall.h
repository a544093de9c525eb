/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"
#include "netlink/link.h"
#include "node/firewall.h"

struct firewall_conf {
	struct cni_common common;
	const char *backend, *admin_chain, *zone, *ingress;
	bool iptables_forward;
};

/** What one call works with. Opened once, closed by firewall_job_done(). */
struct firewall_job {
	const struct cni_call *call;
	const struct firewall_conf *conf;
	struct ruleset rules;
	struct firewall want;

	// Only where there is a policy, and what prevResult lists is asked about:
	struct nl *nl;       ///< NETLINK_ROUTE
	struct link routed;  ///< what the policy is about: a bridge, or without one the node's end
	struct link gateway; ///< index 0, or an interface in a VLAN, of the bridge perhaps
	struct link *ports;  ///< the container's ports of that bridge
	size_t n_ports;
};

/** What prevResult and the configuration ask for goes to job->want. */
int firewall_job_open(struct firewall_job *job, const struct cni_call *call,
		      struct err *e) _must_check_;
void firewall_job_done(struct firewall_job *job);

/**
 * The bridge that the node's interfaces in prevResult are ports of, else the first of them that is
 * one, else the first of them (ports.c): job->routed, with job->ports; what the node routes by for
 * it goes to job->want. Refuses what a policy would not hold for; for CHECK that is ERR_MISMATCH.
 */
int firewall_find_bridge(struct firewall_job *job, struct err *e) _must_check_;

/** The verbs. */
int firewall_verb_add(const struct cni_call *call, struct cni_result *result,
		      struct err *e) _must_check_;
int firewall_verb_del(const struct cni_call *call, struct err *e) _must_check_;
int firewall_verb_check(const struct cni_call *call, struct err *e) _must_check_;
int firewall_verb_status(const struct cni_call *call, struct err *e) _must_check_;
int firewall_verb_gc(const struct cni_call *call, struct err *e) _must_check_;
