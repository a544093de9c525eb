/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "netlink/nft_rule.h"

/**
 * Conditions of rules, in a few words of nft(8), joined by "and":
 *
 *	ip saddr|daddr [==|!=] PREFIX         ip6 in a list for IPv6
 *	ip saddr|daddr != { PREFIX, ... }
 *	[meta] iifname|oifname [==|!=] NAME   a NAME that ends in * is a beginning
 *	[meta] mark [==|!=] NUMBER
 */

/**
 * Read the words in @list. @text gets them in one form, for condition_put(), arena memory. -1 with
 * @e about "@at[I]" if they are no conditions for @family.
 */
int condition_parse(const char *const list[], size_t n, int family, const char *at,
		    struct arena *arena, const char **text, struct err *e) _must_check_;

/** Append to a rule what condition_parse() has made, behind nft_match_family(). */
void condition_put(struct nl_msg *m, const char *text);
