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

static bool has_value(int fd, const char *value)
{
	size_t len = strlen(value);
	char now[64];
	ssize_t n = read(fd, now, sizeof(now));

	return n == (ssize_t)len + 1 && !memcmp(now, value, len) && now[len] == '\n';
}

/** Returns 0, or -1 with errno. Where /proc/sys is read-only the right value is good enough. */
static int ensure(const char *path, const char *value)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDWR | O_CLOEXEC);
	ssize_t len = (ssize_t)strlen(value);
	int os = errno;

	if (fd < 0 && (os == EROFS || os == EACCES || os == EPERM)) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && has_value(fd, value))
			return 0;
		errno = os;
		return -1;
	}
	if (fd < 0)
		return -1;
	return has_value(fd, value) || pwrite(fd, value, (size_t)len, 0) == len ? 0 : -1;
}

static int _printf_(4, 0)
	vensure(const char *value, bool optional, struct err *e, const char *fmt, va_list ap)
{
	char path[PATH_MAX];
	size_t n = (size_t)snprintf(path, sizeof(path), "/proc/sys/net/");

	(void)vsnprintf(path + n, sizeof(path) - n, fmt, ap);
	if (ensure(path, value) == 0 ||
	    (optional && (errno == ENOENT || errno == EROFS || errno == EACCES)))
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
