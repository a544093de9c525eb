// SPDX-License-Identifier: Apache-2.0
/** Whether the programs are where they should be, and are the first to see a packet. */
#include <arpa/inet.h>

#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "cli/doctor.h"
#include "cli/listener.h"
#include "cli/maps.h"
#include "cli/probe.h"
#include "netlink/filter.h"

static const struct {
	enum filter_side side;
	uint32_t parent;
	enum probe_tcx tcx;
	const char *name;
} sides[] = {
	{FILTER_INGRESS, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), PROBE_TCX_INGRESS, "ingress"},
	{FILTER_EGRESS, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), PROBE_TCX_EGRESS, "egress"},
};

/** Filters of others that a packet meets before ours. */
struct others {
	unsigned int n;
	char first[64];
};

/**
 * Ours has priority 1 and handle 1. Of one priority cls_bpf asks the one added last first, so any
 * other of that priority may come before ours.
 */
static int on_filter(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct tcmsg *hdr = nl_payload(reply);
	const struct nlattr *a[TCA_MAX + 1], *options[TCA_BPF_MAX + 1];
	struct others *others = ctx;
	const char *kind;

	(void)e;
	// A filter without a handle is the head of its list, of which others tell.
	if (reply->nlmsg_type != RTM_NEWTFILTER || TC_H_MAJ(hdr->tcm_info) >> 16 != 1 ||
	    hdr->tcm_handle <= 1)
		return 0;
	nl_parse(reply, sizeof(*hdr), a, TCA_MAX);
	kind = nl_get_str(a[TCA_KIND], "?");
	options[TCA_BPF_NAME] = NULL;
	if (!strcmp(kind, "bpf") && a[TCA_OPTIONS])
		nl_parse_nested(a[TCA_OPTIONS], options, TCA_BPF_MAX);
	if (!others->n++)
		(void)snprintf(others->first, sizeof(others->first), "%s",
			       nl_get_str(options[TCA_BPF_NAME], kind));
	return 0;
}

static int check_others(struct doctor *doc, const char *name, int index, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		const struct tcmsg hdr = {.tcm_ifindex = index, .tcm_parent = sides[i].parent};
		_cleanup_(nl_msg_free) struct nl_msg m = {};
		struct others others = {};
		uint32_t tcx;

		nl_begin(&m, RTM_GETTFILTER, 0, &hdr, sizeof(hdr));
		nl_label(&m, "list filters of %s", name);
		if (nl_dump(doc->nl, &m, on_filter, &others, e) < 0 ||
		    probe_tcx_count(index, sides[i].tcx, &tcx, e) < 0)
			return -1;
		if (others.n)
			doctor_warn(doc, "filters",
				    "it may decide about packets before the data path",
				    "give it a priority above 1",
				    "%s, %s: another filter beside ours: %s", name, sides[i].name,
				    others.first);
		if (tcx)
			doctor_warn(doc, "filters",
				    "they decide about packets before the data path",
				    "have only one data path on this interface",
				    "%s, %s: %u tcx programs", name, sides[i].name, tcx);
	}
	return 0;
}

/** An XDP program sees what comes in by an interface before any filter; none is ours. */
static void check_xdp(struct doctor *doc, const struct link *link)
{
	// As ip calls them. Of several at once it takes them away one by one.
	static const char *const modes[] = {
		[XDP_ATTACHED_DRV] = "xdpdrv",
		[XDP_ATTACHED_SKB] = "xdpgeneric",
		[XDP_ATTACHED_HW] = "xdpoffload",
		[XDP_ATTACHED_MULTI] = "xdpgeneric",
	};

	if (link->xdp == XDP_ATTACHED_NONE || link->xdp >= ARRAY_SIZE(modes))
		return;
	doctor_warn(doc, "XDP", "it decides about packets before the data path",
		    arena_printf(doc->arena, "unless it is meant: ip link set %s %s off",
				 link->name, modes[link->xdp]),
		    "%s: has a program of another's", link->name);
}

/** Returns 1 if the pod is served as it should be, 0 if not and a finding says so. */
static int check_pod(struct doctor *doc, const struct pod *pod, struct err *e)
{
	bool is_attached;

	if (!pod->has_link) {
		doctor_warn(doc, "endpoints", "packets to its addresses are lost",
			    "GC of the network forgets it, as does DEL of its container",
			    "interface %d is gone, but in the maps", pod->index);
		return 0;
	}
	if (!pod->is_known) {
		doctor_fail(doc, "endpoints", "what it sends is dropped", "restart the pod",
			    "%s has addresses in the maps, but no entry of its own",
			    pod->link.name);
		return 0;
	}
	if (datapath_is_attached(&doc->d, doc->nl, pod->index, &is_attached, e) < 0 ||
	    check_others(doc, pod->link.name, pod->index, e) < 0)
		return -1;
	check_xdp(doc, &pod->link);
	if (is_attached)
		return 1;
	doctor_fail(doc, "filters", "the pod is not protected, and not on the fast path",
		    "restart the pod", "%s does not have the programs that are pinned",
		    pod->link.name);
	return 0;
}

static int check_uplinks(struct doctor *doc, struct err *e)
{
	char name[FILTER_NAME];
	uint32_t id;

	for (size_t i = 0; i < doc->n_uplinks; i++) {
		const struct link *link = doctor_link(doc, doc->uplinks[i]);

		if (!link)
			continue;
		if (filter_get(doc->nl, link->index, FILTER_INGRESS, &id, name, e) < 0)
			return -1;
		if (id && !strncmp(name, DATAPATH_FILTER, strlen(DATAPATH_FILTER)))
			doctor_ok(doc, "uplink", "%s has the programs", link->name);
		else
			doctor_ok(doc, "uplink",
				  "%s does not have the programs: packets go through "
				  "the node's stack",
				  link->name);
		if (check_others(doc, link->name, link->index, e) < 0)
			return -1;
		check_xdp(doc, link);
	}
	if (!doc->n_uplinks)
		doctor_ok(doc, "uplink", "there is no default route: pods reach this node only");
	return 0;
}

/** Events that nobody reads are work for nothing. */
static int check_events(struct doctor *doc, struct err *e)
{
	_cleanup_(map_close) struct map map = MAP_CLOSED;
	uint32_t key = 0;

	if (map_open(&map, MAP_SETTINGS, sizeof(struct settings), e) < 0 ||
	    map_read(&map, &key, 0, e) < 0)
		return -1;
	if (((const struct settings *)(const void *)map.value)->events && !listener_pid())
		doctor_warn(doc, "events", "they cost time, and nobody reads them",
			    "edgeway flows, which switches them off when it ends",
			    "are on, though nobody listens");
	return 0;
}

int doctor_attached(struct doctor *doc, struct err *e)
{
	size_t good = 0;

	if (!doc->is_loaded) {
		doctor_warn(doc, "data path", "no pod is served by it",
			    "edgeway-loader loads it, or the first ADD of the plugin ebpf",
			    "is not loaded");
		return 0;
	}
	for (size_t i = 0; i < doc->pods.n; i++) {
		int rc = check_pod(doc, &doc->pods.list[i], e);

		if (rc < 0)
			return -1;
		good += (size_t)rc;
	}
	doctor_ok(doc, "data path", "is loaded; %zu of %zu interfaces are as they should be", good,
		  doc->pods.n);
	return check_events(doc, e) < 0 ? -1 : check_uplinks(doc, e);
}
