// SPDX-License-Identifier: Apache-2.0
/** Writing results in the shape of each version. */
#include <jansson.h>
#include <string.h>

#include "cni/result.h"

static void set_text(json_t *obj, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(obj, key, json_string(value));
}

static void set_int(json_t *obj, const char *key, int64_t value)
{
	json_object_set_new(obj, key, json_integer(value));
}

static void set_ip(json_t *obj, const char *key, const struct ipaddr *ip)
{
	char text[IP_TEXT];

	if (ip->family)
		json_object_set_new(obj, key, json_string(ip_format(ip, text)));
}

static void set_prefix(json_t *obj, const char *key, const struct prefix *p)
{
	char text[PREFIX_TEXT];

	json_object_set_new(obj, key, json_string(prefix_format(p, text)));
}

/** Append a new object to @list and return it, borrowed; NULL when memory is short. */
static json_t *append(json_t *list)
{
	json_t *obj = json_object();

	return json_array_append_new(list, obj) == 0 ? obj : NULL;
}

static void set_texts(json_t *obj, const char *key, const char *const *texts, size_t n)
{
	json_t *list = n ? json_array() : NULL;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(texts[i]));
	if (list)
		json_object_set_new(obj, key, list);
}

static json_t *write_dns(const struct cni_dns *dns)
{
	json_t *obj = json_object();

	set_texts(obj, "nameservers", dns->nameservers, dns->n_nameservers);
	set_text(obj, "domain", dns->domain);
	set_texts(obj, "search", dns->search, dns->n_search);
	set_texts(obj, "options", dns->options, dns->n_options);
	return obj;
}

static json_t *write_ifaces(const struct cni_result *r, enum cni_version version)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_ifaces; i++) {
		const struct cni_iface *iface = &r->ifaces[i];
		json_t *obj = append(list);

		json_object_set_new(obj, "name", json_string(iface->name ? iface->name : ""));
		set_text(obj, "mac", iface->mac);
		set_text(obj, "sandbox", iface->sandbox);
		if (version < CNI_1_1_0)
			continue;
		if (iface->mtu)
			set_int(obj, "mtu", iface->mtu);
		set_text(obj, "socketPath", iface->socket_path);
		set_text(obj, "pciID", iface->pci_id);
	}
	return list;
}

static json_t *write_ips(const struct cni_result *r, enum cni_version version)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_ips; i++) {
		const struct cni_ip *ip = &r->ips[i];
		json_t *obj = append(list);

		if (version < CNI_1_0_0)
			set_text(obj, "version", ip_version(&ip->address.ip) == 4 ? "4" : "6");
		if (ip->iface >= 0)
			set_int(obj, "interface", ip->iface);
		set_prefix(obj, "address", &ip->address);
		set_ip(obj, "gateway", &ip->gateway);
	}
	return list;
}

/** The routes of @family, or all if 0. */
static json_t *write_routes(const struct cni_result *r, enum cni_version version, int family)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_routes; i++) {
		const struct cni_route *route = &r->routes[i];
		json_t *obj;

		if (family && route->dst.ip.family != family)
			continue;
		obj = append(list);
		set_prefix(obj, "dst", &route->dst);
		set_ip(obj, "gw", &route->gw);
		if (version < CNI_1_1_0)
			continue;
		if (route->mtu)
			set_int(obj, "mtu", route->mtu);
		if (route->advmss)
			set_int(obj, "advmss", route->advmss);
		if (route->priority)
			set_int(obj, "priority", route->priority);
		if (route->table >= 0)
			set_int(obj, "table", route->table);
		if (route->scope >= 0)
			set_int(obj, "scope", route->scope);
	}
	return list;
}

/** Lists that are empty stay away, as in the reference library's output. */
static void set_list(json_t *obj, const char *key, json_t *list)
{
	if (json_array_size(list))
		json_object_set_new(obj, key, list);
	else
		json_decref(list);
}

/** The first address of @family with its routes, as "ip4" or "ip6"; false if there is none. */
static bool set_legacy(json_t *doc, const char *key, const struct cni_result *r, int family)
{
	for (size_t i = 0; i < r->n_ips; i++) {
		const struct cni_ip *ip = &r->ips[i];
		json_t *obj;

		if (ip->address.ip.family != family)
			continue;
		obj = json_object();
		set_prefix(obj, "ip", &ip->address);
		set_ip(obj, "gateway", &ip->gateway);
		set_list(obj, "routes", write_routes(r, CNI_0_2_0, family));
		json_object_set_new(doc, key, obj);
		return true;
	}
	return false;
}

struct json_t *cni_result_write(const struct cni_result *r, enum cni_version version, struct err *e)
{
	json_t *doc = json_object();

	set_text(doc, "cniVersion", cni_version_text(version));
	if (version < CNI_0_3_0) {
		bool v4 = set_legacy(doc, "ip4", r, AF_INET);
		bool v6 = set_legacy(doc, "ip6", r, AF_INET6);

		if (!v4 && !v6) {
			json_decref(doc);
			(void)err_set(e, ERR_CONFIG,
				      "cannot convert the result to version %s: no valid IP "
				      "addresses; use cniVersion 0.3.0 or later",
				      cni_version_text(version));
			return NULL;
		}
	} else {
		set_list(doc, "interfaces", write_ifaces(r, version));
		set_list(doc, "ips", write_ips(r, version));
		set_list(doc, "routes", write_routes(r, version, 0));
	}
	if (version < CNI_1_0_0 || !cni_dns_is_empty(&r->dns))
		json_object_set_new(doc, "dns", write_dns(&r->dns));
	return doc;
}
