// SPDX-License-Identifier: Apache-2.0
#include "node/masq.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "netlink/nft.h"
#include "node/masq_state.h"

#define TABLE "edgeway_masq"
#define CHAIN "postrouting"

enum { PRIORITY_SRCNAT = 100, SET_NAME = 64, RESYNC_TRIES = 50 }; ///< srcnat: as nft(8) has it

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

/** "pods_10.1.0.0/16", "pods_fd00__/64": nft(8) reads no colon in a name. */
static const char *set_name(const struct prefix *p, char *buf)
{
	const struct prefix net = {prefix_first(p), p->len};
	char text[PREFIX_TEXT];

	(void)snprintf(buf, SET_NAME, "pods_%s", prefix_format(&net, text));
	for (char *c = buf; *c; c++)
		if (*c == ':')
			*c = '_';
	return buf;
}

static void put_elem(struct nl_msg *m, const struct prefix *p, const char *tag)
{
	struct nft_elem elem = {.key = p->ip};
	char set[SET_NAME];

	(void)snprintf(elem.comment, sizeof(elem.comment), "%s", tag);
	nft_elem_add(m, TABLE, set_name(p, set), &elem);
}

static void put_subnet(struct nl_msg *m, const struct prefix *p)
{
	static const char *const multicast[] = {"224.0.0.0/4", "ff00::/8"};
	bool v6 = p->ip.family == AF_INET6;
	const char *wrong;
	struct prefix group;
	char name[SET_NAME];

	set_name(p, name);
	wrong = prefix_parse(&group, multicast[v6]);
	if (wrong)
		return;
	nft_set_add(m, TABLE, &(struct nft_set){name, v6 ? NFT_KEY_IPV6 : NFT_KEY_IPV4}, 0);
	nft_rule(m, TABLE, CHAIN)
	{
		nft_match_set(m, NFT_SOURCE, p->ip.family, name);
		nft_match_not_prefix(m, NFT_DESTINATION, p);
		nft_match_not_prefix(m, NFT_DESTINATION, &group);
		nft_masquerade(m);
	}
}

/** The subnets that have been written into a table so far. There are few, however many containers.
 */
struct subnets {
	struct prefix *nets;
	size_t n;
};

/** Write set and rule of @p's subnet, if they are not written yet; false when memory is short. */
static bool put_subnet_once(struct nl_msg *m, const struct prefix *p, struct subnets *done,
			    struct arena *arena)
{
	const struct prefix net = {prefix_first(p), p->len};

	for (size_t i = 0; i < done->n; i++)
		if (done->nets[i].len == net.len && !ip_cmp(&done->nets[i].ip, &net.ip))
			return true;
	done->nets = arena_grow(arena, done->nets, done->n, sizeof(net));
	if (!done->nets)
		return false;
	done->nets[done->n++] = net;
	put_subnet(m, p);
	return true;
}

/** The whole table as the records want it, in place of whatever there is. */
static bool put_table(struct nl_msg *m, const struct masq_record *records, size_t n,
		      struct arena *arena)
{
	struct subnets done = {};

	nft_table_add(m, TABLE, 0); // so that there is one to delete
	nft_table_del(m, TABLE);
	nft_table_add(m, TABLE, 0);
	nft_chain_add_nat(m, TABLE, CHAIN, NFT_HOOK_POSTROUTING, PRIORITY_SRCNAT);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < records[i].n; j++) {
			if (!put_subnet_once(m, &records[i].addresses[j], &done, arena))
				return false;
			put_elem(m, &records[i].addresses[j], records[i].tag);
		}
	}
	return true;
}

static int resync_once(struct masq *q, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct masq_record *records = NULL;
	uint32_t genid;
	size_t n;

	// An addition writes its record before its element. So whoever's record we do not see has
	// not added yet; if he does before we commit, the generation changes and we start over.
	if (nft_genid(q->nl, &genid, e) < 0 || masq_records(&records, &n, q->arena, e) < 0)
		return -1;
	nft_batch_begin(&m, genid);
	if (!put_table(&m, records, n, q->arena))
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

static int add_elems(struct masq *q, const char *tag, const struct prefix addresses[], size_t n,
		     struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nft_batch_begin(&m, 0);
	for (size_t i = 0; i < n; i++)
		put_elem(&m, &addresses[i], tag);
	nft_batch_end(&m);
	return nl_call(q->nl, &m, e);
}

/** An element of somebody who no longer has the address is in the way: its comment is not ours. */
static int replace_elems(struct masq *q, const char *tag, const struct prefix addresses[], size_t n,
			 struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nft_batch_begin(&m, 0);
	for (size_t i = 0; i < n; i++) {
		char set[SET_NAME];
		struct nft_elem there;

		set_name(&addresses[i], set);
		if (nft_elem_get(q->nl, TABLE, set, &addresses[i].ip, &there, e) == 0)
			nft_elem_del(&m, TABLE, set, &addresses[i].ip);
		put_elem(&m, &addresses[i], tag);
	}
	nft_batch_end(&m);
	return nl_call(q->nl, &m, e);
}

int masq_add(struct masq *q, const struct attachment *a, const struct prefix addresses[], size_t n,
	     struct err *e)
{
	_cleanup_(fd_closep) int lock = -1;
	char tag[ATTACHMENT_TAG];

	if (n == 0)
		return 0;
	attachment_tag(a, tag);
	if (open_nl(q, e) < 0 || masq_record_write(a, addresses, n, q->arena, e) < 0)
		return -1;
	if (add_elems(q, tag, addresses, n, e) == 0)
		return 0;
	if (e->os == EEXIST)
		return replace_elems(q, tag, addresses, n, e);
	if (e->os != ENOENT)
		return -1;
	// The first of its subnet, or somebody flushed the ruleset. Of many who find that out at
	// once, the first to get the lock rebuilds and the others find it done.
	if (masq_lock(&lock, e) < 0)
		return -1;
	if (add_elems(q, tag, addresses, n, e) == 0)
		return 0;
	return e->os == ENOENT   ? resync_locked(q, e)
	       : e->os == EEXIST ? replace_elems(q, tag, addresses, n, e)
				 : -1;
}

/** Take out the elements that carry @tag. */
static int del_elems(struct masq *q, const char *tag, const struct prefix addresses[], size_t n,
		     struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	size_t ours = 0;

	nft_batch_begin(&m, 0);
	for (size_t i = 0; i < n; i++) {
		char set[SET_NAME];
		struct nft_elem there;

		set_name(&addresses[i], set);
		if (nft_elem_get(q->nl, TABLE, set, &addresses[i].ip, &there, e) < 0) {
			if (e->os != ENOENT)
				return -1;
		} else if (!strcmp(there.comment, tag)) {
			nft_elem_del(&m, TABLE, set, &addresses[i].ip);
			ours++;
		}
	}
	if (!ours)
		return 0;
	nft_batch_end(&m);
	// Gone in between: somebody flushed the ruleset, and with it what we came for.
	return nl_call(q->nl, &m, e) < 0 && e->os != ENOENT ? -1 : 0;
}

static int del_record(struct masq *q, const struct masq_record *r, struct err *e)
{
	if (open_nl(q, e) < 0 || del_elems(q, r->tag, r->addresses, r->n, e) < 0)
		return -1;
	return masq_record_delete(r->id, e);
}

int masq_del(struct masq *q, const struct attachment *a, const struct prefix addresses[], size_t n,
	     struct err *e)
{
	char id[ATTACHMENT_ID], tag[ATTACHMENT_TAG];
	struct masq_record r;
	int rc = masq_record_read(attachment_id(a, id), &r, q->arena, e);

	if (rc < 0)
		return -1;
	if (rc > 0)
		return del_record(q, &r, e);
	if (n == 0)
		return 0;
	return open_nl(q, e) < 0 ? -1 : del_elems(q, attachment_tag(a, tag), addresses, n, e);
}

int masq_check(struct masq *q, const struct attachment *a, const struct prefix addresses[],
	       size_t n, struct err *e)
{
	char tag[ATTACHMENT_TAG];

	attachment_tag(a, tag);
	if (n && open_nl(q, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		char set[SET_NAME], text[IP_TEXT];
		struct nft_elem there;

		if (nft_elem_get(q->nl, TABLE, set_name(&addresses[i], set), &addresses[i].ip,
				 &there, e) == 0 &&
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
	struct masq_record *records = NULL;
	size_t n;

	if (masq_records(&records, &n, q->arena, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (attachment_tag_is_of(records[i].tag, network) && !keep(records[i].tag, ctx) &&
		    del_record(q, &records[i], e) < 0)
			return -1;
	return 0;
}
