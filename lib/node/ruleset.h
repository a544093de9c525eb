/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "netlink/nft.h"
#include "node/attachment.h"

/**
 * Rules that come back: an nf_tables table of our own, derived from records on disk.
 *
 * What an attachment shall have is a few lines in /run/edgeway/KIND, and each line stands for a few
 * elements in the sets of KIND's table. So adding and removing an attachment is a few elements,
 * whatever their number; an element's comment says whose it is, so nobody takes away what has
 * passed to another. When an addition finds the table gone, because somebody flushed the ruleset,
 * it is rebuilt from the records, for all.
 *
 * Functions open the socket when they first need it, and leave it open: it must be closed after
 * links are deleted, not before (nft.h).
 */
enum { RULESET_SET = 64, RULESET_ELEMS = 4, RULESET_CHAINS = 8 };

/** One element that a line stands for. */
struct ruleset_elem {
	char set[RULESET_SET];
	struct nft_key key, data; ///< data only in a map
};

/** Whose an element is, and all the lines of its record. */
struct ruleset_holder {
	const char *tag;
	const char *const *lines;
	size_t n;
	bool same_container; ///< another interface of the container that wants it
};

struct ruleset;

/** A kind of rules. */
struct ruleset_kind {
	const char *name; ///< "masq": of the records' directory and lock
	struct nft_table table;
	const struct nft_chain *chains;
	uint32_t n_chains; ///< at most RULESET_CHAINS

	/**
	 * Sets, further chains and rules that are there whatever the records say; or NULL. How many
	 * sets and chains, and how often each of @chains is used: its rules and the jumps to it.
	 * NULL: not at all.
	 */
	void (*put_base)(struct nl_msg *m);
	uint32_t base_sets;
	const uint32_t *base_uses;

	/**
	 * The elements that @line stands for, in zeroed memory; returns how many. A line may be a
	 * note that stands for none.
	 */
	size_t (*elems)(const char *line, struct ruleset_elem out[static RULESET_ELEMS]);

	/**
	 * A line that stands for no element may stand for something else, made when the table is
	 * rebuilt; once for all equal ones. Or NULL.
	 */
	void (*put_note)(struct nl_msg *m, const char *line);

	/**
	 * What others have put into the table stays when it is rebuilt: put_base() finds it as it
	 * is and empties what is ours. Otherwise the table is deleted first.
	 */
	bool keeps;

	/**
	 * Whether all who have an element in @set have it together: it stays until the last is
	 * gone. Each has elements of his own beside such ones. NULL: no set is.
	 */
	bool (*is_shared)(const char *set);

	/** The set that @line needs, made with NLM_F_EXCL, and its rule; NULL if base has them. */
	void (*put_set)(struct nl_msg *m, const char *line);

	/**
	 * Whether @elem, which another attachment has, may be taken from it: 0, and it loses all it
	 * has; 1 if it stays with the holder, which does for both; or -1 and the reason why not.
	 * NULL: who adds an element gets it, and the one before has lost just that. Without a
	 * record the holder has no lines.
	 */
	int (*claim)(const struct ruleset *rules, const struct ruleset_elem *elem,
		     const struct ruleset_holder *holder, struct err *e);
};

struct ruleset {
	const struct ruleset_kind *kind;
	struct arena *arena;
	struct nl *nl;   ///< NETLINK_NETFILTER, or NULL
	const void *ctx; ///< for claim()
	bool displaced;  ///< ruleset_add() took something from somebody
};

/**
 * A set of the subnet that @p lies in: "pods_10.1.0.0/16", "pods_fd00__/64", for nft(8) reads no
 * colon in a name. @buf of RULESET_SET bytes; returns @buf.
 */
const char *ruleset_set_name(const char *what, const struct prefix *p, char *buf);

void ruleset_done(struct ruleset *rules);

/**
 * The same for whoever deletes no link afterwards: the wait of closing (nft.h) is left to a child
 * process, which ends when the caller has; it has none of the caller's streams. Hold no lock.
 */
void ruleset_done_later(struct ruleset *rules);

/** Give the attachment what @lines say. */
int ruleset_add(struct ruleset *rules, const struct attachment *a, const char *const lines[],
		size_t n, struct err *e) _must_check_;

/**
 * Take away what ruleset_add() did, by its record. If there is none it may have been lost: @search
 * for what carries the attachment's comment. What is already gone is no error.
 */
int ruleset_del(struct ruleset *rules, const struct attachment *a, bool search,
		struct err *e) _must_check_;

/**
 * Whether the rules stand, and the elements of @lines are there for this attachment: *@missing is
 * the first line of which that is not true, or NULL.
 */
int ruleset_check(struct ruleset *rules, const struct attachment *a, const char *const lines[],
		  size_t n, const char **missing, struct err *e) _must_check_;

/** Whether something is true of the attachment with this tag. */
typedef bool ruleset_tag_fn(const char *tag, const void *ctx);

/**
 * Take away all attachments to @network that @keep does not want; @search for those as well whose
 * record is lost.
 */
int ruleset_gc(struct ruleset *rules, const char *network, ruleset_tag_fn *keep, const void *ctx,
	       bool search, struct err *e) _must_check_;

/** Rebuild the table from the records; where there are none and no table, make none. */
int ruleset_resync(struct ruleset *rules, struct err *e) _must_check_;

/**
 * The same only if a part of it is gone, which elements of sets are not counted as. For STATUS: a
 * node with which something is wrong gets no new containers, so no ADD would do it.
 */
int ruleset_mend(struct ruleset *rules, bool *mended, struct err *e) _must_check_;
