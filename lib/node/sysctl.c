// SPDX-License-Identifier: Apache-2.0
#include "node/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

/** Returns 0, or -1 with errno. Written through the descriptor that read it. */
static int ensure(const char *path, const char *value)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDWR | O_CLOEXEC);
	size_t len = strlen(value);
	char now[64];
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, now, sizeof(now));
	if (n < 0)
		return -1;
	if ((size_t)n == len + 1 && !memcmp(now, value, len) && now[len] == '\n')
		return 0;
	return pwrite(fd, value, len, 0) == (ssize_t)len ? 0 : -1;
}

static int _printf_(4, 0)
	vensure(const char *value, bool optional, struct err *e, const char *fmt, va_list ap)
{
	char path[PATH_MAX];
	size_t n = (size_t)snprintf(path, sizeof(path), "/proc/sys/net/");

	(void)vsnprintf(path + n, sizeof(path) - n, fmt, ap);
	if (ensure(path, value) == 0 || (optional && errno == ENOENT))
		return 0;
	return err_os(e, ERR_KERNEL, errno, "set %s to %s", path + strlen("/proc/sys/"), value);
}

int sysctl_ensure(const char *value, struct err *e, const char *key_fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, key_fmt);
	rc = vensure(value, false, e, key_fmt, ap);
	va_end(ap);
	return rc;
}

int sysctl_ensure_if_there(const char *value, struct err *e, const char *key_fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, key_fmt);
	rc = vensure(value, true, e, key_fmt, ap);
	va_end(ap);
	return rc;
}
