/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"
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
};

/** What prevResult and the configuration ask for goes to job->want. */
int firewall_job_open(struct firewall_job *job, const struct cni_call *call,
		      struct err *e) _must_check_;
void firewall_job_done(struct firewall_job *job);

/** What to do with a bridge port of the container; return -1 with @e filled to stop. */
typedef int firewall_port_fn(struct nl *nl, int index, const char *name, void *ctx, struct err *e);

/** Call @fn for the ports of the bridge that prevResult lists, with a socket for routes. */
int firewall_each_port(const struct firewall_job *job, struct nl *nl, firewall_port_fn *fn,
		       void *ctx, struct err *e) _must_check_;

/** The verbs. */
int firewall_verb_add(const struct cni_call *call, struct cni_result *result,
		      struct err *e) _must_check_;
int firewall_verb_del(const struct cni_call *call, struct err *e) _must_check_;
int firewall_verb_check(const struct cni_call *call, struct err *e) _must_check_;
int firewall_verb_status(const struct cni_call *call, struct err *e) _must_check_;
int firewall_verb_gc(const struct cni_call *call, struct err *e) _must_check_;
