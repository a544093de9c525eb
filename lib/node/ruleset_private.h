/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "node/ruleset.h"
#include "node/ruleset_record.h"

/** For ruleset*.c and the kinds alone. */

/** The elements of @line; returns how many. */
size_t ruleset_elems(const struct ruleset *r, const char *line,
		     struct ruleset_elem out[static RULESET_ELEMS]);

/** Whether they are one element to the kernel: of one set, with one key. */
bool ruleset_is_same_key(const struct ruleset_elem *a, const struct ruleset_elem *b);

/** Whether the elements of @set are everybody's who has them. */
bool ruleset_is_shared(const struct ruleset *r, const char *set);

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

/**
 * Whether @e says that there is nothing to remove: no such element, set or table, or a kernel
 * without nf_tables, or even without netfilter's netlink. There an ADD fails, but not its DEL.
 */
bool ruleset_is_nothing(const struct err *e);

/** A ruleset_tag_fn: whether it is this one. */
bool ruleset_is_tag(const char *comment, const void *tag);

/** What a collection keeps; a ruleset_tag_fn: whether it does not keep this. */
struct ruleset_keeping {
	const char *network;
	ruleset_tag_fn *keep;
	const void *ctx;
};
bool ruleset_is_garbage(const char *tag, const void *keeping);

/**
 * What is written into a transaction so far: the sets and notes, of which there are few, however
 * many containers, and the elements of maps, for the kernel refuses one that comes with two values.
 */
struct ruleset_written {
	const char **names;
	size_t n;
	struct ruleset_elem *mapped; ///< a hash table; a free slot names no set
	size_t n_mapped, slots;
};

bool ruleset_is_written(const struct ruleset_written *w, const char *set);

/** The set of @line and its rule, unless @w has them. False when memory is short. */
bool ruleset_put_set(const struct ruleset *r, struct nl_msg *m, const char *line, const char *set,
		     struct ruleset_written *w);

/** The elements of @line that nobody else in @w has; without @w EEXIST if one is there. */
void ruleset_put_line(const struct ruleset *r, struct nl_msg *m, const char *line, const char *tag,
		      struct ruleset_written *w);

/** The whole table as @records want it, in place of whatever there is; false if memory is short. */
bool ruleset_put_table(const struct ruleset *r, struct nl_msg *m,
		       const struct ruleset_record *records, size_t n);
