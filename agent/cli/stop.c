// SPDX-License-Identifier: Apache-2.0
#include "cli/stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

int stop_open(struct err *e)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_os(e, ERR_KERNEL, errno, "block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? err_os(e, ERR_KERNEL, errno, "wait for signals") : fd;
}

int stop_wait(int stop, int fd, int ms, bool *stopped, struct err *e)
{
	struct pollfd fds[] = {{.fd = stop, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	if (poll(fds, 2, ms) < 0 && errno != EINTR)
		return err_os(e, ERR_KERNEL, errno, "wait");
	*stopped = fds[0].revents;
	return !*stopped && fds[1].revents;
}
