/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

/**
 * The reading end of a BPF ring buffer (Documentation/bpf/ringbuf.rst of the kernel). There is one:
 * two readers would take records from each other, so who opens it makes sure to be alone.
 *
 * Its map's descriptor is readable for poll(2) when there is something to read.
 */
struct ringbuf {
	uint64_t *consumer; ///< the page that we write
	const uint64_t
		*producer; ///< the page that the kernel writes, and behind it the data, twice
	const unsigned char *data;
	size_t bytes; ///< of the data, a power of two
	size_t page;
};

#define RINGBUF_CLOSED ((struct ringbuf){})

/** Map the buffer of map @fd, which has @bytes (its max_entries). The descriptor may be closed. */
int ringbuf_open(struct ringbuf *r, int fd, size_t bytes, struct err *e) _must_check_;
void ringbuf_close(struct ringbuf *r);

/** What to do with a record, @len bytes; return -1 with @e filled to stop, it counts as read. */
typedef int ringbuf_fn(const void *record, size_t len, void *ctx, struct err *e);

/** Take all records that are there, in the order in which room was taken for them; does not wait.
 */
int ringbuf_read(struct ringbuf *r, ringbuf_fn *fn, void *ctx, struct err *e) _must_check_;

/** Forget what is there: events of before somebody listened. */
void ringbuf_skip(struct ringbuf *r);
