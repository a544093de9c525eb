/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"

/**
 * Pools of addresses, as host-local's configuration describes them: a range is a part of a subnet,
 * a set is a list of ranges of one family that serve as one pool, and each attachment gets one
 * address of every set.
 */
struct range {
	struct prefix subnet;
	struct ipaddr start, end; ///< first and last address to give; family 0 in the configuration
				  ///< means the subnet's first and last usable
	struct ipaddr gateway;    ///< never given; defaults to the subnet's first
};

struct range_set {
	struct range *ranges;
	size_t n;
	const char *path; ///< where it stands in the configuration, for messages: "ipam.ranges[0]"
	bool single;      ///< the one range stands there itself, without a list around it
};

/** The keys of one range, and a list of sets as the table's element type wants it. */
extern const struct conf_field range_fields[], range_set_elem;

/**
 * Fill in defaults and check: subnets without host bits and with room, bounds inside, one family a
 * set, nothing overlapping.
 */
int range_sets_check(struct range_set *sets, size_t n, struct err *e) _must_check_;

/** The range of @set that holds @ip, or NULL. */
const struct range *range_find(const struct range_set *set, const struct ipaddr *ip);

/** "10.1.0.1-10.1.0.254,..." into @buf; returns @buf. For messages. */
const char *range_set_format(const struct range_set *set, char *buf, size_t size);

/**
 * Walk a set round robin: from the address after @last (or the first, if @last is not in the set)
 * through all ranges and around, each address once, gateways left out.
 *
 *	struct range_cursor c = range_start(set, &last);
 *
 *	while ((r = range_next(&c, &ip)))
 *		...
 */
struct range_cursor {
	const struct range_set *set;
	size_t range;
	struct ipaddr at, first;
	bool started;
};

struct range_cursor range_start(const struct range_set *set, const struct ipaddr *last);

/** The range of the next address, which goes to @ip; NULL when all have been seen. */
const struct range *range_next(struct range_cursor *c, struct ipaddr *ip);
