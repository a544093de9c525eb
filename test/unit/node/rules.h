/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "node/ruleset.h"

/**
 * A call's worth of a ruleset: its own arena, and its own socket that is opened when first needed.
 *
 *	RULES(rules, &masq_kind);
 *
 *	ruleset_add(&rules->set, ...)
 */
struct rules {
	struct arena arena;
	struct ruleset set;
};

struct rules *rules_init(struct rules *rules, const struct ruleset_kind *kind);
void rules_done(struct rules *rules);

#define RULES(name, kind)                                                                          \
	_cleanup_(rules_done) struct rules name##_;                                                \
	struct rules *name = rules_init(&name##_, kind)

/**
 * A kind whose lines name a set and a few addresses in it: "blue 10.1.0.5 10.1.0.6". Whatever comes
 * from them is dropped, by a rule for each set. Its table is "inet edgeway_test", its chain "out".
 */
extern const struct ruleset_kind rules_kind;

enum { RULES_LINE = 64, RULES_LINES = 8 }; ///< size of such a line, and how many, at most

/** "LINE, LINE" as a list, in place; returns how many. */
size_t rules_split(char *text, const char *lines[static RULES_LINES]);

/** ruleset_add() of the lines in @text, ruleset_del(), ruleset_gc() of the network "net". */
void rules_add(const struct attachment *a, const char *text);
void rules_del(const struct attachment *a, bool search);
void rules_gc(const char *kept, bool search);

/** A ruleset_tag_fn: whether the tag has @ctx in it. */
bool rules_keep(const char *tag, const void *ctx);

/**
 * The addresses in all sets of nf_tables and whose they are: "10.1.0.5 net/c1/eth0," for each, in
 * order. Valid until the next sh_output().
 */
const char *addresses_in_sets(void);

/** How many lines of what `nft list ruleset` prints have @word. */
int lines_with(const char *word);

/** What `nft list ruleset` prints, `nft -f` loads back as it was; fails the test if not. */
void ruleset_loads_back(void);
