// SPDX-License-Identifier: Apache-2.0
/** The verbs. */
#include <linux/sockios.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/undo.h"
#include "cni/mend.h"
#include "netlink/route.h"
#include "node/sysctl.h"
#include "portmap.h"

static int open_route(struct portmap_job *job, struct err *e)
{
	if (!job->nl)
		job->nl = nl_open(NETLINK_ROUTE, e);
	return job->nl ? 0 : -1;
}

/** Let 127.0.0.1 leave by the interface that leads to the container; see portmap_kind's guard. */
static int allow_loopback(struct portmap_job *job, const struct ipaddr *target, struct err *e)
{
	struct ifreq ifr = {};
	struct route route;

	if (open_route(job, e) < 0 || route_to(job->nl, target, &route, e) < 0)
		return -1;
	ifr.ifr_ifindex = route.oif;
	if (!route.oif || nl_ioctl(job->nl, SIOCGIFNAME, &ifr) < 0)
		return 0; // no way to the container, no way from 127.0.0.1
	return sysctl_ensure_if_there("1", e, "ipv4/conf/%s/route_localnet", ifr.ifr_name);
}

static int allow_all_loopback(struct portmap_job *job, struct err *e)
{
	const struct portmap_plan *plan = &job->plan;

	// They come first and have one address.
	if (!plan->snat || !plan->n || plan->maps[0].target.ip.family != AF_INET)
		return 0;
	return allow_loopback(job, &plan->maps[0].target.ip, e);
}

static bool needs_forgetting(const struct portmap_plan *plan, bool tcp)
{
	for (size_t i = 0; i < plan->n; i++)
		if (tcp || plan->maps[i].proto != IPPROTO_TCP)
			return true;
	return false;
}

/** Whether a container went without ending its connections: who was connecting would go on asking
 * where nobody is. All others are spared the search, which takes milliseconds. */
static bool is_sudden(const struct portmap_job *job, bool gone)
{
	const char *netns = job->call->netns;

	return gone ? !netns || access(netns, F_OK) < 0 : job->rules.displaced;
}

/** Old connections are a nuisance, no reason to fail. */
static void forget(struct portmap_job *job, bool gone)
{
	bool tcp = is_sudden(job, gone);
	struct err e = {};

	if (!needs_forgetting(&job->plan, tcp))
		return;
	if (!job->rules.nl)
		job->rules.nl = nl_open(NETLINK_NETFILTER, &e);
	if (!job->rules.nl || open_route(job, &e) < 0 ||
	    portmap_forget(job->rules.nl, job->nl, &job->plan, gone, tcp, job->call->arena, &e) < 0)
		log_warn("connections of before stay: %s", e.msg);
}

static int undo_mappings(void *ctx, int arg, struct err *e)
{
	struct portmap_job *job = ctx;

	(void)arg;
	return ruleset_del(&job->rules, &job->call->at, false, e);
}

int portmap_plugin_add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	_cleanup_(portmap_job_done) struct portmap_job job = {};
	_cleanup_(undo_rollback) struct undo undo = {.arena = call->arena};

	(void)result; // prevResult's
	if (portmap_job_open(&job, call, e) < 0)
		return -1;
	if (!job.plan.n)
		return 0;
	// Pushed first: it goes by what is there, and the record may be there without its elements.
	if (allow_all_loopback(&job, e) < 0 || undo_push(&undo, undo_mappings, &job, 0, e) < 0)
		return -1;
	if (portmap_add(&job.rules, &call->at, &job.plan, e) < 0)
		return e->code == ERR_EXISTS || e->code == ERR_CONFIG
			       ? err_wrap(e, "runtimeConfig.portMappings")
			       : -1;
	forget(&job, false);
	undo_commit(&undo);
	ruleset_done_later(&job.rules);
	return 0;
}

int portmap_plugin_del(const struct cni_call *call, struct err *e)
{
	_cleanup_(portmap_job_done) struct portmap_job job = {};
	struct err wrong = {};

	// What no ADD would accept has its DEL all the same.
	if (portmap_job_open(&job, call, &wrong) < 0)
		log_warn("ignored: %s", wrong.msg);
	if (ruleset_del(&job.rules, &call->at, job.conf->runtime.n > 0, e) < 0)
		return -1;
	forget(&job, true);
	ruleset_done_later(&job.rules);
	return 0;
}

int portmap_plugin_check(const struct cni_call *call, struct err *e)
{
	_cleanup_(portmap_job_done) struct portmap_job job = {};

	return portmap_job_open(&job, call, e) < 0
		       ? -1
		       : portmap_check(&job.rules, &call->at, &job.plan, e);
}

int portmap_plugin_status(const struct cni_call *call, struct err *e)
{
	_cleanup_(portmap_job_done) struct portmap_job job = {};

	if (portmap_job_open(&job, call, e) < 0 || portmap_probe(&job.rules, e) < 0)
		return -1;
	return cni_mend(&job.rules, e);
}

int portmap_plugin_gc(const struct cni_call *call, struct err *e)
{
	_cleanup_(portmap_job_done) struct portmap_job job = {};

	if (portmap_job_open(&job, call, e) < 0 ||
	    ruleset_gc(&job.rules, call->at.network, cni_call_keeps, call, true, e) < 0)
		return -1;
	ruleset_done_later(&job.rules);
	return 0;
}

int portmap_plugin_resync(struct arena *arena, struct err *e)
{
	_cleanup_(ruleset_done) struct ruleset rules = {.kind = &portmap_kind, .arena = arena};

	return ruleset_resync(&rules, e);
}
