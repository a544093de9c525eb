/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"
#include "ipam/range.h"

/**
 * Addresses from pools of this node: the reference plugin host-local, its configuration and its
 * files (node/lease.h), as functions, so that another plugin need not start a process for them.
 */
struct host_local_conf {
	const char *type;
	const char *data_dir;
	const char *resolv_conf;
	struct range subnet; ///< the older form: one range, written directly into ipam
	struct range_set *ranges;
	size_t n_ranges;
	struct cni_route *routes;
	size_t n_routes;
};

/** Its keys, for the reference page. */
extern const struct conf_field host_local_fields[];

/** An address that somebody asks for, and where: "runtimeConfig.ips[0]". */
struct wanted_ip {
	struct ipaddr ip;
	const char *from;
};

struct host_local {
	const struct cni_call *call;
	struct host_local_conf conf;
	struct range_set
		*sets; ///< all sets, checked, in the order of their addresses in the result
	size_t n_sets;
	struct wanted_ip *wanted;
	size_t n_wanted;
};

/**
 * Read the ipam object and, for verbs that give addresses out, check its ranges. Changes nothing.
 * @hl points into itself afterwards: do not copy it.
 */
int host_local_open(struct host_local *hl, const struct cni_call *call, struct json_t *ipam,
		    struct err *e) _must_check_;

/** Reserve one address of each set and append addresses, routes and dns to @result. */
int host_local_add(const struct host_local *hl, struct cni_result *result,
		   struct err *e) _must_check_;
int host_local_del(const struct host_local *hl, struct err *e) _must_check_;
int host_local_check(const struct host_local *hl, struct err *e) _must_check_;
int host_local_status(const struct host_local *hl, struct err *e) _must_check_;
int host_local_gc(const struct host_local *hl, struct err *e) _must_check_;
