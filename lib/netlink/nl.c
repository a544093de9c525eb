// SPDX-License-Identifier: Apache-2.0
/** Sending requests and reading answers. */
#include "netlink/nl.h"
#include <arpa/inet.h>

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "netlink/nl_private.h"

enum {
	REPLY_SIZE = 32768, ///< what the kernel fills at most per dump message (NLMSG_GOODSIZE)
	LARGE_SIZE =
		256 << 10, ///< an attribute has 64 KB at most, and one of an object is that large
	SEND_DEFAULT = 128 << 10, ///< below net.core.wmem_default
	DUMP_TRIES = 4,
	MAX_ERRNO = 4095, ///< linux/err.h of the kernel's own headers
};

struct nl {
	int fd;
	uint32_t seq;
};

struct nl *nl_open(int protocol, struct err *e)
{
	_cleanup_(nl_closep) struct nl *nl = malloc(sizeof(*nl));
	int on = 1;

	if (!nl) {
		err_os(e, ERR_TRY_AGAIN, ENOMEM, "open netlink socket");
		return NULL;
	}
	nl->seq = 0;
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (nl->fd < 0) {
		err_os(e, ERR_KERNEL, errno, "open netlink socket");
		return NULL;
	}
	// Refinements: a kernel that refuses them still answers, with fewer words or more objects.
	(void)setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	(void)setsockopt(nl->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return TAKE_PTR(nl);
}

void nl_closep(struct nl **nl)
{
	if (*nl)
		fd_closep(&(*nl)->fd);
	freep(nl);
}

int nl_ioctl(const struct nl *nl, int request, void *arg)
{
	return ioctl(nl->fd, request, arg);
}

int nl_ifindex(const struct nl *nl, const char *name)
{
	struct ifreq ifr = {};

	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return nl_ioctl(nl, SIOCGIFINDEX, &ifr) < 0 ? 0 : ifr.ifr_ifindex;
}

/** A batch of thousands of elements needs a larger send buffer than the default. */
static void make_room(const struct nl *nl, size_t len)
{
	int size = (int)(2 * len);

	if (len > SEND_DEFAULT)
		(void)setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
}

/** Number the requests and send them; @first is the sequence number of the first. */
static int send_all(struct nl *nl, struct nl_msg *m, uint32_t *first, struct err *e)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	*first = nl->seq + 1;
	for (size_t at = 0; at < m->len;) {
		struct nlmsghdr *hdr = (void *)(m->buf + at);

		hdr->nlmsg_seq = ++nl->seq;
		at += NLMSG_ALIGN(hdr->nlmsg_len);
	}
	make_room(nl, m->len);
	for (;;) {
		if (sendto(nl->fd, m->buf, m->len, 0, (const void *)&kernel, sizeof(kernel)) >= 0)
			return 0;
		if (errno != EINTR)
			return err_os(e, ERR_IO, errno, "netlink send");
	}
}

/** Returns the length, or -1. */
static ssize_t receive(struct nl *nl, unsigned char *buf, size_t size, int flags, struct err *e)
{
	for (;;) {
		struct sockaddr_nl from = {};
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(nl->fd, buf, size, flags | MSG_TRUNC, (void *)&from, &len);

		if (n > (ssize_t)size && from.nl_pid == 0)
			return err_set(e, ERR_IO, "netlink receive: %zd bytes at once", n);
		if (n >= 0 && from.nl_pid == 0)
			return n;
		if (n >= 0)
			continue; // not from the kernel: anybody in the namespace can write to us
		if (errno != EINTR)
			return err_os(e, ERR_IO, errno, "netlink receive");
	}
}

/** Turn a refusal of request @i into @e, with the text of the extended ack behind @skip bytes. */
static void refused(const struct nl_msg *m, uint32_t i, int error, const struct nlmsghdr *reply,
		    size_t skip, struct err *e)
{
	const char *label = i < NL_LABELS && m->label[i][0] ? m->label[i] : "netlink request";
	const struct nlattr *a[NLMSGERR_ATTR_MAX + 1];
	const char *words;

	// Whatever else may stand there, an errno is what callers and strerror() expect.
	(void)err_os(e, ERR_KERNEL, error < 0 && error >= -MAX_ERRNO ? -error : EPROTO, "%s",
		     label);
	if (!(reply->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	nl_parse(reply, skip, a, NLMSGERR_ATTR_MAX);
	words = nl_get_str(a[NLMSGERR_ATTR_MSG], NULL);
	if (words)
		(void)err_hint(e, "kernel: %s", words);
}

static bool is_forgiven(const struct nl_msg *m, uint32_t i, int error)
{
	return error == -m->forgiven[i < NL_LABELS ? i : NL_LABELS];
}

/** Behind the header of an ack comes our request, or with NLM_F_CAPPED only its header. */
static size_t ack_size(const struct nlmsghdr *reply)
{
	const struct nlmsgerr *ack = nl_payload(reply);

	if (reply->nlmsg_flags & NLM_F_CAPPED || ack->msg.nlmsg_len <= sizeof(ack->msg))
		return sizeof(*ack);
	return sizeof(*ack) + ack->msg.nlmsg_len - sizeof(ack->msg);
}

/** What one exchange has seen so far. */
struct exchange {
	const struct nl_msg *m;
	uint32_t first, last;
	nl_reply_fn *on_reply;
	void *ctx;
	bool dump, interrupted, done;
	int rc;
};

/** The end of a dump, which carries a negative errno if the kernel has given it up. */
static void on_done(struct exchange *x, const struct nlmsghdr *h, struct err *e)
{
	const int *error = nl_payload(h);

	x->done = true;
	if (x->rc < 0 || h->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) || *error >= 0)
		return;
	refused(x->m, h->nlmsg_seq - x->first, *error, h, sizeof(*error), e);
	x->rc = -1;
}

/** Take in one message of the answer. */
static void on_message(struct exchange *x, const struct nlmsghdr *h, struct err *e)
{
	const struct nlmsgerr *ack = nl_payload(h);
	uint32_t i = h->nlmsg_seq - x->first;

	if (h->nlmsg_seq < x->first || h->nlmsg_seq > x->last)
		return; // an answer to an earlier exchange that was given up
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		x->interrupted = true;
	if (h->nlmsg_type == NLMSG_DONE) {
		on_done(x, h, e);
	} else if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(*ack))) {
		if (ack->error && x->rc == 0 && !is_forgiven(x->m, i, ack->error)) {
			refused(x->m, i, ack->error, h, ack_size(h), e);
			x->rc = -1;
		}
		// A batch that fails as a whole is refused by its first header.
		x->done |= h->nlmsg_seq == x->last ||
			   (ack->error && x->m->batch && h->nlmsg_seq == x->first);
	} else if (x->on_reply) {
		if (x->rc == 0 && h->nlmsg_len < NLMSG_LENGTH(x->m->family_len))
			x->rc = err_set(e, ERR_KERNEL, "%s: the answer is too short",
					x->m->label[0]);
		if (x->rc == 0)
			x->rc = x->on_reply(h, x->ctx, e);
		x->done |= !x->dump && h->nlmsg_seq == x->last;
	}
}

/** Take in all messages of one datagram, as far as they are whole. */
static void each_message(struct exchange *x, const unsigned char *buf, size_t len, struct err *e)
{
	for (size_t at = 0; len - at >= NLMSG_HDRLEN;) {
		const struct nlmsghdr *h = (const void *)(buf + at);
		size_t step = NLMSG_ALIGN(h->nlmsg_len);

		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > len - at)
			return;
		on_message(x, h, e);
		if (step > len - at)
			return;
		at += step;
	}
}

static int converse(struct nl *nl, struct exchange *x, struct nl_msg *m, struct err *e)
{
	_Alignas(NLMSG_ALIGNTO) unsigned char usual[REPLY_SIZE];
	_cleanup_(freep) unsigned char *large = m->large ? malloc(LARGE_SIZE) : NULL;
	unsigned char *buf = large ? large : usual;
	size_t size = large ? LARGE_SIZE : REPLY_SIZE;

	if (m->failed || (m->large && !large))
		return err_os(e, ERR_TRY_AGAIN, ENOMEM, "write netlink message");
	if (send_all(nl, m, &x->first, e) < 0)
		return -1;
	x->last = nl->seq;
	if (m->batch) // the closing header is not answered; the request before it is
		x->last--;
	while (!x->done) {
		// Each request of a batch is refused while we send it, as far as the socket has
		// room (ENOBUFS): behind a first refusal there is the rest, or it is lost.
		bool refused = m->batch && x->rc < 0;
		struct err why = {};
		ssize_t n = receive(nl, buf, size, refused ? MSG_DONTWAIT : 0, &why);

		if (n < 0 && refused)
			break;
		if (n < 0 && !(m->batch && why.os == ENOBUFS)) {
			*e = why;
			return -1;
		}
		each_message(x, buf, n < 0 ? 0 : (size_t)n, e);
	}
	return x->rc;
}

int nl_call(struct nl *nl, struct nl_msg *m, struct err *e)
{
	struct exchange x = {.m = m};
	int rc;

	if (!m->failed && !m->batch && m->len)
		nl_current(m)->nlmsg_flags |= NLM_F_ACK;
	rc = !m->failed && m->len == 0 ? 0 : converse(nl, &x, m, e);
	nl_msg_free(m);
	return rc;
}

int nl_get(struct nl *nl, struct nl_msg *m, nl_reply_fn *on_reply, void *ctx, struct err *e)
{
	struct exchange x = {.m = m, .on_reply = on_reply, .ctx = ctx};
	int rc = converse(nl, &x, m, e);

	nl_msg_free(m);
	return rc;
}

int nl_dump(struct nl *nl, struct nl_msg *m, nl_reply_fn *on_reply, void *ctx, struct err *e)
{
	int rc = -1;

	if (!m->failed)
		nl_current(m)->nlmsg_flags |= NLM_F_DUMP;
	for (int i = 0; i < DUMP_TRIES; i++) {
		struct exchange x = {.m = m, .on_reply = on_reply, .ctx = ctx, .dump = true};

		rc = converse(nl, &x, m, e);
		if (rc < 0 || !x.interrupted)
			break;
		rc = err_set(e, ERR_TRY_AGAIN, "netlink dump: interrupted by changes each time");
	}
	nl_msg_free(m);
	return rc;
}
