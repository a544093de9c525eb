// SPDX-License-Identifier: Apache-2.0
#include "node/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

enum { VALUE_MAX = 1 << 17 }; ///< a bitmap of ports fits

const char *sysctl_path(const char *key, const char *ifname, char *buf)
{
	char path[SYSCTL_PATH - IFNAMSIZ];
	const char *name, *at = path;

	if (snprintf(path, sizeof(path), "%s", key) >= (int)sizeof(path))
		return "too long";
	for (char *c = path; !strchr(key, '/') && *c; c++)
		if (*c == '.')
			*c = '/';
	if (strncmp(path, "net/", 4) != 0)
		return "only settings below net can be changed: net.NAME.NAME, or net/NAME/NAME if "
		       "a name has dots";
	for (size_t n = strcspn(at, "/");; at += n + 1, n = strcspn(at, "/")) {
		if (n == 0 || (n <= 2 && !strncmp(at, "..", n)))
			return "not a path of names";
		if (!at[n])
			break;
	}
	name = ifname ? strstr(path, "IFNAME") : NULL;
	if (name)
		(void)snprintf(buf, SYSCTL_PATH, "%.*s%s%s", (int)(name - path), path, ifname,
			       name + strlen("IFNAME"));
	else
		(void)snprintf(buf, SYSCTL_PATH, "%s", path);
	return NULL;
}

/** Open for as much as is allowed; @read_only gets why that is not writing, or 0. */
static int open_setting(const char *path, int *read_only)
{
	char full[SYSCTL_PATH + 16];
	int fd;

	(void)snprintf(full, sizeof(full), "/proc/sys/%s", path);
	*read_only = 0;
	fd = open(full, O_RDWR | O_CLOEXEC);
	if (fd >= 0 || (errno != EROFS && errno != EACCES && errno != EPERM))
		return fd;
	*read_only = errno;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	return fd;
}

int sysctl_open(struct sysctl *out, const char *path, struct arena *arena, struct err *e)
{
	_cleanup_(sysctl_close) struct sysctl s = {.path = path};
	char *value;

	s.fd = open_setting(path, &s.read_only);
	if (s.fd < 0)
		return err_os(e, ERR_KERNEL, errno, "open %s", path);
	value = file_read_all(arena, s.fd, VALUE_MAX, path, e);
	if (!value)
		return -1;
	value[strcspn(value, "\n")] = '\0';
	s.was = value;
	*out = s;
	s.fd = -1;
	return 0;
}

void sysctl_close(struct sysctl *s)
{
	fd_closep(&s->fd);
}

int sysctl_write(const struct sysctl *s, const char *value, struct err *e)
{
	const char *text = *value ? value : "\n"; // nothing at all would not reach the setting
	ssize_t len = (ssize_t)strlen(text);

	if (s->read_only)
		return err_os(e, ERR_KERNEL, s->read_only, "set %s to %s", s->path, value);
	if (pwrite(s->fd, text, (size_t)len, 0) != len)
		return err_os(e, ERR_KERNEL, errno, "set %s to %s", s->path, value);
	return 0;
}

/** Whether two words are the same, or the same number. */
static bool same_word(const char *a, size_t a_len, const char *b, size_t b_len)
{
	char *a_end, *b_end;

	if (a_len == b_len && !strncmp(a, b, a_len))
		return true;
	return strtoll(a, &a_end, 0) == strtoll(b, &b_end, 0) && a_end == a + a_len &&
	       b_end == b + b_len;
}

bool sysctl_was(const struct sysctl *s, const char *value)
{
	static const char blank[] = " \t\n";
	const char *a = s->was, *b = value;

	for (;;) {
		size_t a_len, b_len;

		a += strspn(a, blank);
		b += strspn(b, blank);
		a_len = strcspn(a, blank);
		b_len = strcspn(b, blank);
		if (!a_len || !b_len)
			return a_len == b_len;
		if (!same_word(a, a_len, b, b_len))
			return false;
		a += a_len;
		b += b_len;
	}
}
