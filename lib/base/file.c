// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static ssize_t read_fully(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t r = read(fd, buf + n, size - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

static int write_fully(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t w = write(fd, text, left);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		text += w;
		left -= (size_t)w;
	}
	return 0;
}

ssize_t file_read(int dir, const char *path, char *buf, size_t size)
{
	_cleanup_(fd_closep) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read_fully(fd, buf, size - 1);
	if (n >= 0)
		buf[n] = '\0';
	return n;
}

char *file_read_all(struct arena *arena, int fd, size_t limit, const char *what, struct err *e)
{
	size_t len;

	return file_read_bytes(arena, fd, limit, what, &len, e);
}

char *file_read_bytes(struct arena *arena, int fd, size_t limit, const char *what, size_t *len,
		      struct err *e)
{
	size_t size = 4096, used = 0;
	char *buf = arena_calloc(arena, 1, size);

	while (buf) {
		char *bigger;
		ssize_t n = read_fully(fd, buf + used, size - 1 - used);

		if (n < 0) {
			err_os(e, ERR_IO, errno, "read %s", what);
			return NULL;
		}
		used += (size_t)n;
		if (used > limit) {
			err_set(e, ERR_IO, "read %s: larger than %zu bytes", what, limit);
			return NULL;
		}
		if (used < size - 1) {
			*len = used;
			return buf;
		}
		bigger = arena_calloc(arena, 4, size);
		if (bigger)
			memcpy(bigger, buf, used);
		buf = bigger;
		size *= 4;
	}
	err_os(e, ERR_TRY_AGAIN, ENOMEM, "read %s", what);
	return NULL;
}

char *file_read_path(struct arena *arena, const char *path, size_t limit, struct err *e)
{
	// A FIFO would wait for somebody to write.
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_os(e, ERR_IO, errno, "open %s", path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) {
		err_set(e, ERR_IO, "open %s: not a file", path);
		return NULL;
	}
	return file_read_all(arena, fd, limit, path, e);
}

enum durability { CACHED, DURABLE };

/** For file systems without O_TMPFILE: the name appears before the content. */
static int create_named(int dir, const char *path, const char *text, mode_t mode,
			enum durability durability)
{
	_cleanup_(fd_closep) int fd =
		openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int os;

	if (fd < 0)
		return -1;
	if (write_fully(fd, text) == 0 && (durability == CACHED || fsync(fd) == 0))
		return 0;
	os = errno;
	(void)unlinkat(dir, path, 0);
	errno = os;
	return -1;
}

/**
 * Give a file its name. Before Linux 6.10 the short way needs CAP_DAC_READ_SEARCH in the initial
 * user namespace, and says ENOENT without.
 */
static int link_unnamed(int fd, int dir, const char *path)
{
	char self[64];

	if (linkat(fd, "", dir, path, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, dir, path, AT_SYMLINK_FOLLOW);
}

/** The directory that @path is in, into @buf of PATH_MAX bytes; returns it. */
static const char *parent_of(const char *path, char *buf)
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(buf, PATH_MAX, "%.*s", slash ? (int)(slash - path + 1) : 1,
		       slash ? path : ".");
	return buf;
}

/** A file for the directory of @path that has no name yet; -1 with errno. */
static int open_unnamed(int dir, const char *path, mode_t mode)
{
	char parent[PATH_MAX];

	return openat(dir, parent_of(path, parent), O_WRONLY | O_TMPFILE | O_CLOEXEC, mode);
}

/** Whether open_unnamed() has failed because the file system cannot do that. */
static bool needs_names(int os)
{
	return os == EOPNOTSUPP || os == EISDIR || os == EINVAL;
}

static int fill_unnamed(int fd, int dir, const char *path, const char *text,
			enum durability durability)
{
	if (write_fully(fd, text) < 0 || (durability == DURABLE && fsync(fd) < 0))
		return -1;
	return link_unnamed(fd, dir, path);
}

int file_create(int dir, const char *path, const char *text, mode_t mode)
{
	_cleanup_(fd_closep) int fd = open_unnamed(dir, path, mode);

	if (fd < 0)
		return needs_names(errno) ? create_named(dir, path, text, mode, CACHED) : -1;
	return fill_unnamed(fd, dir, path, text, CACHED);
}

static int replace(int dir, const char *path, const char *text, mode_t mode,
		   enum durability durability)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char tmp[PATH_MAX];
	int os;

	// Hidden, so that nobody takes it for the file. One writer at a time: callers hold a lock
	// or own the name. A leftover is overwritten.
	(void)snprintf(tmp, sizeof(tmp), "%.*s.%s.new", (int)(name - path), path, name);
	(void)unlinkat(dir, tmp, 0);
	if (create_named(dir, tmp, text, mode, durability) < 0)
		return -1;
	if (renameat(dir, tmp, dir, path) == 0)
		return 0;
	os = errno;
	(void)unlinkat(dir, tmp, 0);
	errno = os;
	return -1;
}

int file_replace(int dir, const char *path, const char *text, mode_t mode)
{
	return replace(dir, path, text, mode, CACHED);
}

/** The names in the directory that @path is in outlive a power cut. */
static int sync_parent(int dir, const char *path)
{
	char parent[PATH_MAX];
	_cleanup_(fd_closep) int fd =
		openat(dir, parent_of(path, parent), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : fsync(fd);
}

/** What is not there yet can appear without a name that a kill would leave. */
static int create_or_replace(int dir, const char *path, const char *text, mode_t mode)
{
	_cleanup_(fd_closep) int fd = open_unnamed(dir, path, mode);

	if (fd < 0 && !needs_names(errno))
		return -1;
	if (fd >= 0 && fill_unnamed(fd, dir, path, text, DURABLE) == 0)
		return 0;
	return fd < 0 || errno == EEXIST ? replace(dir, path, text, mode, DURABLE) : -1;
}

int file_replace_durably(int dir, const char *path, const char *text, mode_t mode)
{
	return create_or_replace(dir, path, text, mode) < 0 ? -1 : sync_parent(dir, path);
}

int file_remove_durably(int dir, const char *path)
{
	if (unlinkat(dir, path, 0) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	return sync_parent(dir, path);
}

int file_write(int dir, const char *path, const char *text)
{
	_cleanup_(fd_closep) int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : write_fully(fd, text);
}

int dir_make(const char *path, mode_t mode)
{
	char part[PATH_MAX];

	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -1;
	(void)snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return mkdir(path, mode) < 0 && errno != EEXIST ? -1 : 0;
}

static int lock_as(int how, int dir, const char *path, mode_t mode, int *fd, struct err *e)
{
	_cleanup_(fd_closep) int lock = openat(dir, path, O_RDONLY | O_CREAT | O_CLOEXEC, mode);

	if (lock < 0)
		return err_os(e, ERR_IO, errno, "open lock file %s", path);
	while (flock(lock, how) < 0)
		if (errno != EINTR)
			return err_os(e, ERR_IO, errno, "lock %s", path);
	*fd = TAKE_FD(lock);
	return 0;
}

int file_lock(int dir, const char *path, mode_t mode, int *fd, struct err *e)
{
	return lock_as(LOCK_EX, dir, path, mode, fd, e);
}

int file_lock_shared(int dir, const char *path, mode_t mode, int *fd, struct err *e)
{
	return lock_as(LOCK_SH, dir, path, mode, fd, e);
}

static void dir_closep(DIR **d)
{
	if (*d)
		closedir(*d);
}

int dir_list(struct arena *arena, int dir, const char ***names, size_t *n)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(dir_closep) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const char **list = NULL;
	const struct dirent *de;
	size_t count = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (errno = 0, (de = readdir(d))) {
		if (de->d_name[0] == '.')
			continue;
		list = arena_grow(arena, (void *)list, count, sizeof(*list));
		if (!list || !(list[count++] = arena_strdup(arena, de->d_name))) {
			errno = ENOMEM;
			return -1;
		}
	}
	if (errno)
		return -1;
	*names = list;
	*n = count;
	return 0;
}
