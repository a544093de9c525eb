// SPDX-License-Identifier: Apache-2.0
#include "grpc/message.h"
#include <arpa/inet.h>

#include <string.h>

/** Bytes of @data to @to, as many as are there and wanted; returns how many. */
static size_t take(uint8_t *to, size_t wanted, const uint8_t **data, size_t *n)
{
	size_t some = wanted < *n ? wanted : *n;

	if (some)
		memcpy(to, *data, some);
	*data += some;
	*n -= some;
	return some;
}

static int check_prefix(struct grpc_reader *r, struct grpc_status *why)
{
	uint32_t len;

	memcpy(&len, r->prefix + 1, sizeof(len));
	r->len = ntohl(len);
	if (r->prefix[0] == 1)
		return grpc_status_set(why, GRPC_UNIMPLEMENTED,
				       "compressed messages are not supported");
	if (r->prefix[0])
		return grpc_status_set(why, GRPC_INTERNAL,
				       "a message begins with %d, not with 0 or 1", r->prefix[0]);
	if (r->len > r->limit)
		return grpc_status_set(why, GRPC_RESOURCE_EXHAUSTED,
				       "a message of %zu bytes is larger than the limit of %zu",
				       r->len, r->limit);
	return 0;
}

/** Room for @more bytes behind those that are there: twice as much each time. */
static int grow(struct grpc_reader *r, size_t more, struct grpc_status *why)
{
	size_t needed = r->have - GRPC_PREFIX + more;
	size_t room = r->room * 2 > needed ? r->room * 2 : needed;
	uint8_t *data;

	if (needed <= r->room)
		return 0;
	data = realloc(r->data, room);
	if (!data)
		return grpc_status_set(why, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	r->data = data;
	r->room = room;
	return 0;
}

int grpc_reader_next(struct grpc_reader *r, const uint8_t **data, size_t *n,
		     struct grpc_status *why)
{
	size_t missing;

	if (r->have == GRPC_PREFIX + r->len)
		r->have = r->len = 0; // the message of the last call
	if (r->have < GRPC_PREFIX) {
		r->have += take(r->prefix + r->have, GRPC_PREFIX - r->have, data, n);
		if (r->have < GRPC_PREFIX)
			return 0;
		if (check_prefix(r, why) < 0)
			return -1;
	}
	missing = GRPC_PREFIX + r->len - r->have;
	if (missing) {
		if (!*n)
			return 0;
		if (grow(r, missing < *n ? missing : *n, why) < 0)
			return -1;
		r->have += take(r->data + r->have - GRPC_PREFIX, missing, data, n);
	}
	return r->have == GRPC_PREFIX + r->len;
}

bool grpc_reader_partial(const struct grpc_reader *r)
{
	return r->have && (r->have < GRPC_PREFIX || r->have < GRPC_PREFIX + r->len);
}

void grpc_reader_clear(struct grpc_reader *r)
{
	free(r->data);
	*r = (struct grpc_reader){.limit = r->limit};
}

ProtobufCMessage *grpc_reader_unpack(const struct grpc_reader *r,
				     const ProtobufCMessageDescriptor *type,
				     struct grpc_status *why)
{
	static const uint8_t nothing[1];
	ProtobufCMessage *m =
		protobuf_c_message_unpack(type, NULL, r->len, r->data ? r->data : nothing);

	if (!m)
		(void)grpc_status_set(why, GRPC_INTERNAL, "the message is no %s", type->short_name);
	return m;
}

void grpc_message_freep(ProtobufCMessage **m)
{
	if (*m)
		protobuf_c_message_free_unpacked(*m, NULL);
	*m = NULL;
}

struct grpc_packed {
	struct grpc_packed *next;
	size_t size; ///< with the prefix
	uint8_t data[];
};

int grpc_outbox_add(struct grpc_outbox *o, const ProtobufCMessage *m, struct err *e)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	struct grpc_packed *p = len > UINT32_MAX ? NULL : malloc(sizeof(*p) + GRPC_PREFIX + len);
	uint32_t prefix = htonl((uint32_t)len);

	if (!p)
		return err_set(e, ERR_TRY_AGAIN, "send %zu bytes: out of memory", len);
	p->next = NULL;
	p->size = GRPC_PREFIX + len;
	p->data[0] = 0;
	memcpy(p->data + 1, &prefix, sizeof(prefix));
	(void)protobuf_c_message_pack(m, p->data + GRPC_PREFIX);
	if (o->last)
		o->last->next = p;
	else
		o->first = p;
	o->last = p;
	o->queued += p->size;
	return 0;
}

static void shift(struct grpc_outbox *o)
{
	struct grpc_packed *first = o->first;

	o->first = first->next;
	if (!o->first)
		o->last = NULL;
	o->sent = 0;
	free(first);
}

size_t grpc_outbox_take(struct grpc_outbox *o, uint8_t *buf, size_t room)
{
	size_t done = 0;

	while (o->first && done < room) {
		size_t left = o->first->size - o->sent;
		size_t some = left < room - done ? left : room - done;

		memcpy(buf + done, o->first->data + o->sent, some);
		done += some;
		o->sent += some;
		if (some == left)
			shift(o);
	}
	o->queued -= done;
	return done;
}

void grpc_outbox_drop(struct grpc_outbox *o)
{
	struct grpc_packed *kept = o->sent ? o->first : NULL;
	struct grpc_packed *p = kept ? kept->next : o->first;

	while (p) {
		struct grpc_packed *next = p->next;

		o->queued -= p->size;
		free(p);
		p = next;
	}
	if (kept)
		kept->next = NULL;
	o->first = o->last = kept;
}

void grpc_outbox_clear(struct grpc_outbox *o)
{
	o->queued += o->sent; // as if nothing of the first had been taken
	o->sent = 0;
	grpc_outbox_drop(o);
}
