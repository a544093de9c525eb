/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"
#include "base/err.h"

/**
 * Kernel settings under /proc/sys/net, in the network namespace the caller is in. An interface name
 * may contain dots, so keys are paths: "ipv4/conf/eth0.7/arp_notify".
 */

/** Set @key to @value unless it has it already: reading costs less than making the kernel act. */
int sysctl_ensure(const char *value, struct err *e, const char *key_fmt, ...)
	_printf_(3, 4) _must_check_;

/** The same, but without the key (IPv6 switched off, for one) or the right to write it, it is fine.
 */
int sysctl_ensure_if_there(const char *value, struct err *e, const char *key_fmt, ...)
	_printf_(3, 4) _must_check_;
