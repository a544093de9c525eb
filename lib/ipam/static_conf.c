// SPDX-License-Identifier: Apache-2.0
/** Reading static's configuration and what was requested beside it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cni/args.h"
#include "ipam/static.h"

static const struct conf_field address_fields[] = {
	conf_prefix(struct static_address, address, "address", .required = true,
		    .help = "the address with its prefix length, e.g. 10.1.0.5/24"),
	conf_ip(struct static_address, gateway, "gateway",
		.help = "the gateway; may lie outside of the address's subnet"),
	conf_end,
};

static const struct conf_field address_elem = {.kind = CONF_OBJ, .sub = address_fields};

const struct conf_field static_fields[] = {
	conf_str(struct static_conf, type, "type", .required = true, .help = "\"static\""),
	conf_list(struct static_conf, addresses, n_addresses, "addresses", &address_elem,
		  .help = "the container's addresses, all of them"),
	conf_list(struct static_conf, routes, n_routes, "routes", &cni_route_elem,
		  .help = "routes for the container"),
	conf_obj(struct static_conf, dns, "dns", cni_dns_fields, .help = "name service to report"),
	conf_end,
};

static int out_of_memory(struct err *e)
{
	return err_set(e, ERR_TRY_AGAIN, "ipam: out of memory");
}

/** Append one address written as @text at @from. */
static int append(struct static_ipam *s, const char *text, const char *from, struct err *e)
{
	struct static_address a = {.from = from};
	const char *wrong = prefix_parse(&a.address, text);

	if (wrong)
		return err_set(e, ERR_CONFIG, "%s: \"%.64s\": %s", from, text, wrong);
	s->addresses =
		arena_grow(s->call->arena, s->addresses, s->n_addresses, sizeof(*s->addresses));
	if (!s->addresses)
		return out_of_memory(e);
	s->addresses[s->n_addresses++] = a;
	return 0;
}

/** A list of requested addresses replaces all others, unless it is empty. */
static int replace(struct static_ipam *s, const char *const *list, size_t n, const char *from,
		   struct err *e)
{
	if (n == 0)
		return 0;
	s->addresses = NULL;
	s->n_addresses = 0;
	for (size_t i = 0; i < n; i++) {
		const char *at = arena_printf(s->call->arena, "%s[%zu]", from, i);

		if (!at)
			return out_of_memory(e);
		if (append(s, list[i], at, e) < 0)
			return -1;
	}
	return 0;
}

/** A copy of what CNI_ARGS have for @key, to be cut up; NULL if that is nothing. */
static int args_list(const struct static_ipam *s, const char *key, char **list, struct err *e)
{
	if (cni_args_get(s->call, key, list, e) < 0)
		return -1;
	if (*list && !**list)
		*list = NULL;
	return 0;
}

/** Cut the next item off a list with commas, without the blanks around it; NULL at the end. */
static char *next_item(char **list)
{
	static const char blanks[] = " \t";
	char *item = strsep(list, ",");
	size_t n;

	if (!item)
		return NULL;
	item += strspn(item, blanks);
	for (n = strlen(item); n > 0 && strchr(blanks, item[n - 1]); n--)
		item[n - 1] = '\0';
	return item;
}

/** Give @gateway to the addresses from @first on in whose subnets it lies, if any. */
static void assign_gateway(struct static_ipam *s, size_t first, const struct ipaddr *gateway)
{
	char text[IP_TEXT];
	bool used = false;

	for (size_t i = first; i < s->n_addresses; i++) {
		struct static_address *a = &s->addresses[i];

		if (!prefix_contains(&a->address, gateway))
			continue;
		a->gateway = *gateway;
		a->gateway_from = "CNI_ARGS: GATEWAY";
		used = true;
	}
	if (!used)
		log_warn("CNI_ARGS: GATEWAY: \"%s\": in the subnet of no address of IP, ignored",
			 ip_format(gateway, text));
}

/** IP adds addresses to those of the configuration; GATEWAY is about those it adds. */
static int take_args(struct static_ipam *s, struct err *e)
{
	const size_t first = s->n_addresses;
	char *ips, *gateways, *item;

	if (args_list(s, "IP", &ips, e) < 0 || args_list(s, "GATEWAY", &gateways, e) < 0)
		return -1;
	while ((item = next_item(&ips)))
		if (append(s, item, "CNI_ARGS: IP", e) < 0)
			return -1;
	while ((item = next_item(&gateways))) {
		struct ipaddr gateway;
		const char *wrong = ip_parse(&gateway, item);

		if (wrong)
			return err_set(e, ERR_CONFIG, "CNI_ARGS: GATEWAY: \"%.64s\": %s", item,
				       wrong);
		assign_gateway(s, first, &gateway);
	}
	return 0;
}

static int take_conf(struct static_ipam *s, struct err *e)
{
	struct arena *arena = s->call->arena;

	s->addresses = s->conf.addresses;
	s->n_addresses = s->conf.n_addresses;
	for (size_t i = 0; i < s->n_addresses; i++) {
		struct static_address *a = &s->addresses[i];

		a->from = arena_printf(arena, "ipam.addresses[%zu].address", i);
		a->gateway_from = arena_printf(arena, "ipam.addresses[%zu].gateway", i);
		if (!a->from || !a->gateway_from)
			return out_of_memory(e);
	}
	return 0;
}

/** Each source in its turn, as in the original. */
static int collect(struct static_ipam *s, struct err *e)
{
	const struct cni_common *c = s->call->common;

	if (take_conf(s, e) < 0 || take_args(s, e) < 0 ||
	    replace(s, c->args.cni.ips, c->args.cni.n_ips, "args.cni.ips", e) < 0)
		return -1;
	return replace(s, c->runtime.ips, c->runtime.n_ips, "runtimeConfig.ips", e);
}

static int _printf_(3, 4)
	wrong_address(const struct static_address *a, struct err *e, const char *fmt, ...)
{
	char text[PREFIX_TEXT], what[128];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(e, ERR_CONFIG, "%s: \"%s\": %s", a->from, prefix_format(&a->address, text),
		       what);
}

/** Whether a container could speak from it at all. */
static bool is_usable(const struct ipaddr *ip)
{
	if (ip_is_zero(ip))
		return false;
	if (ip->family == AF_INET)
		return !IN_MULTICAST(ntohl(ip->v4.s_addr));
	return !IN6_IS_ADDR_MULTICAST(&ip->v6) && !IN6_IS_ADDR_V4MAPPED(&ip->v6);
}

static int check_gateway(const struct static_address *a, struct err *e)
{
	char text[IP_TEXT], address[PREFIX_TEXT];
	const char *wrong = NULL;

	if (!a->gateway.family)
		return 0;
	if (a->gateway.family != a->address.ip.family)
		wrong = "of another family than";
	else if (!ip_cmp(&a->gateway, &a->address.ip))
		wrong = "the same as";
	if (!wrong)
		return 0;
	return err_set(e, ERR_CONFIG, "%s: \"%s\": %s the container's own address %s",
		       a->gateway_from, ip_format(&a->gateway, text), wrong,
		       prefix_format(&a->address, address));
}

/** Address @i against those before it. A result before 0.3.0 has room for one of each family. */
static int check_others(const struct static_ipam *s, size_t i, struct err *e)
{
	const struct static_address *a = &s->addresses[i];

	for (size_t j = 0; j < i; j++) {
		const struct static_address *b = &s->addresses[j];

		if (!ip_cmp(&a->address.ip, &b->address.ip))
			return wrong_address(a, e, "given already by %s", b->from);
		if (a->address.ip.family == b->address.ip.family && s->call->version < CNI_0_3_0)
			return wrong_address(
				a, e,
				"CNI version %s does not support more than 1 address per family",
				cni_version_text(s->call->version));
	}
	return 0;
}

static int check(const struct static_ipam *s, struct err *e)
{
	for (size_t i = 0; i < s->n_addresses; i++) {
		const struct static_address *a = &s->addresses[i];

		if (!is_usable(&a->address.ip))
			return wrong_address(a, e, "not an address that a container can have");
		if (check_gateway(a, e) < 0 || check_others(s, i, e) < 0)
			return -1;
	}
	return 0;
}

int static_open(struct static_ipam *s, const struct cni_call *call, struct json_t *ipam,
		struct err *e)
{
	*s = (struct static_ipam){.call = call};
	if (call->verb == CNI_DEL || call->verb == CNI_GC)
		return 0;
	if (cni_read_conf(call, &s->conf, static_fields, ipam, "ipam", false, e) < 0 ||
	    cni_routes_check(s->conf.routes, s->conf.n_routes, "ipam.routes", e) < 0 ||
	    collect(s, e) < 0)
		return -1;
	return check(s, e);
}
