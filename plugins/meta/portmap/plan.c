// SPDX-License-Identifier: Apache-2.0
/** From wishes and addresses to mappings. */
#include <string.h>

#include "cni/args.h"
#include "cni/iface.h"
#include "node/condition.h"
#include "portmap.h"

#define WISHES "runtimeConfig.portMappings"

static int no_memory(struct err *e)
{
	return err_set(e, ERR_TRY_AGAIN, "portmap: out of memory");
}

/** The wish without the container's address; which family it is for is that of host_ip. */
static int read_wish(const struct portmap_wish *wish, size_t i, struct portmap *out, struct err *e)
{
	const char *wrong = NULL;

	*out = (struct portmap){.host_port = (uint16_t)wish->host_port,
				.port = (uint16_t)wish->container_port,
				.proto = portmap_proto(wish->protocol)};
	if (!out->proto)
		return err_set(e, ERR_CONFIG,
			       WISHES "[%zu].protocol: \"%.64s\": must be tcp, udp "
				      "or sctp",
			       i, wish->protocol);
	if (*wish->host_ip)
		wrong = ip_parse(&out->host_ip, wish->host_ip);
	out->host_ip = ip_unmap(&out->host_ip); // nobody sends a packet to one that is mapped
	return wrong ? err_set(e, ERR_CONFIG, WISHES "[%zu].hostIP: \"%.64s\": %s", i,
			       wish->host_ip, wrong)
		     : 0;
}

static bool is_any(const struct ipaddr *ip)
{
	return !ip->family || ip_is_zero(ip);
}

/** Whether @a and @b are about the same port of the same addresses, of one family at least. */
static bool is_same_port(const struct portmap *a, const struct portmap *b)
{
	const struct ipaddr *x = &a->host_ip, *y = &b->host_ip;

	if (a->proto != b->proto || a->host_port != b->host_port)
		return false;
	if (is_any(x) && is_any(y))
		return !x->family || !y->family || x->family == y->family;
	return x->family == y->family && !ip_cmp(x, y);
}

/** One port cannot lead to two; but it may be said twice. */
static int refuse_contradictions(const struct portmap maps[], size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (is_same_port(&maps[i], &maps[j]) && maps[i].port != maps[j].port)
				return err_set(e, ERR_CONFIG,
					       WISHES "[%zu].hostPort: %d/%s: leads to another "
						      "containerPort in " WISHES "[%zu]",
					       i, maps[i].host_port,
					       portmap_proto_text(maps[i].proto), j);
	return 0;
}

/** The container's first address of @family; NULL if it has none, or STATUS and GC know of none. */
static const struct prefix *address(const struct cni_call *call, int family)
{
	const struct cni_result *prev = call->at.ifname ? call->prev : NULL;

	for (size_t i = 0; prev && i < prev->n_ips; i++)
		if (prev->ips[i].address.ip.family == family && iface_owns(call, &prev->ips[i]))
			return &prev->ips[i].address;
	return NULL;
}

/** The wishes that are for @family, with the address and the condition. */
static size_t plan_family(const struct portmap_job *job, int family, const struct portmap wishes[],
			  const char *condition, struct portmap *out)
{
	const struct prefix *target = address(job->call, family);
	size_t n = 0;

	for (size_t i = 0; target && i < job->conf->runtime.n; i++) {
		struct portmap map = wishes[i];

		if (map.host_ip.family && map.host_ip.family != family)
			continue;
		if (is_any(&map.host_ip)) // of this family
			map.host_ip = (struct ipaddr){};
		map.target = *target;
		map.condition = condition;
		out[n++] = map;
	}
	return n;
}

static int plan_maps(struct portmap_job *job, struct err *e)
{
	const struct portmap_conf *conf = job->conf;
	struct arena *arena = job->call->arena;
	struct portmap *wishes = arena_calloc(arena, conf->runtime.n + 1, sizeof(*wishes)),
		       *maps = arena_calloc(arena, 2 * conf->runtime.n + 1, sizeof(*maps));
	const char *condition4, *condition6;

	if (!wishes || !maps)
		return no_memory(e);
	for (size_t i = 0; i < conf->runtime.n; i++)
		if (read_wish(&conf->runtime.wishes[i], i, &wishes[i], e) < 0)
			return -1;
	if (refuse_contradictions(wishes, conf->runtime.n, e) < 0 ||
	    condition_parse(conf->conditions4, conf->n_conditions4, AF_INET, "conditionsV4", arena,
			    &condition4, e) < 0 ||
	    condition_parse(conf->conditions6, conf->n_conditions6, AF_INET6, "conditionsV6", arena,
			    &condition6, e) < 0)
		return -1;
	job->plan.n = plan_family(job, AF_INET, wishes, condition4, maps);
	job->plan.n += plan_family(job, AF_INET6, wishes, condition6, maps + job->plan.n);
	job->plan.maps = maps;
	return 0;
}

/** What tells others later that the container is gone. */
static int plan_notes(struct portmap_job *job, struct err *e)
{
	const struct cni_call *call = job->call;
	struct portmap_plan *plan = &job->plan;
	char *uid;

	if (cni_args_get(call, "K8S_POD_UID", &uid, e) < 0)
		return -1;
	plan->pod_uid = uid && *uid ? uid : NULL;
	plan->netns = call->netns;
	plan->links = call->prev ? arena_calloc(call->arena, call->prev->n_ifaces + 1,
						sizeof(*plan->links))
				 : NULL;
	for (size_t i = 0; plan->links && i < call->prev->n_ifaces; i++) {
		const struct cni_iface *iface = &call->prev->ifaces[i];

		if ((!iface->sandbox || !*iface->sandbox) && iface->name && *iface->name)
			plan->links[plan->n_links++] = iface->name;
	}
	return call->prev && !plan->links ? no_memory(e) : 0;
}

int portmap_job_open(struct portmap_job *job, const struct cni_call *call, struct err *e)
{
	const struct portmap_conf *conf = call->conf;

	*job = (struct portmap_job){
		.call = call,
		.conf = conf,
		.rules = {.kind = &portmap_kind, .arena = call->arena},
		.plan = {.snat = conf->snat, .masq_all = conf->masq_all},
	};
	if (conf->external_set_mark_chain && conf_lookup(call->doc, "markMasqBit"))
		return err_set(
			e, ERR_CONFIG,
			"externalSetMarkChain: \"%.64s\": excludes markMasqBit; nobody needs "
			"either here",
			conf->external_set_mark_chain);
	return plan_maps(job, e) < 0 ? -1 : plan_notes(job, e);
}

void portmap_job_done(struct portmap_job *job)
{
	nl_closep(&job->nl);
	ruleset_done(&job->rules);
}
