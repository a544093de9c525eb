/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/addr.h"
#include "cni/version.h"
#include "conf/conf.h"

/**
 * What an ADD made, in the shape of version 1.1.0 whatever the configuration speaks
 * (CNI specification 1.1.0, section 5, "Success"). Conversion happens when it is read or written.
 *
 * Strings are borrowed from the call or from the document it was read from; lists are arena memory.
 */
struct cni_iface {
	const char *name;
	const char *mac;     ///< NULL or "" = unknown
	const char *sandbox; ///< path of the namespace; NULL or "" on the node's side
	int64_t mtu;         ///< 0 = unknown
	const char *socket_path;
	const char *pci_id;
};

struct cni_ip {
	struct prefix address;
	struct ipaddr gateway; ///< family 0 = none
	int64_t iface;         ///< index into the interfaces; -1 = the container's
};

struct cni_route {
	struct prefix dst;
	struct ipaddr gw;              ///< family 0 = the gateway of the address
	int64_t mtu, advmss, priority; ///< 0 = the kernel's choice
	int64_t table, scope;          ///< -1 = the kernel's choice
};

struct cni_dns {
	const char **nameservers;
	size_t n_nameservers;
	const char *domain;
	const char **search;
	size_t n_search;
	const char **options;
	size_t n_options;
};

struct cni_result {
	struct cni_iface *ifaces;
	size_t n_ifaces;
	struct cni_ip *ips;
	size_t n_ips;
	struct cni_route *routes;
	size_t n_routes;
	struct cni_dns dns;
};

/** The keys of a dns object and the element of a list of routes, for configurations that have them.
 */
extern const struct conf_field cni_dns_fields[], cni_route_elem;

/** Refuse a route, of the list at @at, that no kernel would take. */
int cni_routes_check(const struct cni_route *routes, size_t n, const char *at,
		     struct err *e) _must_check_;

bool cni_result_has_ipv6(const struct cni_result *r);

bool cni_dns_is_empty(const struct cni_dns *dns);

/** Append to a result; false when memory is short. */
bool cni_result_add_iface(struct cni_result *r, struct arena *arena,
			  const struct cni_iface *iface) _must_check_;
bool cni_result_add_ip(struct cni_result *r, struct arena *arena,
		       const struct cni_ip *ip) _must_check_;
bool cni_result_add_route(struct cni_result *r, struct arena *arena,
			  const struct cni_route *route) _must_check_;

/**
 * Read a result of any version: by its own cniVersion if it carries one, else by @version. @at is
 * its path for messages ("prevResult").
 */
int cni_result_read(struct cni_result *out, struct json_t *json, const char *at,
		    enum cni_version version, struct arena *arena, struct err *e) _must_check_;

/**
 * The result as JSON of @version; the caller owns the reference. NULL with @e filled if that
 * version cannot express it: 0.1.0 and 0.2.0 need an address.
 */
struct json_t *cni_result_write(const struct cni_result *r, enum cni_version version,
				struct err *e);
