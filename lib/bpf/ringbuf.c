// SPDX-License-Identifier: Apache-2.0
#include "bpf/ringbuf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <sys/mman.h>

/** Records begin at multiples of this, with a header of as many bytes: struct bpf_ringbuf_hdr. */
enum { HEADER = 8 };

int ringbuf_open(struct ringbuf *r, int fd, size_t bytes, struct err *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer, *rest;

	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (consumer == MAP_FAILED)
		return err_os(e, ERR_KERNEL, errno, "map the consumer's page of a ring buffer");
	rest = mmap(NULL, page + 2 * bytes, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (rest == MAP_FAILED) {
		(void)err_os(e, ERR_KERNEL, errno, "map %zu bytes of a ring buffer", bytes);
		(void)munmap(consumer, page);
		return -1;
	}
	*r = (struct ringbuf){.consumer = consumer,
			      .producer = rest,
			      .data = (const unsigned char *)rest + page,
			      .bytes = bytes,
			      .page = page};
	return 0;
}

void ringbuf_close(struct ringbuf *r)
{
	if (!r->consumer)
		return;
	(void)munmap((void *)(uintptr_t)r->producer, r->page + 2 * r->bytes);
	(void)munmap(r->consumer, r->page);
	*r = RINGBUF_CLOSED;
}

int ringbuf_read(struct ringbuf *r, ringbuf_fn *fn, void *ctx, struct err *e)
{
	uint64_t at = __atomic_load_n(r->consumer, __ATOMIC_RELAXED);
	int rc = 0;

	while (rc == 0 && at < __atomic_load_n(r->producer, __ATOMIC_ACQUIRE)) {
		// The second mapping of the data lets a record that wraps be read in one piece.
		const unsigned char *header = r->data + (at & (r->bytes - 1));
		uint32_t word =
			__atomic_load_n((const uint32_t *)(const void *)header, __ATOMIC_ACQUIRE);
		size_t len = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (word & BPF_RINGBUF_BUSY_BIT)
			break; // still being written: nobody overtakes it
		if (!(word & BPF_RINGBUF_DISCARD_BIT))
			rc = fn(header + HEADER, len, ctx, e);
		at += (len + HEADER + HEADER - 1) & ~(uint64_t)(HEADER - 1);
		__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
	}
	return rc;
}

static int pass_over(const void *record, size_t len, void *ctx, struct err *e)
{
	(void)record, (void)len, (void)ctx, (void)e;
	return 0;
}

void ringbuf_skip(struct ringbuf *r)
{
	struct err ignored = {}; // pass_over() has none

	(void)!ringbuf_read(r, pass_over, NULL, &ignored);
}
