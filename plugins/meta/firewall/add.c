// SPDX-License-Identifier: Apache-2.0
/** ADD: addresses, bridge and policy into the table; the container's port isolated if asked for. */
#include "base/log.h"
#include "base/undo.h"
#include "firewall.h"
#include "netlink/port.h"

static int undo_rules(void *ctx, int arg, struct err *e)
{
	struct firewall_job *job = ctx;

	(void)arg;
	return firewall_del(&job->rules, &job->call->at, job->want.iptables, false, e);
}

static int undo_isolation(void *nl, int index, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct port port;

	if (port_get(nl, index, &port, e) < 0)
		return -1;
	port.isolated = false;
	port_set(&m, index, &port);
	return nl_call(nl, &m, e);
}

static int isolate(struct nl *nl, int index, struct undo *undo, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct port port;

	if (port_get(nl, index, &port, e) < 0)
		return -1;
	if (port.isolated)
		return 0;
	if (undo_push(undo, undo_isolation, nl, index, e) < 0)
		return -1;
	port.isolated = true;
	port_set(&m, index, &port);
	return nl_call(nl, &m, e);
}

/**
 * Frames between ports of one bridge come by the table only where br_netfilter is on. The bridge's
 * own isolation holds in any case, and whatever becomes of the ruleset.
 */
static int isolate_ports(const struct firewall_job *job, struct undo *undo, struct err *e)
{
	for (size_t i = 0; i < job->n_ports; i++)
		if (isolate(job->nl, job->ports[i].index, undo, e) < 0)
			return err_wrap(e, "ingressPolicy");
	return 0;
}

/** firewalld has tables of its own, which drop what it does not know, and nothing overrules that.
 */
static void look_for_firewalld(struct firewall_job *job)
{
	static const struct nft_table table = {NFT_FAMILY_INET, "firewalld"};
	struct err ignored = {};
	bool exists;

	if (nft_exists(job->rules.nl, &table, NULL, &exists, &ignored) == 0 && exists)
		log_warn("firewalld is running, and decides about this container's packets too: "
			 "add its subnet to a zone, as firewall-cmd --permanent --zone=trusted "
			 "--add-source=SUBNET");
}

int firewall_verb_add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	_cleanup_(firewall_job_done) struct firewall_job job = {};
	_cleanup_(undo_rollback) struct undo undo = {.arena = call->arena};

	(void)result; // that of the plugins before
	if (firewall_job_open(&job, call, e) < 0)
		return -1;
	if (job.want.policy == FIREWALL_ISOLATED && isolate_ports(&job, &undo, e) < 0)
		return -1;
	if (job.want.n_ips > 0) {
		// Pushed first: it goes by what is there, and there may be but a part.
		if (undo_push(&undo, undo_rules, &job, 0, e) < 0 ||
		    firewall_add(&job.rules, &call->at, &job.want, e) < 0)
			return -1;
		look_for_firewalld(&job);
	}
	undo_commit(&undo);
	ruleset_done_later(&job.rules);
	return 0;
}
