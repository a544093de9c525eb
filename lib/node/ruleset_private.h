/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "node/ruleset.h"

/** For ruleset*.c alone. */

/** The elements of @line; returns how many. */
size_t ruleset_elems(const struct ruleset *r, const char *line,
		     struct ruleset_elem out[static RULESET_ELEMS]);

/** Open the socket, unless it is. */
int ruleset_open(struct ruleset *r, struct err *e) _must_check_;

/**
 * See to it that nothing of @id is left in nf_tables. Of many who come at once the first cleans up
 * after all that have got so far, and those need no socket of their own: closing one while others
 * delete makes everybody wait (nft.h).
 */
int ruleset_sweep_for(struct ruleset *r, const char *id, struct err *e) _must_check_;

/** Clean up after all that are gone, in one transaction. Under the lock. */
int ruleset_sweep(struct ruleset *r, struct err *e) _must_check_;
