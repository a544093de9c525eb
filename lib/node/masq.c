// SPDX-License-Identifier: Apache-2.0
#include "node/masq.h"

#include <errno.h>
#include <string.h>

#include "netlink/nft.h"
#include "node/masq_state.h"
#include "node/masq_table.h"

enum { RESYNC_TRIES = 50, REMOVE_TRIES = 3 };

static int open_nl(struct masq *q, struct err *e)
{
	if (!q->nl)
		q->nl = nl_open(NETLINK_NETFILTER, e);
	return q->nl ? 0 : -1;
}

void masq_done(struct masq *q)
{
	nl_closep(&q->nl);
}

static int resync_once(struct masq *q, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct masq_record *records = NULL;
	uint32_t genid;
	size_t n;

	// An addition writes its record before its element. So whoever's record we do not see has
	// not added yet; if he does before we commit, the generation changes and we start over.
	if (nft_genid(q->nl, &genid, e) < 0 ||
	    masq_records_read(MASQ_LIVE, &records, &n, q->arena, e) < 0)
		return -1;
	nft_batch_begin(&m, genid);
	if (!masq_put_table(&m, records, n, q->arena))
		return err_set(e, ERR_TRY_AGAIN, "rebuild masquerading: out of memory");
	nft_batch_end(&m);
	return nl_call(q->nl, &m, e);
}

static int resync_locked(struct masq *q, struct err *e)
{
	for (int i = 0; i < RESYNC_TRIES; i++) {
		if (resync_once(q, e) == 0)
			return 0;
		if (e->os != ERESTART)
			return err_wrap(e, "rebuild masquerading");
	}
	return err_set(e, ERR_TRY_AGAIN, "rebuild masquerading: nf_tables changes all the time");
}

int masq_resync(struct masq *q, struct err *e)
{
	_cleanup_(fd_closep) int lock = -1;

	if (open_nl(q, e) < 0 || masq_lock(&lock, e) < 0)
		return -1;
	return resync_locked(q, e);
}

/** What an addition adds, and whose it is. */
struct addition {
	const struct prefix *addresses;
	size_t n;
	char tag[ATTACHMENT_TAG];
};

static int add_elems(struct masq *q, const struct addition *x, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nft_batch_begin(&m, 0);
	for (size_t i = 0; i < x->n; i++)
		masq_put_elem(&m, &x->addresses[i], x->tag, true);
	nft_batch_end(&m);
	return nl_call(q->nl, &m, e);
}

/**
 * Add with whatever stands in the way or is missing: an element of somebody who no longer has the
 * address, the set of a subnet that is new. Under the lock, so nobody else does the same.
 */
static int add_carefully(struct masq *q, const struct addition *x, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct masq_subnets written = {};

	nft_batch_begin(&m, 0);
	for (size_t i = 0; i < x->n; i++) {
		const struct prefix *p = &x->addresses[i];
		char set[MASQ_SET_NAME];
		struct nft_elem there;
		bool exists;

		if (nft_exists(q->nl, MASQ_TABLE, masq_set_name(p, set), &exists, e) < 0)
			return -1;
		if (!exists && !masq_put_subnet(&m, p, &written, q->arena))
			return err_set(e, ERR_TRY_AGAIN, "masquerade: out of memory");
		if (exists && nft_elem_get(q->nl, MASQ_TABLE, set, &p->ip, &there, e) == 0)
			nft_elem_del(&m, MASQ_TABLE, set, &p->ip);
		masq_put_elem(&m, p, x->tag, false);
	}
	nft_batch_end(&m);
	return nl_call(q->nl, &m, e);
}

/** The plain addition was refused: see why, and do what it takes. */
static int add_otherwise(struct masq *q, const struct addition *x, struct err *e)
{
	_cleanup_(fd_closep) int lock = -1;
	bool exists;

	if (masq_lock(&lock, e) < 0 || nft_exists(q->nl, MASQ_TABLE, NULL, &exists, e) < 0)
		return -1;
	// Without a table the records say what belongs into it, ours among them.
	return exists ? add_carefully(q, x, e) : resync_locked(q, e);
}

static bool is_among(const struct prefix *p, const struct prefix list[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].len == p->len && !ip_cmp(&list[i].ip, &p->ip))
			return true;
	return false;
}

/** Take out of @m's ruleset the elements of @r that still carry its name. Returns how many, or -1.
 */
static int put_removal(struct masq *q, struct nl_msg *m, const char *tag,
		       const struct prefix addresses[], size_t n, struct err *e)
{
	int ours = 0;

	for (size_t i = 0; i < n; i++) {
		char set[MASQ_SET_NAME];
		struct nft_elem there;

		if (is_among(&addresses[i], addresses, i))
			continue;
		masq_set_name(&addresses[i], set);
		if (nft_elem_get(q->nl, MASQ_TABLE, set, &addresses[i].ip, &there, e) < 0) {
			if (e->os != ENOENT)
				return -1;
		} else if (!strcmp(there.comment, tag)) {
			nft_elem_del(m, MASQ_TABLE, set, &addresses[i].ip);
			ours++;
		}
	}
	return ours;
}

/** Take out what carries the names of @records. */
static int remove_once(struct masq *q, const struct masq_record records[], size_t n, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	int count = 0;

	nft_batch_begin(&m, 0);
	for (size_t i = 0; i < n; i++) {
		int rc = put_removal(q, &m, records[i].tag, records[i].addresses, records[i].n, e);

		if (rc < 0)
			return -1;
		count += rc;
	}
	if (!count)
		return 0;
	nft_batch_end(&m);
	return nl_call(q->nl, &m, e);
}

/** The same, though somebody may take something away between our look and our commit. */
static int remove_elems(struct masq *q, const struct masq_record records[], size_t n, struct err *e)
{
	int rc = -1;

	if (open_nl(q, e) < 0)
		return -1;
	for (int i = 0; i < REMOVE_TRIES && rc < 0; i++) {
		rc = remove_once(q, records, n, e);
		if (rc < 0 && e->os != ENOENT)
			return -1;
	}
	return rc;
}

/** Clean up after all that are gone, in one transaction. Under the lock. */
static int sweep(struct masq *q, struct err *e)
{
	struct masq_record *gone = NULL;
	size_t n;

	if (masq_records_read(MASQ_GONE, &gone, &n, q->arena, e) < 0)
		return -1;
	if (n && remove_elems(q, gone, n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (masq_record_forget(gone[i].id, e) < 0)
			return -1;
	return 0;
}

/**
 * See to it that nothing of @id is left in nf_tables. Of many who come at once the first cleans up
 * after all that have got so far, and those need no socket of their own: closing one while others
 * delete makes everybody wait (nft.h).
 */
static int sweep_for(struct masq *q, const char *id, struct err *e)
{
	_cleanup_(fd_closep) int lock = -1;

	if (masq_lock(&lock, e) < 0)
		return -1;
	return masq_record_is_gone(id) ? sweep(q, e) : 0;
}

int masq_add(struct masq *q, const struct attachment *a, const struct prefix addresses[], size_t n,
	     struct err *e)
{
	struct addition x = {.addresses = addresses, .n = n};
	char id[ATTACHMENT_ID];

	if (n == 0)
		return 0;
	attachment_tag(a, x.tag);
	// Left by a DEL that was killed: it must not take away later what we add now.
	if (masq_record_is_gone(attachment_id(a, id)) && sweep_for(q, id, e) < 0)
		return -1;
	if (open_nl(q, e) < 0 || masq_record_write(a, addresses, n, q->arena, e) < 0)
		return -1;
	if (add_elems(q, &x, e) == 0)
		return 0;
	return e->os == ENOENT || e->os == EEXIST ? add_otherwise(q, &x, e) : -1;
}

int masq_del(struct masq *q, const struct attachment *a, struct prefix addresses[], size_t n,
	     struct err *e)
{
	char id[ATTACHMENT_ID], tag[ATTACHMENT_TAG];
	int rc = masq_record_retire(attachment_id(a, id), e);

	if (rc < 0)
		return -1;
	if (rc > 0 || masq_record_is_gone(id))
		return sweep_for(q, id, e);
	if (n == 0)
		return 0;
	return remove_elems(q,
			    &(struct masq_record){
				    .tag = attachment_tag(a, tag), .addresses = addresses, .n = n},
			    1, e);
}

int masq_check(struct masq *q, const struct attachment *a, const struct prefix addresses[],
	       size_t n, struct err *e)
{
	char tag[ATTACHMENT_TAG];
	bool whole = true;

	attachment_tag(a, tag);
	if (n && (open_nl(q, e) < 0 || nft_has_rules(q->nl, MASQ_TABLE, MASQ_CHAIN, &whole, e) < 0))
		return -1;
	for (size_t i = 0; i < n; i++) {
		char set[MASQ_SET_NAME], text[IP_TEXT];
		struct nft_elem there;

		if (whole &&
		    nft_elem_get(q->nl, MASQ_TABLE, masq_set_name(&addresses[i], set),
				 &addresses[i].ip, &there, e) == 0 &&
		    !strcmp(there.comment, tag))
			continue;
		(void)err_set(e, ERR_MISMATCH, "%s is not masqueraded",
			      ip_format(&addresses[i].ip, text));
		return err_hint(e, "the ruleset was flushed or changed; --resync rebuilds it");
	}
	return 0;
}

int masq_gc(struct masq *q, const char *network, masq_keep_fn *keep, void *ctx, struct err *e)
{
	_cleanup_(fd_closep) int lock = -1;
	struct masq_record *records = NULL;
	size_t n;

	if (masq_records_read(MASQ_LIVE, &records, &n, q->arena, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (attachment_tag_is_of(records[i].tag, network) && !keep(records[i].tag, ctx) &&
		    masq_record_retire(records[i].id, e) < 0)
			return -1;
	if (masq_records_read(MASQ_GONE, &records, &n, q->arena, e) < 0)
		return -1;
	return n == 0 ? 0 : masq_lock(&lock, e) < 0 ? -1 : sweep(q, e);
}
