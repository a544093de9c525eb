/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"

/**
 * Addresses that the configuration or a request names one by one: the reference plugin static, as
 * functions, so that another plugin need not start a process for them.
 *
 * Nothing is kept on the node: whoever names an address sees to it that nobody else has it. So
 * there is nothing to do for DEL and GC.
 */
struct static_address {
	struct prefix address;
	struct ipaddr gateway; ///< family 0 = none
	const char *from;      ///< where the address stands: "ipam.addresses[0].address"
	const char *gateway_from;
};

struct static_conf {
	const char *type;
	struct static_address *addresses;
	size_t n_addresses;
	struct cni_route *routes;
	size_t n_routes;
	struct cni_dns dns;
};

/** Its keys, for the reference page. */
extern const struct conf_field static_fields[];

struct static_ipam {
	const struct cni_call *call;
	struct static_conf conf;
	struct static_address *addresses; ///< those that count, checked, in the result's order
	size_t n_addresses;
};

/**
 * Read the ipam object and the requests beside it, and refuse what no container could have. Does
 * nothing for DEL and GC.
 */
int static_open(struct static_ipam *s, const struct cni_call *call, struct json_t *ipam,
		struct err *e) _must_check_;

/** Fill @result with the addresses, routes and dns. */
int static_add(const struct static_ipam *s, struct cni_result *result, struct err *e) _must_check_;

/** Whether prevResult has every address, with its gateway. */
int static_check(const struct static_ipam *s, struct err *e) _must_check_;
