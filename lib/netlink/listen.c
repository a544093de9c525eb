// SPDX-License-Identifier: Apache-2.0
#include "netlink/listen.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

int listen_open(int protocol, uint32_t groups, int *fd, struct err *e)
{
	const struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = groups};
	_cleanup_(fd_closep) int s = -1;
	int size = 1 << 20;

	s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (s < 0)
		return err_os(e, ERR_KERNEL, errno, "open netlink socket");
	// A card that makes a hundred VFs says so all at once. What is lost is noticed.
	if (setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(s, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_os(e, ERR_KERNEL, errno, "listen to netlink");
	*fd = TAKE_FD(s);
	return 0;
}

ssize_t listen_next(int fd, void *buf)
{
	for (;;) {
		struct sockaddr_nl from = {};
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, LISTEN_SIZE - 1, 0, (struct sockaddr *)&from, &len);

		if (n > 0 && from.nl_pid == 0)
			return n;
		if (n < 0 && errno == ENOBUFS)
			return -1;
		if (n <= 0 && errno != EINTR)
			return 0;
	}
}

static void take(const char **out, const char *line, const char *key)
{
	size_t n = strlen(key);

	if (!strncmp(line, key, n))
		*out = line + n;
}

void uevent_parse(struct uevent *out, char *buf, size_t len)
{
	*out = (struct uevent){"", "", ""};
	buf[len] = '\0';
	for (const char *line = buf; line < buf + len; line += strlen(line) + 1) {
		take(&out->action, line, "ACTION=");
		take(&out->subsystem, line, "SUBSYSTEM=");
		take(&out->path, line, "DEVPATH=");
	}
}
