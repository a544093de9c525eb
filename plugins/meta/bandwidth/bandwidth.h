/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"
#include "netlink/link.h"
#include "netlink/qdisc.h"

/** One direction as it is configured: bits per second, and bits; -1 where nothing is said. */
struct limit {
	int64_t rate, burst;
};

struct limits {
	struct limit ingress, egress; ///< what the container receives, what it sends
};

struct bandwidth_conf {
	struct cni_common common;
	struct limits own;
	struct limits runtime; ///< runtimeConfig.bandwidth; for configurations that say nothing
};

/**
 * What one call works with: starts as {.call = call}, gets its limits by bandwidth_read_limits()
 * and the rest by bandwidth_job_open(), and is closed by bandwidth_job_done().
 */
struct bandwidth_job {
	const struct cni_call *call;
	const char *at;             ///< path of the limits in the configuration
	struct tbf ingress, egress; ///< rate 0: no limit
	struct nl *nl;              ///< NETLINK_ROUTE, in the node's namespace
	struct link host;           ///< the node's end of the pair; index 0 if it is gone
	char ifb[IFNAMSIZ];
};

/** The limits that the configuration asks for; ERR_CONFIG if they are incomplete. */
int bandwidth_read_limits(struct bandwidth_job *job, struct err *e) _must_check_;

int bandwidth_job_open(struct bandwidth_job *job, struct err *e) _must_check_;
void bandwidth_job_done(struct bandwidth_job *job);

/** Take away what ADD makes for one direction, however much of it is there. */
int bandwidth_remove_egress(const struct bandwidth_job *job, struct err *e) _must_check_;
int bandwidth_remove_ingress(const struct bandwidth_job *job, struct err *e) _must_check_;

/** The verbs. */
int bandwidth_add(const struct cni_call *call, struct cni_result *result,
		  struct err *e) _must_check_;
int bandwidth_del(const struct cni_call *call, struct err *e) _must_check_;
int bandwidth_check(const struct cni_call *call, struct err *e) _must_check_;
int bandwidth_status(const struct cni_call *call, struct err *e) _must_check_;
int bandwidth_gc(const struct cni_call *call, struct err *e) _must_check_;
