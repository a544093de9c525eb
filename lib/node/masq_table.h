/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "netlink/nft.h"
#include "node/masq_state.h"

/** What masquerading looks like in nf_tables, written into a transaction; for masq.c alone. */
#define MASQ_TABLE "edgeway_masq"
#define MASQ_CHAIN "postrouting"

enum { MASQ_SET_NAME = 64 };

/**
 * The set of the subnet that @p lies in: "pods_10.1.0.0/16", "pods_fd00__/64", for nft(8) reads no
 * colon in a name. @buf of MASQ_SET_NAME bytes; returns @buf.
 */
const char *masq_set_name(const struct prefix *p, char *buf);

/** The address of @p as an element of its subnet's set; if @exclusive, EEXIST if it is there. */
void masq_put_elem(struct nl_msg *m, const struct prefix *p, const char *tag, bool exclusive);

/** The subnets written into a transaction so far. There are few, however many containers. */
struct masq_subnets {
	struct prefix *nets;
	size_t n;
};

/**
 * Set and rule of the subnet that @p lies in, unless @written has it; EEXIST if the ruleset has the
 * set already. False when memory is short.
 */
bool masq_put_subnet(struct nl_msg *m, const struct prefix *p, struct masq_subnets *written,
		     struct arena *arena) _must_check_;

/** The whole table as @records want it, in place of whatever there is; false if memory is short. */
bool masq_put_table(struct nl_msg *m, const struct masq_record *records, size_t n,
		    struct arena *arena) _must_check_;
