// SPDX-License-Identifier: Apache-2.0
/** What records stand for, written into a transaction. */
#include <stdio.h>
#include <string.h>

#include "node/ruleset_private.h"

#define SHARED "edgeway" ///< the comment of what is everybody's who has it; no tag

bool ruleset_is_written(const struct ruleset_written *w, const char *set)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->names[i], set))
			return true;
	return false;
}

static bool note_written(const struct ruleset *r, struct ruleset_written *w, const char *name)
{
	w->names = arena_grow(r->arena, (void *)w->names, w->n, sizeof(*w->names));
	if (!w->names || !(w->names[w->n] = arena_strdup(r->arena, name)))
		return false;
	w->n++;
	return true;
}

bool ruleset_is_same_key(const struct ruleset_elem *a, const struct ruleset_elem *b)
{
	return !strcmp(a->set, b->set) && a->key.len == b->key.len &&
	       !memcmp(a->key.bytes, b->key.bytes, a->key.len);
}

bool ruleset_put_set(const struct ruleset *r, struct nl_msg *m, const char *line, const char *set,
		     struct ruleset_written *w)
{
	if (!r->kind->put_set || ruleset_is_written(w, set))
		return true;
	if (!note_written(r, w, set))
		return false;
	r->kind->put_set(m, line);
	return true;
}

size_t ruleset_elems(const struct ruleset *r, const char *line,
		     struct ruleset_elem out[static RULESET_ELEMS])
{
	memset(out, 0, RULESET_ELEMS * sizeof(*out));
	return r->kind->elems(line, out);
}

bool ruleset_is_shared(const struct ruleset *r, const char *set)
{
	return r->kind->is_shared && r->kind->is_shared(set);
}

/** Note that @elem of a map goes in; false if one with its key did. */
static bool note_mapped(const struct ruleset *r, struct nl_msg *m, struct ruleset_written *w,
			const struct ruleset_elem *elem)
{
	struct ruleset_elem *grown;

	for (size_t i = 0; i < w->n_mapped; i++)
		if (ruleset_is_same_key(&w->mapped[i], elem))
			return false;
	grown = arena_grow(r->arena, w->mapped, w->n_mapped, sizeof(*w->mapped));
	if (!grown) {
		m->failed = true; // nl_call() says so
		return true;
	}
	w->mapped = grown;
	w->mapped[w->n_mapped++] = *elem;
	return true;
}

void ruleset_put_line(const struct ruleset *r, struct nl_msg *m, const char *line, const char *tag,
		      struct ruleset_written *w)
{
	struct ruleset_elem elems[RULESET_ELEMS];
	size_t n = ruleset_elems(r, line, elems);

	for (size_t i = 0; i < n; i++) {
		struct nft_elem elem = {.key = elems[i].key, .data = elems[i].data};
		bool shared = ruleset_is_shared(r, elems[i].set);

		(void)snprintf(elem.comment, sizeof(elem.comment), "%s", shared ? SHARED : tag);
		if (!w && !shared)
			nft_elem_add(m, &r->kind->table, elems[i].set, &elem);
		else if (!w || !elem.data.len || note_mapped(r, m, w, &elems[i]))
			nft_elem_ensure(m, &r->kind->table, elems[i].set, &elem);
	}
}

/** What @line stands for if not for elements, unless @w has it. False when memory is short. */
static bool put_note(const struct ruleset *r, struct nl_msg *m, const char *line,
		     struct ruleset_written *w)
{
	if (!r->kind->put_note || ruleset_is_written(w, line))
		return true;
	if (!note_written(r, w, line))
		return false;
	r->kind->put_note(m, line);
	return true;
}

bool ruleset_put_table(const struct ruleset *r, struct nl_msg *m,
		       const struct ruleset_record *records, size_t n)
{
	const struct nft_table *table = &r->kind->table;
	struct ruleset_elem elems[RULESET_ELEMS];
	struct ruleset_written w = {};

	nft_table_add(m, table, 0); // so that there is one to delete
	if (!r->kind->keeps) {
		nft_table_del(m, table);
		nft_table_add(m, table, 0);
	}
	for (uint32_t i = 0; i < r->kind->n_chains; i++)
		nft_chain_add(m, table, &r->kind->chains[i]);
	if (r->kind->put_base)
		r->kind->put_base(m);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < records[i].n; j++) {
			const char *line = records[i].lines[j];

			if (!ruleset_elems(r, line, elems)) {
				if (!put_note(r, m, line, &w))
					return false;
				continue;
			}
			if (!ruleset_put_set(r, m, line, elems[0].set, &w))
				return false;
			ruleset_put_line(r, m, line, records[i].tag, &w);
		}
	}
	return true;
}
