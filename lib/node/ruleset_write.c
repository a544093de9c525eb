// SPDX-License-Identifier: Apache-2.0
/** What records stand for, written into a transaction. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
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

/** What @put makes of @line, unless @w has it, by @name. False when memory is short. */
static bool put_once(const struct ruleset *r, struct nl_msg *m, const char *line, const char *name,
		     void (*put)(struct nl_msg *m, const char *line), struct ruleset_written *w)
{
	if (!put || ruleset_is_written(w, name))
		return true;
	if (!note_written(r, w, name))
		return false;
	put(m, line);
	return true;
}

bool ruleset_put_set(const struct ruleset *r, struct nl_msg *m, const char *line, const char *set,
		     struct ruleset_written *w)
{
	return put_once(r, m, line, set, r->kind->put_set, w);
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

/** Where @elem is among @slots, a power of two of which some are free, or would go. */
static struct ruleset_elem *slot_of(struct ruleset_elem *mapped, size_t slots,
				    const struct ruleset_elem *elem)
{
	uint64_t i = hash_str(hash_str(HASH_SEED, elem->set), elem->key.text);

	while (*mapped[i & (slots - 1)].set && !ruleset_is_same_key(&mapped[i & (slots - 1)], elem))
		i++;
	return &mapped[i & (slots - 1)];
}

/** Twice the room in the table of what is mapped. */
static bool grow_mapped(const struct ruleset *r, struct ruleset_written *w)
{
	size_t slots = w->slots ? 2 * w->slots : 64;
	struct ruleset_elem *grown = arena_calloc(r->arena, slots, sizeof(*grown));

	if (!grown)
		return false;
	for (size_t i = 0; i < w->slots; i++)
		if (*w->mapped[i].set)
			*slot_of(grown, slots, &w->mapped[i]) = w->mapped[i];
	w->mapped = grown;
	w->slots = slots;
	return true;
}

/** Note that @elem of a map goes in; false if one with its key did. */
static bool note_mapped(const struct ruleset *r, struct nl_msg *m, struct ruleset_written *w,
			const struct ruleset_elem *elem)
{
	struct ruleset_elem *slot;

	if (2 * w->n_mapped >= w->slots && !grow_mapped(r, w)) {
		m->failed = true; // nl_call() says so
		return true;
	}
	slot = slot_of(w->mapped, w->slots, elem);
	if (*slot->set)
		return false;
	*slot = *elem;
	w->n_mapped++;
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
				if (!put_once(r, m, line, line, r->kind->put_note, &w))
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
