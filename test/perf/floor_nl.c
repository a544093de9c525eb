// SPDX-License-Identifier: Apache-2.0
// Writes rtnetlink messages into one buffer and reads the verdicts.
#include "floor_nl.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { REPLY_SIZE = 8192 };

int floor_nl_open(void)
{
	_cleanup_(fd_closep) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const int on = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return TAKE_FD(fd);
}

static struct nlmsghdr *message(struct batch *b)
{
	return (struct nlmsghdr *)(void *)(b->buf + b->first);
}

/** Append @len bytes and the padding behind them. The buffer fits all that floor.c writes. */
static void append(struct batch *b, const void *data, size_t len)
{
	if (len > 0)
		memcpy(b->buf + b->len, data, len);
	memset(b->buf + b->len + len, 0, NLMSG_ALIGN(len) - len);
	b->len += NLMSG_ALIGN(len);
	message(b)->nlmsg_len = (uint32_t)(b->len - b->first);
}

void floor_nl_begin(struct batch *b, uint16_t type, uint16_t flags, const void *header, size_t len)
{
	const struct nlmsghdr start = {
		.nlmsg_type = type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
		.nlmsg_seq = (uint32_t)++b->count,
	};

	b->first = b->len;
	append(b, &start, sizeof(start));
	append(b, header, len);
}

void floor_nl_header(struct batch *b, const void *header, size_t len)
{
	append(b, header, len);
}

void floor_nl_put(struct batch *b, uint16_t attr, const void *data, size_t len)
{
	const struct nlattr start = {.nla_len = (uint16_t)(sizeof(start) + len), .nla_type = attr};

	append(b, &start, sizeof(start));
	append(b, data, len);
}

void floor_nl_str(struct batch *b, uint16_t attr, const char *text)
{
	floor_nl_put(b, attr, text, strlen(text) + 1);
}

void floor_nl_u32(struct batch *b, uint16_t attr, uint32_t value)
{
	floor_nl_put(b, attr, &value, sizeof(value));
}

size_t floor_nl_nest(struct batch *b, uint16_t attr)
{
	size_t nest = b->len;

	floor_nl_put(b, attr, NULL, 0);
	return nest;
}

void floor_nl_end(struct batch *b, size_t nest)
{
	((struct nlattr *)(void *)(b->buf + nest))->nla_len = (uint16_t)(b->len - nest);
}

/** Read until the answer to the last message of @b, or a refusal, is there: 0 or a negative errno.
 */
static int listen_for_end(int fd, const struct batch *b, uint16_t end)
{
	_Alignas(4) unsigned char reply[REPLY_SIZE];

	for (;;) {
		ssize_t len = recv(fd, reply, sizeof(reply), 0);
		struct nlmsghdr *h = (struct nlmsghdr *)(void *)reply;

		if (len < 0)
			return -errno;
		for (; NLMSG_OK(h, (size_t)len); h = NLMSG_NEXT(h, len)) {
			const struct nlmsgerr *ack = NLMSG_DATA(h);

			if (h->nlmsg_type == NLMSG_ERROR && ack->error != 0)
				return ack->error;
			if (h->nlmsg_type == end && h->nlmsg_seq == (uint32_t)b->count)
				return 0;
		}
	}
}

int floor_nl_call(int fd, struct batch *b)
{
	message(b)->nlmsg_flags |= NLM_F_ACK;
	return send(fd, b->buf, b->len, 0) < 0 ? -errno : listen_for_end(fd, b, NLMSG_ERROR);
}

int floor_nl_get_link(int fd, const char *name)
{
	const struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
	struct batch b = {};

	floor_nl_begin(&b, RTM_GETLINK, 0, &any, sizeof(any));
	floor_nl_str(&b, IFLA_IFNAME, name);
	floor_nl_u32(&b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return send(fd, b.buf, b.len, 0) < 0 ? -errno : listen_for_end(fd, &b, RTM_NEWLINK);
}

int floor_nl_list_addresses(int fd, int ifindex)
{
	const struct ifaddrmsg header = {.ifa_family = AF_INET, .ifa_index = (uint32_t)ifindex};
	struct batch b = {};

	floor_nl_begin(&b, RTM_GETADDR, NLM_F_DUMP, &header, sizeof(header));
	return send(fd, b.buf, b.len, 0) < 0 ? -errno : listen_for_end(fd, &b, NLMSG_DONE);
}

int floor_nl_ifindex(int fd, const char *name)
{
	struct ifreq ifr = {};

	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(fd, SIOCGIFINDEX, &ifr) < 0 ? -errno : ifr.ifr_ifindex;
}
