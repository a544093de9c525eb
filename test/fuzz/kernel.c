// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <sanitizer/asan_interface.h>

#include "base/cleanup.h"

ssize_t __wrap_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len);
ssize_t __wrap_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len);

static struct {
	const uint8_t *data; ///< what is left to answer with; NULL to agree
	size_t left;
	struct nlmsghdr request; ///< the last that is answered
	uint32_t first;          ///< sequence number of the first
	void *hidden;            ///< memory behind the last answer
	size_t n_hidden;
} kernel;

void kernel_answers(const uint8_t *data, size_t size)
{
	kernel.data = data;
	kernel.left = size;
}

void kernel_agrees(void)
{
	kernel.data = NULL;
}

void kernel_done(void)
{
	if (kernel.hidden)
		__asan_unpoison_memory_region(kernel.hidden, kernel.n_hidden);
	kernel.hidden = NULL;
}

/** The first header in @len bytes that is whole, or NULL. */
static struct nlmsghdr *message_at(void *at, size_t len)
{
	struct nlmsghdr *h = at;

	return len >= NLMSG_HDRLEN && h->nlmsg_len >= NLMSG_HDRLEN && h->nlmsg_len <= len ? h
											  : NULL;
}

static struct nlmsghdr *message_after(struct nlmsghdr *h, size_t *left)
{
	size_t step = NLMSG_ALIGN(h->nlmsg_len);

	if (step >= *left)
		return NULL;
	*left -= step;
	return message_at((char *)h + step, *left);
}

ssize_t __wrap_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len)
{
	const struct nlmsghdr *first = buf;
	size_t at = 0;

	(void)fd;
	(void)flags;
	(void)to;
	(void)to_len;
	kernel.first = first->nlmsg_seq;
	while (at < len) {
		const struct nlmsghdr *h = (const void *)((const char *)buf + at);

		if (h->nlmsg_type != NFNL_MSG_BATCH_END) // nobody waits for its answer
			kernel.request = *h;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	return (ssize_t)len;
}

/** An acknowledgement, the end of a list, or an object with a number in it. */
static size_t agree(unsigned char *buf)
{
	struct {
		struct nlmsghdr hdr;
		struct nlmsgerr ack;
	} yes = {.hdr = {.nlmsg_len = sizeof(yes), .nlmsg_type = NLMSG_ERROR}};
	struct {
		struct nlmsghdr hdr;
		struct nfgenmsg nfgen;
		struct nlattr attr;
		uint32_t value;
	} object = {.hdr = {.nlmsg_len = sizeof(object), .nlmsg_type = NLMSG_MIN_TYPE},
		    .attr = {.nla_len = sizeof(object.attr) + sizeof(object.value),
			     .nla_type = NFTA_GEN_ID},
		    .value = 1};

	yes.hdr.nlmsg_seq = object.hdr.nlmsg_seq = kernel.request.nlmsg_seq;
	if (kernel.request.nlmsg_flags & NLM_F_ACK) {
		memcpy(buf, &yes, sizeof(yes));
		return sizeof(yes);
	}
	if ((kernel.request.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		object.hdr.nlmsg_type = NLMSG_DONE;
	memcpy(buf, &object, sizeof(object));
	return sizeof(object);
}

/** The next datagram of the input; returns its length, -1 after the last. */
static ssize_t next_datagram(unsigned char *buf, size_t size)
{
	size_t len, left;

	if (kernel.left < 2) {
		errno = EIO;
		return -1;
	}
	len = (size_t)(kernel.data[0] | kernel.data[1] << 8);
	kernel.data += 2;
	kernel.left -= 2;
	len = len < kernel.left ? len : kernel.left;
	len = len < size ? len : size;
	memcpy(buf, kernel.data, len);
	kernel.data += len;
	kernel.left -= len;
	left = len;
	for (struct nlmsghdr *h = message_at(buf, len); h; h = message_after(h, &left))
		if (!h->nlmsg_seq)
			h->nlmsg_seq = kernel.first;
	return (ssize_t)len;
}

ssize_t __wrap_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len)
{
	ssize_t n;

	(void)fd;
	(void)flags;
	kernel_done();
	memset(from, 0, *from_len);
	n = kernel.data ? next_datagram(buf, size) : (ssize_t)agree(buf);
	if (n >= 0) {
		// What is behind the answer is nobody's: a step beyond its end is seen.
		kernel.hidden = (char *)buf + n;
		kernel.n_hidden = size - (size_t)n;
		__asan_poison_memory_region(kernel.hidden, kernel.n_hidden);
	}
	return n;
}
