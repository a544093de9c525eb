// SPDX-License-Identifier: Apache-2.0
/** Building and reading results. */
#include "cni/result.h"

#include <jansson.h>
#include <string.h>

static const struct conf_field text = {.kind = CONF_STR};

const struct conf_field cni_dns_fields[] = {
	conf_list(struct cni_dns, nameservers, n_nameservers, "nameservers", &text,
		  .help = "name servers, in order of preference"),
	conf_str(struct cni_dns, domain, "domain", .help = "local domain for short names"),
	conf_list(struct cni_dns, search, n_search, "search", &text,
		  .help = "search domains, in order"),
	conf_list(struct cni_dns, options, n_options, "options", &text,
		  .help = "options for the resolver"),
	conf_end,
};

static const struct conf_field iface_fields[] = {
	conf_str(struct cni_iface, name, "name"),
	conf_str(struct cni_iface, mac, "mac"),
	conf_str(struct cni_iface, sandbox, "sandbox"),
	conf_int(struct cni_iface, mtu, "mtu"),
	conf_str(struct cni_iface, socket_path, "socketPath"),
	conf_str(struct cni_iface, pci_id, "pciID"),
	conf_end,
};

static const struct conf_field ip_fields[] = {
	conf_prefix(struct cni_ip, address, "address", .required = true),
	conf_ip(struct cni_ip, gateway, "gateway"),
	conf_int(struct cni_ip, iface, "interface", .num = -1),
	conf_end,
};

static const struct conf_field route_fields[] = {
	conf_prefix(struct cni_route, dst, "dst", .required = true,
		    .help = "destination, e.g. 0.0.0.0/0"),
	conf_ip(struct cni_route, gw, "gw",
		.help = "next hop; the gateway of the address if absent"),
	conf_int(struct cni_route, mtu, "mtu", .max = UINT32_MAX, .help = "MTU along the route"),
	conf_int(struct cni_route, advmss, "advmss", .max = UINT32_MAX,
		 .help = "maximal TCP segment to advertise"),
	conf_int(struct cni_route, priority, "priority", .max = UINT32_MAX,
		 .help = "metric, lower is preferred"),
	conf_int(struct cni_route, table, "table", .num = -1, .min = -1, .max = UINT32_MAX,
		 .help = "routing table; main if absent"),
	conf_int(struct cni_route, scope, "scope", .num = -1, .min = -1, .max = 255,
		 .help = "0 global, 253 link, 254 host; by the gateway if absent"),
	conf_end,
};

static const struct conf_field an_iface = {.kind = CONF_OBJ, .sub = iface_fields, .open = true};
static const struct conf_field an_ip = {.kind = CONF_OBJ, .sub = ip_fields, .open = true};
static const struct conf_field a_route = {.kind = CONF_OBJ, .sub = route_fields, .open = true};
const struct conf_field cni_route_elem = {.kind = CONF_OBJ, .sub = route_fields};

/** 0.1.0 and 0.2.0: one address per family, routes filed below it. */
struct legacy_ip {
	struct prefix ip;
	struct ipaddr gateway;
	struct cni_route *routes;
	size_t n_routes;
};

static const struct conf_field legacy_fields[] = {
	conf_prefix(struct legacy_ip, ip, "ip"),
	conf_ip(struct legacy_ip, gateway, "gateway"),
	conf_list(struct legacy_ip, routes, n_routes, "routes", &a_route),
	conf_end,
};

/** Every shape at once: a document has the keys of its version, the others stay empty. */
struct any_result {
	const char *version;
	struct cni_result modern;
	struct legacy_ip ip4, ip6;
};

static const struct conf_field result_fields[] = {
	conf_str(struct any_result, version, "cniVersion"),
	conf_list(struct any_result, modern.ifaces, modern.n_ifaces, "interfaces", &an_iface),
	conf_list(struct any_result, modern.ips, modern.n_ips, "ips", &an_ip),
	conf_list(struct any_result, modern.routes, modern.n_routes, "routes", &a_route),
	conf_obj(struct any_result, modern.dns, "dns", cni_dns_fields, .open = true),
	conf_obj(struct any_result, ip4, "ip4", legacy_fields, .open = true),
	conf_obj(struct any_result, ip6, "ip6", legacy_fields, .open = true),
	conf_end,
};

int cni_routes_check(const struct cni_route *routes, size_t n, const char *at, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		char gw[IP_TEXT], dst[PREFIX_TEXT];

		if (!routes[i].gw.family || routes[i].gw.family == routes[i].dst.ip.family)
			continue;
		return err_set(e, ERR_CONFIG, "%s[%zu].gw: \"%s\": not of the family of dst %s", at,
			       i, ip_format(&routes[i].gw, gw), prefix_format(&routes[i].dst, dst));
	}
	return 0;
}

bool cni_result_has_ipv6(const struct cni_result *r)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].address.ip.family == AF_INET6)
			return true;
	return false;
}

bool cni_dns_is_empty(const struct cni_dns *dns)
{
	return !dns->n_nameservers && !dns->n_search && !dns->n_options &&
	       (!dns->domain || !*dns->domain);
}

bool cni_result_add_iface(struct cni_result *r, struct arena *arena, const struct cni_iface *iface)
{
	r->ifaces = arena_grow(arena, r->ifaces, r->n_ifaces, sizeof(*iface));
	if (!r->ifaces)
		return false;
	r->ifaces[r->n_ifaces++] = *iface;
	return true;
}

bool cni_result_add_ip(struct cni_result *r, struct arena *arena, const struct cni_ip *ip)
{
	r->ips = arena_grow(arena, r->ips, r->n_ips, sizeof(*ip));
	if (!r->ips)
		return false;
	r->ips[r->n_ips++] = *ip;
	return true;
}

bool cni_result_add_route(struct cni_result *r, struct arena *arena, const struct cni_route *route)
{
	r->routes = arena_grow(arena, r->routes, r->n_routes, sizeof(*route));
	if (!r->routes)
		return false;
	r->routes[r->n_routes++] = *route;
	return true;
}

static bool take_legacy(struct cni_result *out, const struct legacy_ip *from, struct arena *arena)
{
	const struct cni_ip ip = {.address = from->ip, .gateway = from->gateway, .iface = -1};

	if (!from->ip.ip.family)
		return true;
	for (size_t i = 0; i < from->n_routes; i++)
		if (!cni_result_add_route(out, arena, &from->routes[i]))
			return false;
	return cni_result_add_ip(out, arena, &ip);
}

int cni_result_read(struct cni_result *out, struct json_t *json, const char *at,
		    enum cni_version version, struct arena *arena, struct err *e)
{
	struct conf_report report = {.open = true};
	struct any_result any = {};
	struct cni_result r;

	if (conf_read(&any, result_fields, json, at, &report, arena, e) < 0)
		return -1;
	if (any.version && cni_version_parse(any.version, &version, e) < 0)
		return err_wrap(e, "%s.cniVersion", at);
	r = any.modern;
	if (version < CNI_0_3_0) {
		r = (struct cni_result){.dns = any.modern.dns};
		if (!take_legacy(&r, &any.ip4, arena) || !take_legacy(&r, &any.ip6, arena))
			return err_set(e, ERR_TRY_AGAIN, "%s: out of memory", at);
	}
	for (size_t i = 0; i < r.n_ips; i++)
		if (r.ips[i].iface >= (int64_t)r.n_ifaces)
			return err_set(e, ERR_CONFIG,
				       "%s.ips[%zu].interface: %lld: there are %zu interfaces", at,
				       i, (long long)r.ips[i].iface, r.n_ifaces);
	*out = r;
	return 0;
}
