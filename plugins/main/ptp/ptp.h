/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"
#include "ipam/ipam.h"
#include "netlink/link.h"
#include "node/masq.h"

/** The configuration of a point-to-point network. */
struct ptp_conf {
	struct cni_common common;
	bool ip_masq;
	const char *ip_masq_backend;
	int64_t mtu;
	struct json_t *ipam;
};

/** What one call works with. Opened once, closed by ptp_job_done(). */
struct ptp_job {
	const struct cni_call *call;
	const struct ptp_conf *conf;
	struct nl *nl; ///< NETLINK_ROUTE, in the node's namespace
	struct ruleset masq;
	struct ipam ipam;
};

int ptp_job_open(struct ptp_job *job, const struct cni_call *call, struct err *e) _must_check_;
void ptp_job_done(struct ptp_job *job);

/** The verbs. */
int ptp_add(const struct cni_call *call, struct cni_result *result, struct err *e) _must_check_;
int ptp_del(const struct cni_call *call, struct err *e) _must_check_;
int ptp_check(const struct cni_call *call, struct err *e) _must_check_;
int ptp_status(const struct cni_call *call, struct err *e) _must_check_;
int ptp_gc(const struct cni_call *call, struct err *e) _must_check_;

/** What no ADD would accept, whatever the container. */
int ptp_check_conf(const struct ptp_job *job, struct err *e) _must_check_;

/** Take IPAM's result, without its interfaces; refuses what will not do for a point-to-point link.
 */
int ptp_accept_addresses(const struct ptp_job *job, struct cni_result *r,
			 struct err *e) _must_check_;
