// SPDX-License-Identifier: Apache-2.0
#include "netlink/filter.h"
#include <arpa/inet.h>

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

enum { PRIORITY = 1, HANDLE = 1 };

static const char *text(enum filter_side side)
{
	return side == FILTER_INGRESS ? "ingress" : "egress";
}

static uint32_t parent(enum filter_side side)
{
	return TC_H_MAKE(TC_H_CLSACT, side == FILTER_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

/** A request about the filter at our place. */
static void begin(struct nl_msg *m, uint16_t type, uint16_t flags, int ifindex,
		  enum filter_side side)
{
	const struct tcmsg hdr = {
		.tcm_ifindex = ifindex,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, side == FILTER_INGRESS ? TC_H_MIN_INGRESS
									    : TC_H_MIN_EGRESS),
		.tcm_handle = HANDLE,
		.tcm_info = TC_H_MAKE(PRIORITY << 16, htons(ETH_P_ALL)),
	};

	nl_begin(m, type, flags, &hdr, sizeof(hdr));
	nl_str(m, TCA_KIND, "bpf");
}

int filter_qdisc_add(struct nl *nl, int ifindex, struct err *e)
{
	const struct tcmsg hdr = {.tcm_ifindex = ifindex,
				  .tcm_parent = TC_H_CLSACT,
				  .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0)};
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	// Without EXCL one of the same kind is left as it is, and another one is refused.
	nl_begin(&m, RTM_NEWQDISC, NLM_F_CREATE, &hdr, sizeof(hdr));
	nl_label(&m, "add qdisc clsact to interface %d", ifindex);
	nl_str(&m, TCA_KIND, "clsact");
	return nl_call(nl, &m, e);
}

int filter_put(struct nl *nl, int ifindex, const struct filter *filter, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	begin(&m, RTM_NEWTFILTER, NLM_F_CREATE, ifindex, filter->side);
	nl_label(&m, "attach %s to %s of interface %d", filter->name, text(filter->side), ifindex);
	nl_nest(&m, TCA_OPTIONS) {
		nl_u32(&m, TCA_BPF_FD, (uint32_t)filter->prog);
		nl_str(&m, TCA_BPF_NAME, filter->name);
		nl_u32(&m, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	}
	return nl_call(nl, &m, e);
}

struct found {
	uint32_t id;
	char *name;
};

static int on_filter(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nlattr *a[TCA_MAX + 1], *bpf[TCA_BPF_MAX + 1];
	struct found *found = ctx;

	(void)e;
	if (reply->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	nl_parse(reply, sizeof(struct tcmsg), a, TCA_MAX);
	nl_parse_nested(a[TCA_OPTIONS], bpf, TCA_BPF_MAX);
	found->id = nl_get_u32(bpf[TCA_BPF_ID]);
	(void)snprintf(found->name, FILTER_NAME, "%s", nl_get_str(bpf[TCA_BPF_NAME], ""));
	return 0;
}

/** Whether a refusal means that there is no filter: neither it, nor a qdisc, nor the interface. */
static bool is_absent(const struct err *e)
{
	return e->os == ENOENT || e->os == EINVAL || e->os == ENODEV;
}

int filter_get(struct nl *nl, int ifindex, enum filter_side side, uint32_t *id, char *name,
	       struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct found found = {.name = name};

	name[0] = '\0';
	begin(&m, RTM_GETTFILTER, 0, ifindex, side);
	nl_label(&m, "read filter at %s of interface %d", text(side), ifindex);
	if (nl_get(nl, &m, on_filter, &found, e) < 0 && !is_absent(e))
		return -1;
	*id = found.id;
	return 0;
}

int filter_del(struct nl *nl, int ifindex, enum filter_side side, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	begin(&m, RTM_DELTFILTER, 0, ifindex, side);
	nl_label(&m, "detach filter at %s of interface %d", text(side), ifindex);
	return nl_call(nl, &m, e) == 0 || is_absent(e) ? 0 : -1;
}

static int on_any(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	(void)e;
	*(bool *)ctx |= reply->nlmsg_type == RTM_NEWTFILTER;
	return 0;
}

int filter_qdisc_del_unused(struct nl *nl, int ifindex, struct err *e)
{
	struct tcmsg hdr = {.tcm_ifindex = ifindex};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	bool used = false;

	for (enum filter_side side = FILTER_INGRESS; side <= FILTER_EGRESS; side++) {
		hdr.tcm_parent = parent(side);
		nl_begin(&m, RTM_GETTFILTER, 0, &hdr, sizeof(hdr));
		nl_label(&m, "list filters at %s of interface %d", text(side), ifindex);
		if (nl_dump(nl, &m, on_any, &used, e) < 0 && !is_absent(e))
			return -1;
	}
	if (used)
		return 0;
	hdr.tcm_parent = TC_H_CLSACT;
	hdr.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	nl_begin(&m, RTM_DELQDISC, 0, &hdr, sizeof(hdr));
	nl_label(&m, "delete qdisc clsact of interface %d", ifindex);
	nl_str(&m, TCA_KIND, "clsact");
	return nl_call(nl, &m, e) == 0 || is_absent(e) ? 0 : -1;
}
