/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/**
 * eBPF programs at an interface, by clsact: what comes in by it, what goes out by it. (tcx needs
 * Linux 6.6, and waits for an RCU grace period, 12 to 16 ms, with each program.)
 */
enum filter_side { FILTER_INGRESS, FILTER_EGRESS };

enum { FILTER_NAME = 256 }; ///< with the NUL

struct filter {
	enum filter_side side;
	int prog;         ///< descriptor of the program
	const char *name; ///< what tc(8) shows; at most 255 characters
};

/** Make the clsact qdisc of @ifindex; one that is there is as good. */
int filter_qdisc_add(struct nl *nl, int ifindex, struct err *e) _must_check_;

/**
 * Attach a program in direct action at our place (priority 1, handle 1 of all protocols), or
 * replace the one there at once: no packet goes by without either.
 */
int filter_put(struct nl *nl, int ifindex, const struct filter *filter, struct err *e) _must_check_;

/** The id and name of the program at our place; @id 0 if there is none. @name of FILTER_NAME bytes.
 */
int filter_get(struct nl *nl, int ifindex, enum filter_side side, uint32_t *id, char *name,
	       struct err *e) _must_check_;

/** Detach what filter_put() attached; what is gone is no error. */
int filter_del(struct nl *nl, int ifindex, enum filter_side side, struct err *e) _must_check_;

/** Remove the clsact qdisc of @ifindex, unless somebody has filters there, or it is gone. */
int filter_qdisc_del_unused(struct nl *nl, int ifindex, struct err *e) _must_check_;
