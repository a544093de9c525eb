/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

/**
 * Memory that lives until the call ends: one owner, one free, no bookkeeping per object.
 *
 * Small objects share chunks, so that a plugin's whole run touches a page or two.
 */
struct arena {
	struct arena_chunk *head;
};

/** Zeroed memory for @n objects of @size bytes, aligned for any type; NULL when memory is short. */
void *arena_calloc(struct arena *a, size_t n, size_t size);

/** Copies of a string, of its first @n bytes, of a formatted text; NULL when memory is short. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) _printf_(2, 3);

/**
 * An array of @n zeroed elements that arena_grow() may extend: it has room up to the next power of
 * two.
 */
void *arena_array(struct arena *a, size_t n, size_t size);

/**
 * Room for one more element in a growing array of @n elements: returns the array, moved if need be,
 * with element @n zeroed, or NULL when memory is short. Capacities are powers of two, so the array
 * must come from this function or from arena_array().
 */
void *arena_grow(struct arena *a, void *array, size_t n, size_t size);

void arena_free(struct arena *a);
