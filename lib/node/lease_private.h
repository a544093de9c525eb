/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "node/lease.h"

/** For lease*.c alone. */
struct lease_store {
	struct arena *arena;
	const char *path; ///< DATADIR/NETWORK
	int dir, lock;
	int index;     ///< directory of the index; -1 when there is none to be had
	bool complete; ///< the index lists every lease; if not, the files must be searched
	bool changed;  ///< the seal is broken and, if complete, set anew before the lock is let go
};

/** Read and understand the lease file @name. Returns 1, 0 if it is none, -1 with errno. */
int lease_read(struct lease_store *s, const char *name, struct lease_owner *owner);

/**
 * Open the index, made anew if its seal does not hold; and if this boot has not seen the store yet,
 * delete the leases of the earlier one. An index that cannot be had is no failure: the store is
 * then not complete.
 */
int lease_index_open(struct lease_store *s, struct err *e) _must_check_;

/** If the index is complete, give the leases and the index new mtimes that say so. */
void lease_index_seal(struct lease_store *s);

/** Remember, or forget, that @owner holds @ip. */
void lease_index_add(struct lease_store *s, const struct lease_owner *owner,
		     const struct ipaddr *ip);
void lease_index_remove(struct lease_store *s, const struct lease_owner *owner);

/** The addresses that the index lists for @owner; NULL if none. Arena memory, comma-separated. */
char *lease_index_find(struct lease_store *s, const struct lease_owner *owner);
