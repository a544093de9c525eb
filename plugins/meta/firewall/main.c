// SPDX-License-Identifier: Apache-2.0
/**
 * firewall - say which containers hear from which, and let them through a node's own firewall.
 *
 * Reads the configuration; add.c, del.c and check.c do the work.
 */
#include <string.h>

#include "base/log.h"
#include "cni/plugin.h"
#include "firewall.h"
#include "node/ipt_forward.h"

static const char *check_backend(const void *value)
{
	const char *backend = *(const char *const *)value;

	if (!*backend || !strcmp(backend, "iptables") || !strcmp(backend, "nftables") ||
	    !strcmp(backend, "firewalld"))
		return NULL;
	return "must be \"iptables\", \"nftables\" or \"firewalld\"";
}

static const char *const policies[] = {
	[FIREWALL_OPEN] = "open",
	[FIREWALL_SAME_BRIDGE] = "same-bridge",
	[FIREWALL_ISOLATED] = "isolated",
};

/** Which of the policies it is; their number if it is none. */
static size_t policy_of(const char *text)
{
	size_t i = FIREWALL_OPEN;

	if (!*text)
		return FIREWALL_OPEN;
	while (i < ARRAY_SIZE(policies) && strcmp(text, policies[i]) != 0)
		i++;
	return i;
}

static const char *check_policy(const void *value)
{
	return policy_of(*(const char *const *)value) < ARRAY_SIZE(policies)
		       ? NULL
		       : "must be \"open\", \"same-bridge\" or \"isolated\"";
}

static const struct conf_field fields[] = {
	CNI_BASE_KEYS,
	conf_str(struct firewall_conf, ingress, "ingressPolicy", .str = "open",
		 .check = check_policy,
		 .help = "who may reach the containers of the bridge by way of the node: open is "
			 "everybody, same-bridge is nobody on another bridge with a policy, "
			 "isolated is nobody on this bridge either"),
	conf_bool(struct firewall_conf, iptables_forward, "iptablesForward",
		  .help = "accept the container's packets in iptables' FORWARD, where Docker, ufw "
			  "and others drop what they do not know"),
	conf_str(struct firewall_conf, admin_chain, "iptablesAdminChainName", .str = FIREWALL_ADMIN,
		 .check = firewall_check_admin,
		 .help = "chain for the operator's own rules, in table inet edgeway_firewall"),
	conf_str(struct firewall_conf, backend, "backend", .check = check_backend,
		 .help = "accepted for compatibility; rules are always made by nf_tables"),
	conf_str(struct firewall_conf, zone, "firewalldZone",
		 .help = "accepted for compatibility; firewalld is not spoken to"),
	conf_end,
};

int firewall_job_open(struct firewall_job *job, const struct cni_call *call, struct err *e)
{
	const struct firewall_conf *conf = call->conf;
	struct ipaddr *ips;

	*job = (struct firewall_job){
		.call = call,
		.conf = conf,
		.rules = {.kind = &firewall_kind, .arena = call->arena},
		.want = {.policy = (enum firewall_policy)policy_of(conf->ingress),
			 .admin = conf->admin_chain,
			 .iptables = conf->iptables_forward},
	};
	if (call->verb == CNI_DEL || call->verb == CNI_GC)
		return 0;
	if (conf->iptables_forward && ipt_legacy_filters(call->arena))
		log_warn("iptablesForward: iptables-legacy has a table \"filter\", which cannot be "
			 "seen from here: if its FORWARD drops, use iptables-nft, or accept the "
			 "containers' subnet there");
	if (!call->prev)
		return 0;
	ips = arena_calloc(call->arena, call->prev->n_ips + 1, sizeof(*ips));
	if (!ips)
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	for (size_t i = 0; i < call->prev->n_ips; i++)
		ips[i] = call->prev->ips[i].address.ip;
	job->want.ips = ips;
	job->want.n_ips = call->prev->n_ips;
	return job->want.policy == FIREWALL_OPEN ? 0 : firewall_find_bridge(job, e);
}

void firewall_job_done(struct firewall_job *job)
{
	nl_closep(&job->nl);
	ruleset_done(&job->rules);
}

static int resync(struct arena *arena, struct err *e)
{
	_cleanup_(ruleset_done) struct ruleset rules = {.kind = &firewall_kind, .arena = arena};

	return firewall_resync(&rules, e);
}

int main(int argc, char **argv)
{
	static const struct cni_plugin plugin = {
		.name = "firewall",
		.about = "say which containers hear from which",
		.fields = fields,
		.conf_size = sizeof(struct firewall_conf),
		.chained = true,
		.add = firewall_verb_add,
		.del = firewall_verb_del,
		.check = firewall_verb_check,
		.status = firewall_verb_status,
		.gc = firewall_verb_gc,
		.resync = resync,
	};

	return cni_main(&plugin, argc, argv);
}
