// SPDX-License-Identifier: Apache-2.0
#include "node/portmap_lines.h"

#include <string.h>

#include "base/hash.h"

/** Whether @line came before; then on it did. */
static bool is_known(struct lines *l, const char *line)
{
	struct line **at = &l->buckets[hash_str(HASH_SEED, line) % BUCKETS];

	for (; *at; at = &(*at)->next)
		if (!strcmp((*at)->text, line))
			return true;
	*at = arena_calloc(l->arena, 1, sizeof(**at));
	l->failed |= !*at;
	if (*at)
		(*at)->text = line;
	return false;
}

void lines_add(struct lines *l, const char *line)
{
	if (line && is_known(l, line))
		return;
	l->list = line ? arena_grow(l->arena, (void *)l->list, l->n, sizeof(*l->list)) : NULL;
	l->failed |= !l->list;
	if (l->list)
		l->list[l->n++] = line;
	else
		l->n = 0;
}
