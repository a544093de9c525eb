// SPDX-License-Identifier: Apache-2.0
/** What static answers; static_conf.c has found out what was asked for. */
#include "ipam/static.h"

int static_add(const struct static_ipam *s, struct cni_result *result, struct err *e)
{
	struct cni_result r = {
		.routes = s->conf.routes,
		.n_routes = s->conf.n_routes,
		.dns = s->conf.dns,
	};

	for (size_t i = 0; i < s->n_addresses; i++) {
		const struct cni_ip ip = {
			.address = s->addresses[i].address,
			.gateway = s->addresses[i].gateway,
			.iface = -1,
		};

		if (!cni_result_add_ip(&r, s->call->arena, &ip))
			return err_set(e, ERR_TRY_AGAIN, "ipam: out of memory");
	}
	*result = r;
	return 0;
}

static const struct cni_ip *find(const struct cni_result *r, const struct prefix *address)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].address.len == address->len &&
		    !ip_cmp(&r->ips[i].address.ip, &address->ip))
			return &r->ips[i];
	return NULL;
}

int static_check(const struct static_ipam *s, struct err *e)
{
	for (size_t i = 0; i < s->n_addresses; i++) {
		const struct static_address *a = &s->addresses[i];
		const struct cni_ip *ip = find(s->call->prev, &a->address);
		char text[PREFIX_TEXT], gateway[IP_TEXT];

		if (!ip)
			return err_set(e, ERR_MISMATCH, "static: prevResult lacks address %s of %s",
				       prefix_format(&a->address, text), a->from);
		// Without a gateway of ours the interface's plugin may have filled in its own.
		if (a->gateway.family && ip_cmp(&a->gateway, &ip->gateway) != 0)
			return err_set(e, ERR_MISMATCH,
				       "static: prevResult's gateway of %s is not the %s of %s",
				       prefix_format(&a->address, text),
				       ip_format(&a->gateway, gateway), a->gateway_from);
	}
	return 0;
}
