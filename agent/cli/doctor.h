/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "cli/pods.h"
#include "netlink/route.h"
#include "node/datapath.h"

/** What the checks know, and what they have found. */
struct doctor {
	json_t *findings;
	struct arena *arena;
	struct nl *nl; ///< NETLINK_ROUTE
	bool is_loaded;
	struct datapath d;  ///< if it is loaded
	struct pods pods;   ///< none if it is not
	struct link *links; ///< of the node
	size_t n_links;
	int uplinks[ROUTE_DEFAULTS]; ///< indexes of the interfaces of default routes
	size_t n_uplinks;
};

/**
 * A finding: "ok" needs no more than what was found; "warn" may trouble somebody, "fail" does not
 * work. @why it matters, and what to do, or NULL; copied.
 */
void doctor_ok(struct doctor *doc, const char *check, const char *fmt, ...) _printf_(3, 4);
void doctor_warn(struct doctor *doc, const char *check, const char *why, const char *fix,
		 const char *fmt, ...) _printf_(5, 6);
void doctor_fail(struct doctor *doc, const char *check, const char *why, const char *fix,
		 const char *fmt, ...) _printf_(5, 6);

/** The interface of this index, or NULL. */
const struct link *doctor_link(const struct doctor *doc, int index);

/** The checks, each in a file of its own. -1: it could not be found out. */
int doctor_kernel(struct doctor *doc, struct err *e) _must_check_;
int doctor_attached(struct doctor *doc, struct err *e) _must_check_;
int doctor_mtu(struct doctor *doc, struct err *e) _must_check_;
int doctor_sysctl(struct doctor *doc, struct err *e) _must_check_;
int doctor_rules(struct doctor *doc, struct err *e) _must_check_;
