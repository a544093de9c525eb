// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 4000 }; ///< with malloc's own header this stays within a page

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char data[];
};

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
	struct arena_chunk *c = a->head;
	size_t bytes, room;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	if (__builtin_add_overflow(bytes, _Alignof(max_align_t) - 1, &bytes))
		return NULL;
	bytes &= ~(_Alignof(max_align_t) - 1);
	if (!c || c->size - c->used < bytes) {
		room = bytes > CHUNK - sizeof(*c) ? bytes : CHUNK - sizeof(*c);
		if (room > SIZE_MAX - sizeof(*c))
			return NULL;
		c = malloc(sizeof(*c) + room);
		if (!c)
			return NULL;
		c->next = a->head;
		c->used = 0;
		c->size = room;
		a->head = c;
	}
	c->used += bytes;
	return memset(c->data + c->used - bytes, 0, bytes);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_calloc(a, 1, n + 1);

	if (copy)
		memcpy(copy, s, n);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *out;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	out = arena_calloc(a, 1, (size_t)n + 1);
	if (!out)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(out, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return out;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t room = 1;

	while (room < n && room <= SIZE_MAX / 2)
		room *= 2;
	return arena_calloc(a, room, size);
}

void *arena_grow(struct arena *a, void *array, size_t n, size_t size)
{
	void *bigger;

	if (n != 0 && (n & (n - 1)) != 0)
		return array; // between powers of two there is room
	bigger = arena_calloc(a, n ? 2 * n : 1, size);
	if (bigger && n)
		memcpy(bigger, array, n * size);
	return bigger;
}

void arena_free(struct arena *a)
{
	while (a->head) {
		struct arena_chunk *c = a->head;

		a->head = c->next;
		free(c);
	}
}
