/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"

/**
 * Leases of addresses, in the files of the reference plugin host-local, which others read and
 * administrators delete: DATADIR/NETWORK/ADDRESS holds "CONTAINER\r\nIFNAME"; last_reserved_ip.SET
 * the address given last; lock is held with flock(2) while anything changes.
 *
 * The directory is the truth. To find the leases of one container without reading all files there
 * is an index below /run/edgeway/leases: one symbolic link per attachment, whose target lists its
 * addresses. It is a hint: every address found in it is verified against the lease's own file. And
 * its completeness is known: each change ends by sealing the two directories with mtimes that
 * belong together. When they do not, somebody else has made, renamed or deleted a lease or an entry
 * (or we died on the way), and the index is made anew from the leases. Not noticed is a lease whose
 * owner is changed in place: the new owner does not find it until the index is made anew, or GC.
 *
 * A lease file appears whole, or not at all. After a power cut it may be empty nevertheless: what
 * cannot be understood is no lease. Leases of an earlier boot are dead, and deleted when the store
 * is first opened in a new one; the boot they belong to is recorded below /var/lib/edgeway/leases.
 * If there is no record, nothing is deleted.
 */
struct lease_store;

/** Whose lease it is. Files of old plugins lack the interface: then @ifname is "". */
struct lease_owner {
	const char *container;
	const char *ifname;
};

/**
 * Open and lock the store of @network below @data_dir. With LEASE_CREATE it is made if it is not
 * there; else *out stays NULL then, which is no error. The lock is held until lease_closep().
 */
enum lease_open_mode { LEASE_EXISTING, LEASE_CREATE };
int lease_open(struct lease_store **out, struct arena *arena, const char *data_dir,
	       const char *network, enum lease_open_mode mode, struct err *e) _must_check_;
void lease_closep(struct lease_store **store);

/**
 * Reserve @ip. Returns 1 if done, 0 if somebody has it, -1 on failure. A file in its place that is
 * no lease (empty, garbage) is replaced.
 */
int lease_reserve(struct lease_store *store, const struct ipaddr *ip,
		  const struct lease_owner *owner, struct err *e) _must_check_;

/**
 * The addresses of @owner, verified; 0 or -1. If there are none, those of its container in old
 * files, which match any interface.
 */
int lease_find(struct lease_store *store, const struct lease_owner *owner, struct ipaddr **ips,
	       size_t *n, struct err *e) _must_check_;

/** Give all addresses of @owner back. What is already gone is no error. */
int lease_release(struct lease_store *store, const struct lease_owner *owner,
		  struct err *e) _must_check_;

/** Whether there is a lease, or anything else, in the place of @ip. */
bool lease_is_taken(struct lease_store *store, const struct ipaddr *ip);

/** The address given last in range set @set; family 0 if unknown. */
struct ipaddr lease_last(struct lease_store *store, size_t set);
int lease_set_last(struct lease_store *store, size_t set, const struct ipaddr *ip,
		   struct err *e) _must_check_;

/** One lease as lease_each() meets it. */
struct lease {
	struct ipaddr ip;
	struct lease_owner owner; ///< arena memory
	int64_t age;              ///< seconds since the file was made
};

/**
 * What to do with one of all leases; 1 deletes it, 0 keeps it, -1 stops. What stands in the place
 * of a lease but cannot be understood comes with an empty container.
 */
typedef int lease_fn(const struct lease *lease, void *ctx, struct err *e);
int lease_each(struct lease_store *store, lease_fn *fn, void *ctx, struct err *e) _must_check_;

/** The names of all addresses taken, for those who must search many: a lookup costs no system call.
 */
struct lease_set;
int lease_list(struct lease_store *store, struct lease_set **out, struct err *e) _must_check_;
bool lease_set_has(const struct lease_set *set, const struct ipaddr *ip);
