/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/addr.h"
#include "netlink/nl.h"
#include "node/ruleset.h"

/**
 * Pods in the chain FORWARD of iptables-nft, where Docker, ufw and others drop what they do not
 * know. No table of ours can overrule that: a packet must pass all of them. So, as `iptables -S`
 * tells it, and as the reference plugin does it:
 *
 *	-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
 *	-A CNI-FORWARD -d 10.9.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED
 *		-m comment --comment "edgeway n/pod/eth0" -j ACCEPT
 *	-A CNI-FORWARD -s 10.9.0.2/32 -m comment --comment "edgeway n/pod/eth0" -j ACCEPT
 *
 * The comment says whose a rule is. Without FORWARD in the table "filter" of a family nothing is
 * dropped there, and nothing is done. The tables of iptables-legacy cannot be seen from here.
 */

/**
 * Let @ips send, and get answers. *@lost: the rules of others are gone too, or there were none.
 */
int ipt_forward_add(struct nl *nl, const char *tag, const struct ipaddr ips[], size_t n, bool *lost,
		    struct err *e) _must_check_;

/** Whether there are the rules of @tag for @ips, ERR_MISMATCH if not. */
int ipt_forward_check(struct nl *nl, const char *tag, const struct ipaddr ips[], size_t n,
		      struct err *e) _must_check_;

/** Delete the rules whose comment @is_gone, in both families. */
int ipt_forward_del(struct nl *nl, ruleset_tag_fn *is_gone, const void *ctx,
		    struct err *e) _must_check_;

/** Whether there is the chain CNI-FORWARD in either family. */
int ipt_forward_exists(struct nl *nl, bool *out, struct err *e) _must_check_;

/**
 * The tables of iptables-legacy in use in @family (AF_INET or AF_INET6), a line each, according to
 * /proc/net/ip_tables_names and ip6_tables_names; none if these cannot be read. Arena memory.
 */
const char *ipt_legacy_tables(struct arena *arena, int family);

/** Whether "filter" is one of them, in either family. */
bool ipt_legacy_filters(struct arena *arena);
