/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"
#include "node/portmap.h"

/** A port that the runtime wants. */
struct portmap_wish {
	int64_t host_port, container_port;
	const char *protocol;
	const char *host_ip;
};

struct portmap_conf {
	struct cni_common common;
	bool snat, masq_all;
	int64_t mark_masq_bit;
	const char *external_set_mark_chain;
	const char *backend;
	const char **conditions4, **conditions6;
	size_t n_conditions4, n_conditions6;
	struct {
		const struct portmap_wish *wishes;
		size_t n;
	} runtime;
};

/** What one call works with. Closed by portmap_job_done(). */
struct portmap_job {
	const struct cni_call *call;
	const struct portmap_conf *conf;
	struct ruleset rules;
	struct nl *nl; ///< NETLINK_ROUTE, or NULL
	struct portmap_plan plan;
};

/** Check the configuration, and fill the plan: what is wished, for the addresses of prevResult. */
int portmap_job_open(struct portmap_job *job, const struct cni_call *call,
		     struct err *e) _must_check_;
void portmap_job_done(struct portmap_job *job);

/** The verbs. */
int portmap_plugin_add(const struct cni_call *call, struct cni_result *result,
		       struct err *e) _must_check_;
int portmap_plugin_del(const struct cni_call *call, struct err *e) _must_check_;
int portmap_plugin_check(const struct cni_call *call, struct err *e) _must_check_;
int portmap_plugin_status(const struct cni_call *call, struct err *e) _must_check_;
int portmap_plugin_gc(const struct cni_call *call, struct err *e) _must_check_;
int portmap_plugin_resync(struct arena *arena, struct err *e) _must_check_;
