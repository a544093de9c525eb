/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/undo.h"
#include "cni/call.h"
#include "ipam/host_local.h"
#include "ipam/static.h"

/**
 * Where addresses come from, as a plugin that makes interfaces sees it: nothing (layer 2 only),
 * host-local or static in this process, or any other plugin in one of its own.
 *
 * All functions do nothing when there is no IPAM.
 */
enum ipam_kind { IPAM_NONE, IPAM_HOST_LOCAL, IPAM_STATIC, IPAM_DELEGATE };

struct ipam;

/** Do what @verb asks for; ADD fills @result. */
typedef int ipam_run_fn(const struct ipam *ipam, enum cni_verb verb, struct cni_result *result,
			struct err *e);

struct ipam {
	enum ipam_kind kind;
	const struct cni_call *call;
	const char *type;
	ipam_run_fn *run;
	const struct undo *undo; ///< the rollback that ipam_add() became part of
	union {                  // by kind
		struct host_local host_local;
		struct static_ipam fixed;
	};
};

/** Read the configuration's ipam object, which may be NULL. Changes nothing. */
int ipam_open(struct ipam *out, const struct cni_call *call, struct json_t *json,
	      struct err *e) _must_check_;

/** Whether every ADD gives an IPv6 address, as far as can be known before. */
bool ipam_gives_ipv6(const struct ipam *ipam);

/**
 * For STATUS: fill @result as every ADD would, as far as that changes nothing: with the addresses
 * of static. Those may be none, since each ADD may bring its own (CNI_ARGS).
 */
int ipam_foresee(const struct ipam *ipam, struct cni_result *result, struct err *e) _must_check_;

/** Get addresses, at least one; on success the step that gives them back is in @undo. */
int ipam_add(struct ipam *ipam, struct cni_result *result, struct undo *undo,
	     struct err *e) _must_check_;
int ipam_del(const struct ipam *ipam, struct err *e) _must_check_;
int ipam_check(const struct ipam *ipam, struct err *e) _must_check_;
int ipam_status(const struct ipam *ipam, struct err *e) _must_check_;
int ipam_gc(const struct ipam *ipam, struct err *e) _must_check_;
