/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/addr.h"
#include "node/ruleset.h"

/**
 * Which containers hear from which: bridges are kept apart, and those on one bridge if asked for.
 *
 *	table inet edgeway_firewall {
 *		set pods4 { type ipv4_addr; elements = { 10.9.0.2 comment "edgeway n/pod/eth0" } }
 *		set pods6 { type ipv6_addr }
 *		set bridges { type ifname; elements = { "br0" comment "edgeway" } }
 *		set open_within { type ifname . ifname; elements = { "br0" . "br0" ... } }
 *		set isolated { type ifname . ifname }
 *		chain CNI-ADMIN { }
 *		chain overrides { jump CNI-ADMIN }
 *		chain forward {
 *			type filter hook forward priority filter; policy accept;
 *			jump overrides
 *			iifname @bridges oifname @bridges iifname . oifname != @open_within drop
 *			iifname . oifname @isolated drop
 *		}
 *	}
 *
 * No rule accepts, for no table can overrule another's drop (ipt_forward.h). What is in CNI-ADMIN,
 * or another chain that a configuration names, is the operator's and stays as it is; pods4 and
 * pods6 are there for such rules.
 *
 * Lines of a record: "10.9.0.2" is an address, "same-bridge br0" or "isolated br0" the policy,
 * "admin NAME" a further chain of the operator's, "iptables" says that ipt_forward.h is asked for.
 */
extern const struct ruleset_kind firewall_kind;

#define FIREWALL_ADMIN "CNI-ADMIN" ///< the operator's chain if no other is named

enum firewall_policy { FIREWALL_OPEN, FIREWALL_SAME_BRIDGE, FIREWALL_ISOLATED };

/** What an attachment is to have. */
struct firewall {
	const struct ipaddr *ips;
	size_t n_ips;
	enum firewall_policy policy;
	const char *bridge; ///< that the policy is about
	const char *admin;  ///< name of the operator's chain
	bool iptables;      ///< accept it in iptables' FORWARD
};

/** What is wrong with the name of an operator's chain, or NULL; @value: const char **. */
const char *firewall_check_admin(const void *value);

int firewall_add(struct ruleset *rules, const struct attachment *a, const struct firewall *want,
		 struct err *e) _must_check_;

/** Whether it is there; ERR_MISMATCH names what is not. */
int firewall_check(struct ruleset *rules, const struct attachment *a, const struct firewall *want,
		   struct err *e) _must_check_;

/**
 * Take away what firewall_add() did; @search for it if there is no record, and in iptables if that
 * is asked for or has rules of anybody's.
 */
int firewall_del(struct ruleset *rules, const struct attachment *a, bool iptables, bool search,
		 struct err *e) _must_check_;

/** The same for all attachments to @network that @keep does not want. */
int firewall_gc(struct ruleset *rules, const char *network, ruleset_tag_fn *keep, const void *ctx,
		struct err *e) _must_check_;

/** Rebuild all from the records. */
int firewall_resync(struct ruleset *rules, struct err *e) _must_check_;

/**
 * Whether nf_tables is there to be used, ERR_UNAVAILABLE if not; and bring back what somebody has
 * flushed, also in iptables: *@mended. A node with which something is wrong
 * gets no new containers, so no ADD would do it.
 */
int firewall_status(struct ruleset *rules, bool *mended, struct err *e) _must_check_;
