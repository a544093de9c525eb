/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"

/**
 * Configuration, declared once.
 *
 * A plugin lists its keys in a table; the table is the parser, the validator and the source of its
 * reference page. Whatever does not match names the exact spot:
 *
 *	ipam.ranges[0][1].subnet: "10.1.0.0/33": prefix length must be 0..32
 *
 * The CNI specification (1.1.0, section 1) wants unknown keys tolerated, and the reference plugins
 * match keys whatever their case; so a key that differs only in case is accepted, an unknown one is
 * a warning with a hint, and "strict": true turns the latter into an error:
 *
 *	isGatway: true: unknown key (did you mean "isGateway"?)
 *
 * null is the same as absent. Of two equal keys the last wins. Keys with a domain prefix
 * ("example.com/x") belong to others and are passed over.
 *
 * Strings in the filled struct borrow from the JSON document; arrays come from the arena.
 */
struct conf_field;
struct json_t;

/** NULL if the value is fine, else what is wrong with it. @value points at the filled member. */
typedef const char *conf_check_fn(const void *value);

enum conf_kind {
	CONF_BOOL,   ///< bool
	CONF_INT,    ///< int64_t
	CONF_STR,    ///< const char *
	CONF_IP,     ///< struct ipaddr
	CONF_PREFIX, ///< struct prefix
	CONF_MAC,    ///< const char *, checked to be a MAC address
	CONF_OBJ,    ///< a struct of its own
	CONF_LIST,   ///< pointer and count
	CONF_JSON,   ///< struct json_t *, whatever it is
	CONF_FLAG,   ///< int64_t: 1 or 0 for true or false, -1 when absent
	CONF_MAP,    ///< pointer to struct conf_pair and count: keys of anybody's choice
};

/** One of the members of a CONF_MAP, in the order of the document. */
struct conf_pair {
	const char *key;
	const char *value;
};

struct conf_field {
	const char *key;
	const char *help; ///< one line for the generated reference; NULL keeps the key out of it
	enum conf_kind kind;
	size_t offset;
	bool required;
	bool open;                      ///< CONF_OBJ: further keys are others' business, no warning
	int64_t min, max;               ///< CONF_INT: allowed range, max 0 = no limit
	int64_t num;                    ///< CONF_INT, CONF_BOOL: default
	const char *str;                ///< CONF_STR: default
	conf_check_fn *check;           ///< CONF_BOOL, CONF_INT, CONF_STR, CONF_JSON: further check
	const struct conf_field *sub;   ///< CONF_OBJ: its keys; CONF_LIST: its one element;
					///< CONF_JSON: what it usually holds, for the reference
	size_t elem_size, count_offset; ///< CONF_LIST, CONF_MAP
};

// clang-format off
#define conf_field_(kind_, type, member, key_, ...) \
	{.kind = kind_, .key = key_, .offset = offsetof(type, member), ##__VA_ARGS__}
#define conf_bool(type, member, key, ...)   conf_field_(CONF_BOOL, type, member, key, ##__VA_ARGS__)
#define conf_int(type, member, key, ...)    conf_field_(CONF_INT, type, member, key, ##__VA_ARGS__)
#define conf_str(type, member, key, ...)    conf_field_(CONF_STR, type, member, key, ##__VA_ARGS__)
#define conf_ip(type, member, key, ...)     conf_field_(CONF_IP, type, member, key, ##__VA_ARGS__)
#define conf_prefix(type, member, key, ...) conf_field_(CONF_PREFIX, type, member, key, ##__VA_ARGS__)
#define conf_mac(type, member, key, ...)    conf_field_(CONF_MAC, type, member, key, ##__VA_ARGS__)
#define conf_json(type, member, key, ...)   conf_field_(CONF_JSON, type, member, key, ##__VA_ARGS__)
#define conf_obj(type, member, key, sub_, ...) \
	conf_field_(CONF_OBJ, type, member, key, .sub = (sub_), ##__VA_ARGS__)
#define conf_list(type, member, count, key, sub_, ...) \
	conf_field_(CONF_LIST, type, member, key, .sub = (sub_), \
		    .elem_size = sizeof(*((type *)0)->member), \
		    .count_offset = offsetof(type, count), ##__VA_ARGS__)
#define conf_flag(type, member, key, ...)   conf_field_(CONF_FLAG, type, member, key, ##__VA_ARGS__)
#define conf_map(type, member, count, key, ...) \
	conf_field_(CONF_MAP, type, member, key, .count_offset = offsetof(type, count), ##__VA_ARGS__)
#define conf_end {}
// clang-format on

/** How to treat what is not in the table, and what was found of it. */
struct conf_report {
	bool strict;           ///< in: unknown keys are errors
	bool lenient;          ///< in: a wrong value is a warning, and the key counts as absent
	bool open;             ///< in: unknown keys of the outermost object are others' business
	const char **warnings; ///< out: one line each, arena memory
	size_t n_warnings;
};

/**
 * Fill @out from @json as @fields say. @at is the path of @json within its document, "" for the
 * whole; NULL is a key that is required, but missing. On failure @out is unspecified and @e names
 * the key.
 */
int conf_read(void *out, const struct conf_field fields[], struct json_t *json, const char *at,
	      struct conf_report *report, struct arena *arena, struct err *e) _must_check_;

/** The member of @obj that @key names: the exact key, else one that differs in case; NULL if none.
 */
struct json_t *conf_lookup(struct json_t *obj, const char *key);

/** A check for interface names, as the kernel's dev_valid_name() has it; @value: const char **. */
const char *conf_ifname(const void *value);
