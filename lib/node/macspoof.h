/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/addr.h"
#include "node/ruleset.h"

/**
 * No container of a bridge may send under another MAC address than its own.
 *
 * A ruleset of the bridge's own family, two elements for each port:
 *
 *	table bridge edgeway_macspoof {
 *		set ports {
 *			type ifname
 *			elements = { "veth..." comment "..." }
 *		}
 *		set macs {
 *			type ifname . ether_addr
 *			elements = { "veth..." . 02:... comment "..." }
 *		}
 *		chain prerouting {
 *			type filter hook prerouting priority dstnat; policy accept;
 *			iifname @ports ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop
 *			iifname @ports iifname . ether saddr != @macs drop
 *		}
 *	}
 *
 * The first rule is for frames that a bridge keeps to itself, past nf_tables, but learns from,
 * those to 01:80:c2:00:00:0X. A port must have PORT_GROUP_FWD_ALL (port.h), so that they come by
 * here, and none goes further than it would without. A container has no use for them.
 *
 * A line of a record is the port's name and its MAC address, with a space between.
 */
extern const struct ruleset_kind macspoof_kind;

/** Bind the port called @port to @mac. */
int macspoof_add(struct ruleset *rules, const struct attachment *a, const char *port,
		 const struct mac *mac, struct err *e) _must_check_;

/** Whether the port is bound to @mac; ERR_MISMATCH if not. */
int macspoof_check(struct ruleset *rules, const struct attachment *a, const char *port,
		   const struct mac *mac, struct err *e) _must_check_;
