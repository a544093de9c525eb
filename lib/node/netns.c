// SPDX-License-Identifier: Apache-2.0
#include "node/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/log.h"

int netns_open(int *fd, const char *path, struct err *e)
{
	// A FIFO would wait for somebody to write.
	_cleanup_(fd_closep) int ns = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct statfs fs;
	int type = 0;

	if (ns < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ESRCH))
		return err_os(e, ERR_NO_CONTAINER, ENOENT, "CNI_NETNS: open network namespace %s",
			      path);
	if (ns < 0 || fstatfs(ns, &fs) < 0)
		return err_os(e, ERR_IO, errno, "CNI_NETNS: open network namespace %s", path);
	if (fs.f_type == NSFS_MAGIC)
		type = ioctl(ns, NS_GET_NSTYPE);
	if (type < 0)
		return err_os(e, ERR_IO, errno, "CNI_NETNS: look at namespace %s", path);
	if (type != CLONE_NEWNET)
		return err_set(e, ERR_ENV, "CNI_NETNS: \"%s\": not a network namespace", path);
	*fd = TAKE_FD(ns);
	return 0;
}

bool netns_is_current(int fd)
{
	struct stat theirs, ours;

	return fstat(fd, &theirs) == 0 && stat("/proc/thread-self/ns/net", &ours) == 0 &&
	       theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

int netns_enter(struct netns *ns, int fd, struct err *e)
{
	_cleanup_(fd_closep) int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (home < 0)
		return err_os(e, ERR_IO, errno, "open current network namespace");
	if (setns(fd, CLONE_NEWNET) < 0)
		return err_os(e, errno == EINVAL ? ERR_ENV : ERR_KERNEL, errno,
			      "enter network namespace");
	ns->home = TAKE_FD(home);
	return 0;
}

void netns_leave(struct netns *ns)
{
	if (ns->home < 0)
		return;
	if (setns(ns->home, CLONE_NEWNET) < 0) {
		// Whatever is done next would be done to the wrong node.
		log_write(LOG_LEVEL_ERROR, "cannot leave the container's network namespace");
		abort();
	}
	fd_closep(&ns->home);
}
