/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

#include "base/err.h"
#include "grpc/status.h"

/**
 * Messages in a stream of bytes: a flag that says whether the message is compressed, its length in
 * four bytes, big-endian, and the message ("gRPC over HTTP2", "Length-Prefixed-Message"). DATA
 * frames are no boundaries: they split messages, and hold several.
 */
enum { GRPC_PREFIX = 5 };

/** Puts messages together. All zeroes but for the limit is an empty one. */
struct grpc_reader {
	size_t limit; ///< of a message, bytes
	uint8_t prefix[GRPC_PREFIX];
	size_t have; ///< of prefix and message
	size_t len;  ///< of the message, once the prefix is there
	uint8_t *data;
	size_t room;
};

/**
 * Take bytes from @data, which moves on, until a message is whole: 1, and it is in r->data, r->len
 * bytes, until the next call. 0: all bytes are taken. -1: this cannot be read, @why says so;
 * nothing may be read after it. Memory is asked for as the message's bytes come in, not as they are
 * promised.
 */
int grpc_reader_next(struct grpc_reader *r, const uint8_t **data, size_t *n,
		     struct grpc_status *why) _must_check_;

/** Whether a message has begun and not ended. */
bool grpc_reader_partial(const struct grpc_reader *r);

void grpc_reader_clear(struct grpc_reader *r);

/** The message that the reader holds, as @type describes it: free it with grpc_message_freep(). */
ProtobufCMessage *grpc_reader_unpack(const struct grpc_reader *r,
				     const ProtobufCMessageDescriptor *type,
				     struct grpc_status *why) _must_check_;

void grpc_message_freep(ProtobufCMessage **m);

/** Messages that wait to be sent, first in, first out. All zeroes is an empty one. */
struct grpc_outbox {
	struct grpc_packed *first, *last;
	size_t sent;   ///< of the first
	size_t queued; ///< bytes that wait, in all
};

/** Pack @m behind the others. -1 if memory is short. */
int grpc_outbox_add(struct grpc_outbox *o, const ProtobufCMessage *m, struct err *e) _must_check_;

/** Move up to @room bytes to @buf; returns how many. */
size_t grpc_outbox_take(struct grpc_outbox *o, uint8_t *buf, size_t room);

/** Forget the messages that nothing was sent of yet. */
void grpc_outbox_drop(struct grpc_outbox *o);

void grpc_outbox_clear(struct grpc_outbox *o);
