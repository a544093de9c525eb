// SPDX-License-Identifier: Apache-2.0
#include "netlink/qdisc.h"
#include <arpa/inet.h>

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <stdio.h>
#include <string.h>

enum { TICK_NS = 64 }; ///< the unit of struct tc_tbf_qopt (PSCHED_SHIFT of the kernel)

/** Ours in each place: a handle and a kind, so that nobody else's is deleted. */
static const struct {
	uint32_t parent, handle;
	const char *kind;
} places[] = {
	[QDISC_ROOT] = {TC_H_ROOT, TC_H_MAKE(1 << 16, 0), "tbf"},
	[QDISC_INGRESS] = {TC_H_INGRESS, TC_H_MAKE(TC_H_INGRESS, 0), "ingress"},
};

static void begin(struct nl_msg *m, uint16_t type, uint16_t flags, int index,
		  enum qdisc_place place)
{
	const struct tcmsg hdr = {.tcm_ifindex = index,
				  .tcm_parent = places[place].parent,
				  .tcm_handle = places[place].handle};

	nl_begin(m, type, flags, &hdr, sizeof(hdr));
	nl_label(m, "%s qdisc %s of interface %d", type == RTM_NEWQDISC ? "add" : "delete",
		 places[place].kind, index);
	nl_str(m, TCA_KIND, places[place].kind);
}

void qdisc_add_tbf(struct nl_msg *m, int index, const struct tbf *tbf)
{
	bool wide = tbf->rate > UINT32_MAX;
	// The burst is given in bytes below; the kernel does without the ancient table of rates.
	const struct tc_tbf_qopt opt = {
		.rate = {.linklayer = TC_LINKLAYER_ETHERNET,
			 .rate = wide ? UINT32_MAX : (uint32_t)tbf->rate},
		.limit = tbf->limit,
	};

	begin(m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index, QDISC_ROOT);
	nl_nest(m, TCA_OPTIONS) {
		nl_put(m, TCA_TBF_PARMS, &opt, sizeof(opt));
		nl_u32(m, TCA_TBF_BURST, tbf->burst);
		if (wide)
			nl_put(m, TCA_TBF_RATE64, &tbf->rate, sizeof(tbf->rate));
	}
}

void qdisc_add_ingress(struct nl_msg *m, int index)
{
	begin(m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index, QDISC_INGRESS);
}

void qdisc_add_redirect(struct nl_msg *m, int index, int to)
{
	const struct tcmsg hdr = {.tcm_ifindex = index,
				  .tcm_parent = places[QDISC_INGRESS].handle,
				  .tcm_info = TC_H_MAKE(1 << 16, htons(ETH_P_ALL))};
	union {
		uint8_t zeros[sizeof(struct tc_u32_sel) + sizeof(struct tc_u32_key)];
		struct tc_u32_sel sel;
	} match = {.zeros = {0}}; // a key of zeros: every packet
	const struct tc_mirred mirred = {
		.action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = (uint32_t)to};

	match.sel.flags = TC_U32_TERMINAL;
	match.sel.nkeys = 1;
	nl_begin(m, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &hdr, sizeof(hdr));
	nl_label(m, "redirect what comes in by interface %d", index);
	nl_str(m, TCA_KIND, "u32");
	nl_nest(m, TCA_OPTIONS) {
		nl_u32(m, TCA_U32_CLASSID, TC_H_MAKE(1 << 16, 1));
		nl_put(m, TCA_U32_SEL, &match, sizeof(match));
		nl_nest(m, TCA_U32_ACT) {
			nl_nest(m, 1) {
				nl_str(m, TCA_ACT_KIND, "mirred");
				nl_nest(m, TCA_ACT_OPTIONS)
					nl_put(m, TCA_MIRRED_PARMS, &mirred, sizeof(mirred));
			}
		}
	}
}

int qdisc_del(struct nl *nl, int index, enum qdisc_place place, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	begin(&m, RTM_DELQDISC, 0, index, place);
	if (nl_call(nl, &m, e) == 0)
		return 0;
	// None, another, or no interface any more.
	return e->os == ENOENT || e->os == EINVAL || e->os == ENODEV ? 0 : -1;
}

static void read_tbf(const struct nlattr *options, struct qdisc *out)
{
	const struct nlattr *a[TCA_TBF_MAX + 1];
	struct tc_tbf_qopt opt = {};
	const void *data;
	size_t len;

	nl_parse_nested(options, a, TCA_TBF_MAX);
	data = nl_get_data(a[TCA_TBF_PARMS], &len);
	if (len >= sizeof(opt))
		memcpy(&opt, data, sizeof(opt));
	out->rate = opt.rate.rate;
	out->buffer = opt.buffer;
	data = nl_get_data(a[TCA_TBF_RATE64], &len);
	if (len >= sizeof(out->rate))
		memcpy(&out->rate, data, sizeof(out->rate));
}

static int on_qdisc(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct tcmsg *hdr = nl_payload(reply);
	const struct nlattr *a[TCA_MAX + 1];
	struct qdisc *out = ctx;

	(void)e;
	if (reply->nlmsg_type != RTM_NEWQDISC || !hdr->tcm_handle)
		return 0; // without a handle it is the kernel's default
	nl_parse(reply, sizeof(*hdr), a, TCA_MAX);
	(void)snprintf(out->kind, sizeof(out->kind), "%s", nl_get_str(a[TCA_KIND], ""));
	if (!strcmp(out->kind, "tbf"))
		read_tbf(a[TCA_OPTIONS], out);
	return 0;
}

int qdisc_get(struct nl *nl, int index, enum qdisc_place place, struct qdisc *out, struct err *e)
{
	const struct tcmsg hdr = {.tcm_ifindex = index, .tcm_parent = places[place].parent};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct qdisc found = {};

	// Echo, for else kernels before 6.2 tell everybody but us; an ack, for there may be nothing
	// to tell.
	nl_begin(&m, RTM_GETQDISC, NLM_F_ECHO | NLM_F_ACK, &hdr, sizeof(hdr));
	nl_label(&m, "read qdisc of interface %d", index);
	if (nl_get(nl, &m, on_qdisc, &found, e) < 0 && e->os != ENOENT)
		return -1;
	*out = found;
	return 0;
}

bool qdisc_is_tbf(const struct qdisc *q, const struct tbf *tbf)
{
	// A burst of 4 GB at 15625000 ticks a second fits 64 bits; the kernel shows the lower 32.
	uint64_t want = tbf->burst * UINT64_C(1000000000) / TICK_NS / tbf->rate;
	int64_t off = (int32_t)(q->buffer - (uint32_t)want);

	// Of a reference plugin's the burst was rounded to microseconds, 16 ticks each.
	return !strcmp(q->kind, "tbf") && q->rate == tbf->rate && off >= -16 && off <= 16;
}

struct search {
	int to;
	bool found;
};

/** Whether one of the first actions of a u32 filter redirects there. */
static bool redirects(const struct nlattr *options, int to)
{
	const struct nlattr *u32[TCA_U32_MAX + 1], *list[2], *act[TCA_ACT_MAX + 1],
		*mirred[TCA_MIRRED_MAX + 1];
	struct tc_mirred parms = {};
	const void *data;
	size_t len;

	nl_parse_nested(options, u32, TCA_U32_MAX);
	nl_parse_nested(u32[TCA_U32_ACT], list, 1);
	nl_parse_nested(list[1], act, TCA_ACT_MAX);
	if (strcmp(nl_get_str(act[TCA_ACT_KIND], ""), "mirred") != 0)
		return false;
	nl_parse_nested(act[TCA_ACT_OPTIONS], mirred, TCA_MIRRED_MAX);
	data = nl_get_data(mirred[TCA_MIRRED_PARMS], &len);
	if (len < sizeof(parms))
		return false;
	memcpy(&parms, data, sizeof(parms));
	return parms.eaction == TCA_EGRESS_REDIR && parms.ifindex == (uint32_t)to;
}

static int on_filter(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nlattr *a[TCA_MAX + 1];
	struct search *s = ctx;

	(void)e;
	if (reply->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	nl_parse(reply, sizeof(struct tcmsg), a, TCA_MAX);
	if (!strcmp(nl_get_str(a[TCA_KIND], ""), "u32"))
		s->found |= redirects(a[TCA_OPTIONS], s->to);
	return 0;
}

int qdisc_find_redirect(struct nl *nl, int index, int to, bool *found, struct err *e)
{
	const struct tcmsg hdr = {.tcm_ifindex = index, .tcm_parent = places[QDISC_INGRESS].handle};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct search s = {.to = to};

	nl_begin(&m, RTM_GETTFILTER, 0, &hdr, sizeof(hdr));
	nl_label(&m, "list filters of interface %d", index);
	if (nl_dump(nl, &m, on_filter, &s, e) < 0)
		return -1;
	*found = s.found;
	return 0;
}
