// SPDX-License-Identifier: Apache-2.0
#include "ipam/resolv.h"

#include <string.h>

#include "base/file.h"

enum { RESOLV_MAX = 1 << 20 };

static bool append(const char ***list, size_t *n, const char *word, struct arena *arena)
{
	*list = arena_grow(arena, (void *)*list, *n, sizeof(**list));
	if (!*list)
		return false;
	(*list)[(*n)++] = word;
	return true;
}

/** Take one line in; false when memory is short. Some keys have one value, others many. */
static bool take_line(struct cni_dns *dns, char *line, struct arena *arena)
{
	static const char blank[] = " \t\r";
	char *rest, *key = strtok_r(line, blank, &rest), *word;

	if (!key || *key == '#' || *key == ';')
		return true;
	word = strtok_r(NULL, blank, &rest);
	if (!word)
		return true;
	if (!strcmp(key, "nameserver"))
		return append(&dns->nameservers, &dns->n_nameservers, word, arena);
	if (!strcmp(key, "domain"))
		dns->domain = word;
	for (; word; word = strtok_r(NULL, blank, &rest)) {
		if (!strcmp(key, "search") && !append(&dns->search, &dns->n_search, word, arena))
			return false;
		if (!strcmp(key, "options") && !append(&dns->options, &dns->n_options, word, arena))
			return false;
	}
	return true;
}

int resolv_read(struct cni_dns *out, const char *path, struct arena *arena, struct err *e)
{
	char *text = file_read_path(arena, path, RESOLV_MAX, e), *rest = NULL;

	if (!text)
		return -1;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (!take_line(out, line, arena))
			return err_set(e, ERR_TRY_AGAIN, "read %s: out of memory", path);
	return 0;
}
