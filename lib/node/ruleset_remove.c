// SPDX-License-Identifier: Apache-2.0
/** Removing: by records, and by comments where those are lost. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "node/ruleset_private.h"
#include "node/ruleset_record.h"

enum { REMOVE_TRIES = 50, STRAY_TRIES = 50 };

bool ruleset_is_nothing(const struct err *e)
{
	return e->os == ENOENT || e->os == EINVAL || e->os == EPROTONOSUPPORT;
}

/** Whether a line comes twice, which would delete its elements twice. */
static bool is_among(const char *line, const char *const lines[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(line, lines[i]))
			return true;
	return false;
}

/** Elements that were shared with those who are gone, and may be needed by nobody now. */
struct shared {
	const struct ruleset *rules;
	struct ruleset_elem *elems;
	size_t n;
};

/** Add the shared elements of @record, each once. */
static int note_shared(const struct ruleset_record *record, void *ctx, struct err *e)
{
	struct shared *s = ctx;

	for (size_t i = 0; i < record->n; i++) {
		struct ruleset_elem elems[RULESET_ELEMS];
		size_t n = ruleset_elems(s->rules, record->lines[i], elems);

		for (size_t j = 0; j < n; j++) {
			bool known = !ruleset_is_shared(s->rules, elems[j].set);

			for (size_t k = 0; k < s->n && !known; k++)
				known = ruleset_is_same_key(&s->elems[k], &elems[j]);
			if (known)
				continue;
			s->elems = arena_grow(s->rules->arena, s->elems, s->n, sizeof(*s->elems));
			if (!s->elems)
				return err_set(e, ERR_TRY_AGAIN, "%s: out of memory",
					       s->rules->kind->name);
			s->elems[s->n++] = elems[j];
		}
	}
	return 0;
}

/** Take out of @ctx what @record has too; 1, which ends the search, when nothing is left. */
static int spare_needed(const struct ruleset_record *record, void *ctx, struct err *e)
{
	struct shared *s = ctx, theirs = {.rules = s->rules};
	size_t left = 0;

	if (note_shared(record, &theirs, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		bool needed = false;

		for (size_t j = 0; j < theirs.n && !needed; j++)
			needed = ruleset_is_same_key(&s->elems[i], &theirs.elems[j]);
		if (!needed)
			s->elems[left++] = s->elems[i];
	}
	s->n = left;
	return left == 0;
}

/** The shared elements of @records that nobody else has. */
static int find_unshared(struct shared *s, const struct ruleset_record records[], size_t n,
			 struct err *e)
{
	for (size_t i = 0; s->rules->kind->is_shared && i < n; i++)
		if (note_shared(&records[i], s, e) < 0)
			return -1;
	return s->n ? ruleset_records_each(s->rules->kind->name, RECORD_LIVE, spare_needed, s,
					   s->rules->arena, e)
		    : 0;
}

/** Returns how many, or -1. */
static int put_unshared(const struct ruleset *r, struct nl_msg *m, const struct shared *s,
			struct err *e)
{
	int count = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct ruleset_elem *elem = &s->elems[i];
		struct nft_elem there;

		if (nft_elem_get(r->nl, &r->kind->table, elem->set, &elem->key, &there, e) == 0) {
			nft_elem_del(m, &r->kind->table, elem->set, &elem->key);
			count++;
		} else if (!ruleset_is_nothing(e)) {
			return -1;
		}
	}
	return count;
}

/** The elements of @record that still carry its name. Returns how many, or -1. */
static int put_removal(const struct ruleset *r, struct nl_msg *m,
		       const struct ruleset_record *record, struct err *e)
{
	int ours = 0;

	for (size_t i = 0; i < record->n; i++) {
		struct ruleset_elem elems[RULESET_ELEMS];
		size_t n = is_among(record->lines[i], record->lines, i)
				   ? 0
				   : ruleset_elems(r, record->lines[i], elems);

		for (size_t j = 0; j < n; j++) {
			struct nft_elem there;

			if (nft_elem_get(r->nl, &r->kind->table, elems[j].set, &elems[j].key,
					 &there, e) < 0) {
				if (!ruleset_is_nothing(e))
					return -1;
			} else if (!strcmp(there.comment, record->tag)) {
				nft_elem_del(m, &r->kind->table, elems[j].set, &elems[j].key);
				ours++;
			}
		}
	}
	return ours;
}

/** Take out what carries the names of @records. */
static int remove_once(struct ruleset *r, const struct ruleset_record records[], size_t n,
		       struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct shared shared = {.rules = r};
	uint32_t genid = 0;
	int count;

	// Who comes to share an element writes his record first, and with the element one of his
	// own: if we do not see the record, the generation changes, or what he adds comes after.
	if (r->kind->is_shared && nft_genid(r->nl, &genid, e) < 0)
		return ruleset_is_nothing(e) ? 0 : -1;
	if (find_unshared(&shared, records, n, e) < 0)
		return -1;
	nft_batch_begin(&m, shared.n ? genid : 0);
	count = put_unshared(r, &m, &shared, e);
	if (count < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int rc = put_removal(r, &m, &records[i], e);

		if (rc < 0)
			return -1;
		count += rc;
	}
	if (!count)
		return 0;
	nft_batch_end(&m);
	return nl_call(r->nl, &m, e);
}

/** The same, though somebody may take something away between our look and our commit. */
static int remove_elems(struct ruleset *r, const struct ruleset_record records[], size_t n,
			struct err *e)
{
	int rc = -1;

	if (ruleset_open(r, e) < 0)
		return -1;
	for (int i = 0; i < REMOVE_TRIES && rc < 0; i++) {
		rc = remove_once(r, records, n, e);
		if (rc < 0 && e->os != ENOENT && e->os != ERESTART)
			return -1;
	}
	return rc;
}

int ruleset_sweep(struct ruleset *r, struct err *e)
{
	struct ruleset_record *gone = NULL;
	size_t n;

	if (ruleset_records_read(r->kind->name, RECORD_GONE, &gone, &n, r->arena, e) < 0)
		return -1;
	if (n && remove_elems(r, gone, n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (ruleset_record_forget(r->kind->name, RECORD_GONE, gone[i].id, e) < 0)
			return -1;
	return 0;
}

int ruleset_sweep_for(struct ruleset *r, const char *id, struct err *e)
{
	_cleanup_(fd_closep) int lock = -1;

	if (ruleset_lock(r->kind->name, &lock, e) < 0)
		return -1;
	return ruleset_record_is_gone(r->kind->name, id) ? ruleset_sweep(r, e) : 0;
}

/** A search through all sets for what no record tells of any more, by the comments. */
struct search {
	const struct ruleset *rules;
	ruleset_tag_fn *is_stray;
	const void *ctx;
	const char **sets;
	size_t n_sets;
	const char *set; ///< the one that is read
	struct nl_msg *m;
	bool found;
};

static int note_set(const char *set, void *ctx, struct err *e)
{
	struct search *s = ctx;
	struct arena *arena = s->rules->arena;

	s->sets = arena_grow(arena, (void *)s->sets, s->n_sets, sizeof(*s->sets));
	if (!s->sets || !(s->sets[s->n_sets] = arena_strdup(arena, set)))
		return err_set(e, ERR_TRY_AGAIN, "%s: out of memory", s->rules->kind->name);
	s->n_sets++;
	return 0;
}

static int put_stray(const struct nft_elem *elem, void *ctx, struct err *e)
{
	struct search *s = ctx;

	(void)e;
	if (!s->is_stray(elem->comment, s->ctx))
		return 0;
	nft_elem_del(s->m, &s->rules->kind->table, s->set, &elem->key);
	s->found = true;
	return 0;
}

static int remove_strays_once(const struct ruleset *r, ruleset_tag_fn *is_stray, const void *ctx,
			      struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct search s = {.rules = r, .is_stray = is_stray, .ctx = ctx, .m = &m};
	const struct nft_table *table = &r->kind->table;
	uint32_t genid;

	// Only while the ruleset stays the same is what we see ours to delete, and seen once.
	if (nft_genid(r->nl, &genid, e) < 0)
		return ruleset_is_nothing(e) ? 0 : -1;
	nft_batch_begin(&m, genid);
	if (nft_set_each(r->nl, table, note_set, &s, e) < 0)
		return ruleset_is_nothing(e) ? 0 : -1;
	for (size_t i = 0; i < s.n_sets; i++) {
		s.set = s.sets[i];
		if (nft_elem_each(r->nl, table, s.set, put_stray, &s, e) < 0 &&
		    !ruleset_is_nothing(e))
			return -1;
	}
	if (!s.found)
		return 0;
	nft_batch_end(&m);
	return nl_call(r->nl, &m, e);
}

/** Take out of all sets what has a comment that @is_stray. */
static int remove_strays(struct ruleset *r, ruleset_tag_fn *is_stray, const void *ctx,
			 struct err *e)
{
	if (ruleset_open(r, e) < 0)
		return ruleset_is_nothing(e) ? 0 : -1;
	for (int i = 0; i < STRAY_TRIES; i++) {
		if (remove_strays_once(r, is_stray, ctx, e) == 0)
			return 0;
		if (e->os != ERESTART)
			return -1;
	}
	return err_set(e, ERR_TRY_AGAIN, "clean %s: nf_tables changes all the time",
		       r->kind->table.name);
}

bool ruleset_is_tag(const char *comment, const void *tag)
{
	return !strcmp(comment, tag);
}

int ruleset_del(struct ruleset *r, const struct attachment *a, bool search, struct err *e)
{
	char id[ATTACHMENT_ID], tag[ATTACHMENT_TAG];
	int rc = ruleset_record_retire(r->kind->name, attachment_id(a, id), e);

	if (rc < 0)
		return -1;
	if (rc > 0 || ruleset_record_is_gone(r->kind->name, id))
		return ruleset_sweep_for(r, id, e);
	return search ? remove_strays(r, ruleset_is_tag, attachment_tag(a, tag), e) : 0;
}

bool ruleset_is_garbage(const char *tag, const void *ctx)
{
	const struct ruleset_keeping *k = ctx;

	return attachment_tag_is_of(tag, k->network) && !k->keep(tag, k->ctx);
}

int ruleset_gc(struct ruleset *r, const char *network, ruleset_tag_fn *keep, const void *ctx,
	       bool search, struct err *e)
{
	const struct ruleset_keeping keeping = {network, keep, ctx};
	const char *kind = r->kind->name;
	_cleanup_(fd_closep) int lock = -1;
	struct ruleset_record *records = NULL;
	size_t n;

	if (ruleset_records_read(kind, RECORD_LIVE, &records, &n, r->arena, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (ruleset_is_garbage(records[i].tag, &keeping) &&
		    ruleset_record_retire(kind, records[i].id, e) < 0)
			return -1;
	if (ruleset_records_read(kind, RECORD_GONE, &records, &n, r->arena, e) < 0)
		return -1;
	if (n && (ruleset_lock(kind, &lock, e) < 0 || ruleset_sweep(r, e) < 0))
		return -1;
	return search ? remove_strays(r, ruleset_is_garbage, &keeping, e) : 0;
}
