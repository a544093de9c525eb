/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
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

enum { SYSCTL_PATH = 4096 };

/**
 * The path below /proc/sys of a key as people write it: "net.ipv4.conf.all.rp_filter", or with
 * slashes, where dots belong to names. The first IFNAME in it becomes @ifname (NULL: stays).
 * Returns what is wrong with the key, or NULL and the path in @buf, of SYSCTL_PATH bytes.
 */
const char *sysctl_path(const char *key, const char *ifname, char *buf) _must_check_;

/** A setting that is held open, so that what was there can be put back whatever happens. */
struct sysctl {
	const char *path; ///< below /proc/sys, borrowed
	const char *was;  ///< its value when opened, arena memory
	int fd;           ///< in the namespace it was opened in
	int read_only;    ///< errno: why it cannot be written; 0 if it can
};

/** Open and read it. -1 with e->os if that fails; nothing is open then. */
int sysctl_open(struct sysctl *out, const char *path, struct arena *arena,
		struct err *e) _must_check_;
void sysctl_close(struct sysctl *s);

int sysctl_write(const struct sysctl *s, const char *value, struct err *e) _must_check_;

/**
 * Whether its value was @value when opened. The kernel shows numbers in
 * decimal and separates them by tabs, whatever was written.
 */
bool sysctl_was(const struct sysctl *s, const char *value);
