/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "cni/call.h"
#include "netlink/link.h"
#include "node/sysctl.h"

/**
 * Settings of an interface, and the file that remembers what they were before somebody changed
 * them, so that a DEL can put them back.
 */
struct tuned {
	const char *mac;           ///< NULL or "" = left alone
	int64_t mtu;               ///< 0 or -1 = left alone
	int64_t promisc, allmulti; ///< 1 or 0; -1 = left alone
	int64_t txqlen;            ///< -1 = left alone
	struct conf_pair *sysctls;
	size_t n_sysctls;
};

/** The keys of a `struct tuned` called @at, for the table of a @type; they are those of the file.
 */
// clang-format off
#define TUNED_KEYS(type, at)                                                                       \
	conf_map(type, at.sysctls, at.n_sysctls, "sysctl",                                         \
		 .help = "settings below net and their values: net.ipv4.conf.IFNAME.arp_notify, "  \
			 "or with slashes; IFNAME is the container's interface"),                  \
	conf_mac(type, at.mac, "mac", .help = "MAC address of the interface"),                     \
	conf_int(type, at.mtu, "mtu", .num = -1, .max = 65535,                                     \
		 .help = "MTU of the interface; 0 leaves it"),                                     \
	conf_flag(type, at.promisc, "promisc",                                                     \
		  .help = "true: the interface takes frames for others; false leaves it"),         \
	conf_flag(type, at.allmulti, "allmulti",                                                   \
		  .help = "whether the interface takes all multicast frames"),                     \
	conf_int(type, at.txqlen, "txQLen", .num = -1, .max = INT32_MAX,                           \
		 .help = "packets that may wait to be sent")
// clang-format on

/** What @link has of what @wanted sets; sysctls are left out. Strings are arena memory. */
int tuned_now(struct tuned *out, const struct tuned *wanted, const struct link *link,
	      struct arena *arena, struct err *e) _must_check_;

/** Append the requests that give interface @index, called @name, these settings. */
void tuned_put(struct nl_msg *m, const struct tuned *settings, int index, const char *name);

/**
 * The file of call->at below a directory: "CONTAINER_IFNAME.json", as the reference plugin has it,
 * with two keys more that it ignores: "network", by which GC knows whose it is, and "sysctl".
 */
struct tuned_file {
	const struct cni_call *call;
	char path[PATH_MAX];
	char *text;         ///< its content when opened, arena memory; NULL if there was no file
	struct json_t *doc; ///< the same, parsed, owned; NULL if it is no JSON object
};

int tuned_file_open(struct tuned_file *f, const struct cni_call *call, const char *dir,
		    struct err *e) _must_check_;
void tuned_file_done(struct tuned_file *f);

/**
 * Remember @settings. What the file holds already is older and stays: it is from another plugin of
 * the chain, or from an ADD that was killed.
 */
int tuned_file_write(const struct tuned_file *f, const struct tuned *settings,
		     struct err *e) _must_check_;

/** An undo_fn: put the struct tuned_file in @ctx back as it was when opened. */
int tuned_file_undo(void *ctx, int unused, struct err *e);

/**
 * What it held when opened; a value that makes no sense counts as left alone. ERR_DECODE if the
 * file is damaged. Strings are @f's.
 */
int tuned_file_read(const struct tuned_file *f, struct tuned *out, struct err *e) _must_check_;
int tuned_file_remove(const struct tuned_file *f, struct err *e) _must_check_;

/**
 * For GC: remove the files in @dir of call's network that belong to no valid attachment. The
 * reference plugin's own do not say of which network they are; they stay.
 */
int tuned_gc(const struct cni_call *call, const char *dir, struct err *e) _must_check_;
