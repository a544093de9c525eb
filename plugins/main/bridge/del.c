// SPDX-License-Identifier: Apache-2.0
/** DEL and GC: take away what is ours, whatever has become of the rest. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "bridge.h"
#include "node/netns.h"

/** Keep the first error and go on: every step of a DEL stands on its own. */
static void note(int rc, struct err *step, struct err *first, int *result)
{
	if (rc < 0 && *result == 0)
		*first = *step;
	else if (rc < 0)
		log_warn("%s", step->msg);
	if (rc < 0)
		*result = -1;
	*step = (struct err){};
}

/** The addresses of prevResult, for when the record of the masquerading is lost. */
static struct prefix *known_addresses(const struct cni_call *call, size_t *n)
{
	struct prefix *list;

	*n = call->prev ? call->prev->n_ips : 0;
	list = arena_calloc(call->arena, *n + 1, sizeof(*list));
	if (!list)
		*n = 0;
	for (size_t i = 0; i < *n; i++)
		list[i] = call->prev->ips[i].address;
	return list;
}

static int stop_masquerading(struct bridge_job *job, struct err *e)
{
	size_t n = 0;
	struct prefix *known = job->conf->ip_masq ? known_addresses(job->call, &n) : NULL;

	return masq_del(&job->masq, &job->call->at, known, n, e);
}

/** The container's interface, if it is a veth; -1 with e->os == ENODEV if it is not there. */
static int find_inside(const struct cni_call *call, struct link *link, struct err *e)
{
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;

	if (netns_enter(&ns, call->netns_fd, e) < 0)
		return -1;
	nl = nl_open(NETLINK_ROUTE, e);
	return nl ? link_get(nl, call->at.ifname, link, e) : -1;
}

/**
 * A pair that somebody else named, such as the reference plugin before us: found by the container's
 * end, and taken for ours if the other end is an unmarked port of our bridge.
 */
static int delete_foreign(struct bridge_job *job, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct link bridge, inside, host;
	int nsid = -1;

	if (job->call->netns_fd < 0)
		return 0;
	if (find_inside(job->call, &inside, e) < 0)
		return e->os == ENODEV ? 0 : -1;
	if (strcmp(inside.kind, "veth") != 0 || !inside.peer)
		return 0;
	if (link_get(job->nl, job->conf->bridge, &bridge, e) < 0 ||
	    link_get_index(job->nl, inside.peer, &host, e) < 0 ||
	    link_nsid(job->nl, job->call->netns_fd, &nsid, e) < 0)
		return e->os == ENODEV ? 0 : -1;
	// An index says nothing about the namespace it counts in: the two ends must name each
	// other.
	if (host.peer != inside.index || nsid < 0 || host.peer_nsid != nsid)
		return 0;
	if (strcmp(host.kind, "veth") != 0 || host.master != bridge.index || host.alias[0])
		return 0;
	link_del_index(&m, host.index);
	return nl_call(job->nl, &m, e) < 0 && e->os != ENODEV ? -1 : 0;
}

/** Deleting one end of a veth pair deletes both. Takes one RCU grace period. */
static int delete_pair(struct bridge_job *job, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	link_del(&m, job->host_name);
	if (nl_call(job->nl, &m, e) == 0)
		return 0;
	return e->os == ENODEV ? delete_foreign(job, e) : -1;
}

int bridge_del(const struct cni_call *call, struct err *e)
{
	_cleanup_(bridge_job_done) struct bridge_job job = {};
	struct err step = {};
	int result = 0, pair;

	if (bridge_job_open(&job, call, e) < 0)
		return -1;
	// nf_tables first, its socket closed last: closing waits for pending deletions, and the
	// deletion of the link takes as long anyway. The address is free only when nobody has it.
	note(stop_masquerading(&job, &step), &step, e, &result);
	pair = delete_pair(&job, &step);
	note(pair, &step, e, &result);
	if (pair == 0)
		note(ipam_del(&job.ipam, &step), &step, e, &result);
	return result;
}

/** What GC must keep: the tags of the valid attachments. */
struct keep {
	const struct cni_call *call;
	struct nl_msg *removals;
};

static bool is_valid(const char *tag, void *ctx)
{
	const struct cni_call *call = ((const struct keep *)ctx)->call;

	for (size_t i = 0; i < call->n_valid; i++) {
		const struct attachment a = {call->at.network, call->valid[i].container,
					     call->valid[i].ifname};
		char text[ATTACHMENT_TAG];

		if (!strcmp(tag, attachment_tag(&a, text)))
			return true;
	}
	return false;
}

static int collect(const struct link *link, void *ctx, struct err *e)
{
	struct keep *keep = ctx;

	(void)e;
	if (attachment_tag_is_of(link->alias, keep->call->at.network) &&
	    !is_valid(link->alias, ctx))
		link_del_index(keep->removals, link->index);
	return 0;
}

static int gc_links(struct bridge_job *job, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct keep keep = {.call = job->call, .removals = &m};
	struct link bridge;

	if (link_get(job->nl, job->conf->bridge, &bridge, e) < 0)
		return e->os == ENODEV ? 0 : -1;
	if (link_each(job->nl, bridge.index, collect, &keep, e) < 0)
		return -1;
	return nl_call(job->nl, &m, e) < 0 && e->os != ENODEV ? -1 : 0;
}

int bridge_gc(const struct cni_call *call, struct err *e)
{
	_cleanup_(bridge_job_done) struct bridge_job job = {};
	struct keep keep = {.call = call};
	struct err step = {};
	int result = 0;

	if (bridge_job_open(&job, call, e) < 0)
		return -1;
	note(masq_gc(&job.masq, call->at.network, is_valid, &keep, &step), &step, e, &result);
	note(gc_links(&job, &step), &step, e, &result);
	note(ipam_gc(&job.ipam, &step), &step, e, &result);
	return result;
}
