/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/**
 * The connection table across an upgrade. Its layout is read out of its types (BTF), which the
 * kernel keeps with a map: so an object knows its own, and any table that is pinned too.
 */
struct btf;

struct table_layout {
	uint32_t bucket_size, tags_at, entries_at, entry_size, ways, buckets;
};

/** Of a map whose value is the type @id of @btf, a struct ct_bucket; false if it is none. */
bool table_layout_read(struct table_layout *out, const struct btf *btf, uint32_t id,
		       uint32_t buckets);
bool table_layout_same(const struct table_layout *a, const struct table_layout *b);

/** A table that is pinned. */
struct table {
	int fd; ///< -1: none
	struct table_layout layout;
};

#define TABLE_NONE                                                                                 \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/** Open what may be pinned at @path. What is no connection table is as good as none. */
int table_open(struct table *t, const char *path, struct err *e) _must_check_;
void table_close(struct table *t);

/**
 * Have @carry, a program of the object that @to belongs to, take over every connection of @from:
 * what it knows already stays as it is. Entries are copied as far as both layouts know them.
 */
int table_carry(const struct table *from, const struct table_layout *to, int carry,
		struct err *e) _must_check_;
