// SPDX-License-Identifier: Apache-2.0
/** Adding, rebuilding, checking. */
#include "node/ruleset.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "node/ruleset_private.h"
#include "node/ruleset_record.h"

enum { RESYNC_TRIES = 50 };

int ruleset_open(struct ruleset *r, struct err *e)
{
	if (!r->nl)
		r->nl = nl_open(NETLINK_NETFILTER, e);
	return r->nl ? 0 : -1;
}

void ruleset_done(struct ruleset *r)
{
	nl_closep(&r->nl);
}

void ruleset_done_later(struct ruleset *r)
{
	pid_t parent = getpid();

	if (r->nl && fork() == 0) {
		for (int fd = 0; fd <= STDERR_FILENO; fd++)
			close(fd); // runtimes read until nobody has them
		// Who closes the socket last is who waits: that is not until our parent has ended.
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
			(void)pause();
		_exit(0);
	}
	ruleset_done(r);
}

const char *ruleset_set_name(const char *what, const struct prefix *p, char *buf)
{
	const struct prefix net = {prefix_first(p), p->len};
	char text[PREFIX_TEXT];

	(void)snprintf(buf, RULESET_SET, "%s_%s", what, prefix_format(&net, text));
	for (char *c = buf; *c; c++)
		if (*c == ':')
			*c = '_';
	return buf;
}

static int by_age(const void *a, const void *b)
{
	const struct timespec *x = &((const struct ruleset_record *)a)->written,
			      *y = &((const struct ruleset_record *)b)->written;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

static int resync_once(struct ruleset *r, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct ruleset_record *records = NULL;
	uint32_t genid;
	size_t n;

	// An addition writes its record before its element. So whoever's record we do not see has
	// not added yet; if he does before we commit, the generation changes and we start over.
	if (nft_genid(r->nl, &genid, e) < 0 ||
	    ruleset_records_read(r->kind->name, RECORD_LIVE, &records, &n, r->arena, e) < 0)
		return -1;
	if (r->kind->claim && n) // of two that claim an element the older one had it
		qsort(records, n, sizeof(*records), by_age);
	nft_batch_begin(&m, genid);
	if (!ruleset_put_table(r, &m, records, n))
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	nft_batch_end(&m);
	return nl_call(r->nl, &m, e);
}

static int resync_locked(struct ruleset *r, struct err *e)
{
	const char *table = r->kind->table.name;

	for (int i = 0; i < RESYNC_TRIES; i++) {
		if (resync_once(r, e) == 0)
			return 0;
		if (e->os != ERESTART)
			return err_wrap(e, "rebuild %s", table);
	}
	return err_set(e, ERR_TRY_AGAIN, "rebuild %s: nf_tables changes all the time", table);
}

/** Whether there is anything to make or to mend. */
static int is_used(struct ruleset *r, bool *used, struct err *e)
{
	struct ruleset_record *records = NULL;
	size_t n;

	if (ruleset_records_read(r->kind->name, RECORD_LIVE, &records, &n, r->arena, e) < 0)
		return -1;
	*used = n > 0;
	return n ? 0 : nft_exists(r->nl, &r->kind->table, NULL, used, e);
}

static int resync_if_used(struct ruleset *r, bool *used, struct err *e)
{
	_cleanup_(fd_closep) int lock = -1;

	if (is_used(r, used, e) < 0)
		return -1;
	if (!*used)
		return 0;
	return ruleset_lock(r->kind->name, &lock, e) < 0 ? -1 : resync_locked(r, e);
}

int ruleset_resync(struct ruleset *r, struct err *e)
{
	bool used;

	return ruleset_open(r, e) < 0 ? -1 : resync_if_used(r, &used, e);
}

/** What an addition adds, and whose it is. */
struct addition {
	const char *const *lines;
	size_t n;
	char tag[ATTACHMENT_TAG];
};

static int add_elems(struct ruleset *r, const struct addition *x, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nft_batch_begin(&m, 0);
	for (size_t i = 0; i < x->n; i++)
		ruleset_put_line(r, &m, x->lines[i], x->tag, NULL);
	nft_batch_end(&m);
	return nl_call(r->nl, &m, e);
}

/** Ask whether @own may take @elem from @tag, who has it, with the lines of his record or none. */
static int ask(const struct ruleset *r, const struct ruleset_elem *elem, const char *tag,
	       const char *own, const struct ruleset_record records[], size_t n, struct err *e)
{
	struct ruleset_holder holder = {
		.tag = tag, .same_container = attachment_tags_share_container(tag, own)};

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(records[i].tag, tag)) {
			holder.lines = records[i].lines;
			holder.n = records[i].n;
		}
	}
	return r->kind->claim(r, elem, &holder, e);
}

/**
 * The lines of @record that stand for @elem go. What else it says stays, for he may be alive: a
 * bridge that only his record asks for would be open to everybody.
 */
static int lose(const struct ruleset *r, const struct ruleset_record *record,
		const struct ruleset_elem *elem, struct err *e)
{
	size_t left = record->n;

	for (size_t i = 0; i < record->n; i++) {
		struct ruleset_elem elems[RULESET_ELEMS];
		size_t n = ruleset_elems(r, record->lines[i], elems);
		bool his = false;

		for (size_t j = 0; j < n; j++)
			his |= ruleset_is_same_key(&elems[j], elem);
		if (!his)
			continue;
		left--;
		if (ruleset_record_blank(r->kind->name, record->id, record->lines[i], r->arena, e) <
		    0)
			return -1;
	}
	return left ? 0 : ruleset_record_forget(r->kind->name, RECORD_LIVE, record->id, e);
}

/**
 * @tag loses @elem to @own: that alone, or where claim() allows it, all that he has. Returns 1 if
 * claim() leaves it to him.
 */
static int take_from(const struct ruleset *r, const struct ruleset_elem *elem, const char *tag,
		     const char *own, struct err *e)
{
	const char *kind = r->kind->name;
	struct ruleset_record *records = NULL;
	size_t n;
	int rc = 0;

	if (ruleset_records_read(kind, RECORD_LIVE, &records, &n, r->arena, e) < 0)
		return -1;
	if (r->kind->claim)
		rc = ask(r, elem, tag, own, records, n, e);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (strcmp(records[i].tag, tag) != 0)
			continue;
		if (r->kind->claim)
			rc = ruleset_record_retire(kind, records[i].id, e) < 0 ? -1 : 0;
		else
			rc = lose(r, &records[i], elem, e);
	}
	return rc;
}

/** Make room for an element: what is in its place goes. Returns 1 if that stays. */
static int displace(struct ruleset *r, struct nl_msg *m, const struct ruleset_elem *elem,
		    const char *tag, struct err *e)
{
	struct nft_elem there;

	if (ruleset_is_shared(r, elem->set))
		return 0;
	if (nft_elem_get(r->nl, &r->kind->table, elem->set, &elem->key, &there, e) < 0)
		return e->os == ENOENT ? 0 : -1;
	if (strcmp(there.comment, tag) != 0) {
		int rc = take_from(r, elem, there.comment, tag, e);

		if (rc != 0)
			return rc;
		r->displaced = true;
	}
	nft_elem_del(m, &r->kind->table, elem->set, &elem->key);
	return 0;
}

/** Those of @lines that belong into @set. */
static void put_lines_of(const struct ruleset *r, struct nl_msg *m, const char *const lines[],
			 size_t n, const char *tag, const char *set, struct ruleset_written *w)
{
	struct ruleset_elem elems[RULESET_ELEMS];

	for (size_t i = 0; i < n; i++)
		if (ruleset_elems(r, lines[i], elems) && !strcmp(elems[0].set, set))
			ruleset_put_line(r, m, lines[i], tag, w);
}

/**
 * The @i-th line's set, which is missing, with its rule: new, or deleted, so with what everybody
 * has in it. Ours first: of two that claim an element the first gets it.
 */
static int restore_set(const struct ruleset *r, struct nl_msg *m, const struct addition *x,
		       size_t i, const char *set, struct ruleset_written *w, struct err *e)
{
	struct ruleset_record *records = NULL;
	size_t n;

	if (ruleset_is_written(w, set))
		return 0;
	if (!ruleset_put_set(r, m, x->lines[i], set, w))
		return err_set(e, ERR_TRY_AGAIN, "%s: out of memory", r->kind->name);
	if (ruleset_records_read(r->kind->name, RECORD_LIVE, &records, &n, r->arena, e) < 0)
		return -1;
	put_lines_of(r, m, x->lines, x->n, x->tag, set, w);
	for (size_t j = 0; j < n; j++)
		put_lines_of(r, m, records[j].lines, records[j].n, records[j].tag, set, w);
	return 0;
}

/**
 * Add with whatever stands in the way or is missing: an element of somebody who no longer has what
 * it says, a set that is new. Under the lock, so nobody else does the same.
 */
static int add_carefully(struct ruleset *r, const struct addition *x, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct ruleset_written w = {};

	nft_batch_begin(&m, 0);
	for (size_t i = 0; i < x->n; i++) {
		struct ruleset_elem elems[RULESET_ELEMS];
		size_t n = ruleset_elems(r, x->lines[i], elems);
		bool exists = true;
		int rc = 0;

		if (n && nft_exists(r->nl, &r->kind->table, elems[0].set, &exists, e) < 0)
			return -1;
		if (!exists && !r->kind->put_set) // half of the table's base is gone
			return resync_locked(r, e);
		if (!exists && restore_set(r, &m, x, i, elems[0].set, &w, e) < 0)
			return -1;
		for (size_t j = 0; exists && j < n && rc == 0; j++)
			rc = displace(r, &m, &elems[j], x->tag, e);
		if (rc < 0)
			return -1;
		if (rc == 0)
			ruleset_put_line(r, &m, x->lines[i], x->tag, &w);
	}
	nft_batch_end(&m);
	if (nl_call(r->nl, &m, e) < 0)
		return -1;
	return r->kind->claim ? ruleset_sweep(r, e) : 0; // after whom we have displaced
}

/**
 * Whether the table stands, with all of its rules: each set that a line needs has one. Somebody's
 * own do no harm, and hide what is missing in no chain but their own.
 */
static int is_whole(struct ruleset *r, bool *whole, struct err *e)
{
	const struct ruleset_kind *kind = r->kind;
	uint32_t base = kind->n_chains + kind->base_sets, uses[RULESET_CHAINS], objects, more = 0;

	if (nft_count(r->nl, &kind->table, kind->chains, kind->n_chains, uses, &objects, e) < 0)
		return -1;
	*whole = objects >= base;
	for (size_t i = 0; *whole && i < kind->n_chains; i++) {
		uint32_t of_base = kind->base_uses ? kind->base_uses[i] : 0;

		*whole = uses[i] >= of_base;
		more += uses[i] - of_base;
	}
	*whole &= !kind->put_set || more >= objects - base;
	return 0;
}

int ruleset_mend(struct ruleset *r, bool *mended, struct err *e)
{
	bool whole;

	*mended = false;
	if (ruleset_open(r, e) < 0 || is_whole(r, &whole, e) < 0)
		return -1;
	return whole ? 0 : resync_if_used(r, mended, e);
}

/** The plain addition was refused: see why, and do what it takes. */
static int add_otherwise(struct ruleset *r, const struct addition *x, struct err *e)
{
	_cleanup_(fd_closep) int lock = -1;
	bool whole;

	if (ruleset_lock(r->kind->name, &lock, e) < 0 || is_whole(r, &whole, e) < 0)
		return -1;
	// Without a table the records say what belongs into it, ours among them. But of two that
	// claim an element either may have got it.
	return !whole && resync_locked(r, e) < 0 ? -1 : add_carefully(r, x, e);
}

int ruleset_add(struct ruleset *r, const struct attachment *a, const char *const lines[], size_t n,
		struct err *e)
{
	struct addition x = {.lines = lines, .n = n};
	char id[ATTACHMENT_ID];
	bool whole = false;
	int rc;

	if (n == 0)
		return 0;
	attachment_tag(a, x.tag);
	// Of an earlier life of the attachment whose DEL never came, or was killed: what that
	// record says must go while it still says so, and not later, with what we add now.
	rc = ruleset_record_retire(r->kind->name, attachment_id(a, id), e);
	if (rc < 0 || ((rc > 0 || ruleset_record_is_gone(r->kind->name, id)) &&
		       ruleset_sweep_for(r, id, e) < 0))
		return -1;
	if (ruleset_open(r, e) < 0 ||
	    ruleset_record_write(r->kind->name, a, lines, n, r->arena, e) < 0)
		return -1;
	if (add_elems(r, &x, e) < 0) {
		if (e->os != ENOENT && e->os != EEXIST)
			return -1;
	} else if (is_whole(r, &whole, e) < 0 || whole) {
		return whole ? 0 : -1;
	}
	return add_otherwise(r, &x, e);
}

/** Whether all elements of @line are there and carry @tag. Returns 1, 0, or -1 on failure. */
static int stands(const struct ruleset *r, const char *line, const char *tag, struct err *e)
{
	struct ruleset_elem elems[RULESET_ELEMS];
	size_t n = ruleset_elems(r, line, elems);

	for (size_t i = 0; i < n; i++) {
		struct nft_elem there;

		if (nft_elem_get(r->nl, &r->kind->table, elems[i].set, &elems[i].key, &there, e) <
		    0)
			return e->os == ENOENT ? 0 : -1;
		if (ruleset_is_shared(r, elems[i].set))
			continue;
		if (elems[i].data.len && strcmp(there.comment, tag) != 0 &&
		    attachment_tags_share_container(there.comment, tag))
			continue; // claim() has left it there
		if (strcmp(there.comment, tag) != 0 || there.data.len != elems[i].data.len ||
		    memcmp(there.data.bytes, elems[i].data.bytes, there.data.len) != 0)
			return 0;
	}
	return 1;
}

int ruleset_check(struct ruleset *r, const struct attachment *a, const char *const lines[],
		  size_t n, const char **missing, struct err *e)
{
	char tag[ATTACHMENT_TAG];
	bool whole = true;

	*missing = NULL;
	attachment_tag(a, tag);
	if (n && (ruleset_open(r, e) < 0 || is_whole(r, &whole, e) < 0))
		return -1;
	for (size_t i = 0; i < n; i++) {
		int rc = whole ? stands(r, lines[i], tag, e) : 0;

		if (rc < 0)
			return -1;
		if (rc == 0) {
			*missing = lines[i];
			return 0;
		}
	}
	return 0;
}
