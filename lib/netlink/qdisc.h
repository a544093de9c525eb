/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/**
 * Traffic control: queueing disciplines and filters (linux/pkt_sched.h, linux/pkt_cls.h,
 * tc-tbf(8)).
 *
 * Functions that take a struct nl_msg append a request to it, and say in their comment which `tc`
 * command it equals; the others carry it out.
 */
struct tbf {
	uint64_t rate; ///< bytes per second, frames with their Ethernet header; not 0
	uint32_t
		burst; ///< bytes that may go at once; larger packets are segmented, or else dropped
	uint32_t limit; ///< bytes that may wait; what comes then is dropped
};

/** A qdisc as the kernel has it. */
struct qdisc {
	char kind[16];   ///< "tbf", "ingress", ...; empty if there is none but the kernel's default
	uint64_t rate;   ///< of a tbf, as above
	uint32_t buffer; ///< of a tbf: how long its burst takes at its rate, in units of 64 ns
};

/** Where a qdisc is attached: what leaves by the interface, or what comes in. */
enum qdisc_place { QDISC_ROOT, QDISC_INGRESS };

/**
 * `tc qdisc add dev INDEX root handle 1: tbf rate RATE burst BURST limit LIMIT`; EEXIST if somebody
 * has put one there. On an interface that is up this waits for an expedited RCU grace period.
 */
void qdisc_add_tbf(struct nl_msg *m, int index, const struct tbf *tbf);

/** `tc qdisc add dev INDEX ingress`; EEXIST if there is one, or a clsact. */
void qdisc_add_ingress(struct nl_msg *m, int index);

/**
 * `tc filter add dev INDEX ingress prio 1 protocol all u32 match u32 0 0 flowid 1:1 action mirred
 * egress redirect dev TO`: all that comes in by INDEX is what leaves by TO.
 */
void qdisc_add_redirect(struct nl_msg *m, int index, int to);

/** Delete what qdisc_add_tbf() or qdisc_add_ingress() makes there; anything else, or nothing, is
 * left as it is. */
int qdisc_del(struct nl *nl, int index, enum qdisc_place place, struct err *e) _must_check_;

/** The qdisc in this place; one that the kernel has put there by itself does not count. */
int qdisc_get(struct nl *nl, int index, enum qdisc_place place, struct qdisc *out,
	      struct err *e) _must_check_;

/** Whether it is a tbf that lets through what @tbf says. */
bool qdisc_is_tbf(const struct qdisc *q, const struct tbf *tbf);

/** Whether a filter redirects what comes in by @index to interface @to. */
int qdisc_find_redirect(struct nl *nl, int index, int to, bool *found, struct err *e) _must_check_;
