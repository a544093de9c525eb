/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/**
 * Names out of names: a 64-bit hash of strings and its text, for identifiers that must fit where
 * the original does not (15 characters of an interface name, one path component).
 *
 * FNV-1a with a final mix; not for secrets. Feed each part with its closing NUL, so that
 * ("ab", "c") and ("a", "bc") differ:
 *
 *	uint64_t h = HASH_SEED;
 *	h = hash_str(h, network);
 *	h = hash_str(h, container_id);
 */
#define HASH_SEED UINT64_C(0xcbf29ce484222325)

enum { HASH_TEXT = 12 }; ///< 11 characters and the NUL

uint64_t hash_str(uint64_t hash, const char *s);

/** 55 bits of the hash as 11 characters out of a-z and 2-7; returns @buf, of HASH_TEXT bytes. */
const char *hash_format(uint64_t hash, char *buf);
