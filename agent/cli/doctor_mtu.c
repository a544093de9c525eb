// SPDX-License-Identifier: Apache-2.0
/** The MTU along the way: the pod's end, the node's end, the uplink. */
#include <linux/rtnetlink.h>
#include <string.h>

#include "cli/doctor.h"
#include "node/netns.h"
#include "node/netscan.h"

struct inside {
	struct doctor *doc;
	uint32_t *mtus; ///< of the pods' ends, by place in doc->pods; 0 if not found
};

static int read_mtus(struct inside *in, int fd, int nsid, struct err *e)
{
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;

	if (netns_enter(&ns, fd, e) < 0)
		return -1;
	nl = nl_open(NETLINK_ROUTE, e);
	if (!nl)
		return -1;
	for (size_t i = 0; i < in->doc->pods.n; i++) {
		const struct pod *pod = &in->doc->pods.list[i];
		struct err gone = {}; // the pod goes while we look
		struct link link;

		if (pod->has_link && pod->link.peer_nsid == nsid &&
		    link_get_index(nl, pod->link.peer, &link, &gone) == 0)
			in->mtus[i] = link.mtu;
	}
	return 0;
}

static int on_namespace(int fd, void *ctx, struct err *e)
{
	struct inside *in = ctx;
	int nsid;

	if (link_nsid(in->doc->nl, fd, &nsid, e) < 0)
		return -1;
	return nsid < 0 ? 0 : read_mtus(in, fd, nsid, e);
}

/** The smallest of the uplinks', and whose it is; NULL if there is none. */
static const struct link *narrowest(const struct doctor *doc)
{
	const struct link *least = NULL;

	for (size_t i = 0; i < doc->n_uplinks; i++) {
		const struct link *link = doctor_link(doc, doc->uplinks[i]);

		if (link && (!least || link->mtu < least->mtu))
			least = link;
	}
	return least;
}

int doctor_mtu(struct doctor *doc, struct err *e)
{
	const struct link *uplink = narrowest(doc);
	struct inside in = {.doc = doc,
			    .mtus = arena_calloc(doc->arena, doc->pods.n + 1, sizeof(uint32_t))};
	size_t good = 0;

	if (!in.mtus)
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	if (!doc->pods.n)
		return 0;
	if (netscan_each(doc->arena, on_namespace, &in, e) < 0)
		return -1;
	for (size_t i = 0; i < doc->pods.n; i++) {
		const struct pod *pod = &doc->pods.list[i];

		if (!pod->has_link || !in.mtus[i])
			continue;
		if (in.mtus[i] != pod->link.mtu)
			doctor_fail(doc, "MTU", "larger packets are lost without a word",
				    "give both ends the same", "%s has %u, the pod's end %u",
				    pod->link.name, pod->link.mtu, in.mtus[i]);
		else if (uplink && in.mtus[i] > uplink->mtu)
			doctor_warn(doc, "MTU",
				    "what is larger than the uplink's is fragmented, or sent again",
				    "set \"mtu\" of the network to the uplink's",
				    "%s has %u, the uplink %s only %u", pod->link.name, in.mtus[i],
				    uplink->name, uplink->mtu);
		else
			good++;
	}
	if (good)
		doctor_ok(doc, "MTU", "fits all the way for %zu interfaces%s%s", good,
			  uplink ? ", to uplink " : "", uplink ? uplink->name : "");
	return 0;
}
