// SPDX-License-Identifier: Apache-2.0
// The lease files, and the index of them, as lib/node/lease.c changes them.
#include <arpa/inet.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "floor.h"

enum { FIRST_HOST = 2, LAST_HOST = 65534, LINK_SIZE = 1024 };

ssize_t read_file(int dir, const char *path, char *buf, size_t size)
{
	_cleanup_(fd_closep) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (len >= 0)
		buf[len] = '\0';
	return len;
}

/** The lease directory under its lock, and the index of who has what. */
struct leases {
	int dir, lock, index;
};

static void leases_close(struct leases *l)
{
	fd_closep(&l->index);
	fd_closep(&l->dir);
	fd_closep(&l->lock);
}

static int make_index(const char *path)
{
	if ((mkdir("/run/edgeway", 0755) < 0 && errno != EEXIST) ||
	    (mkdir("/run/edgeway/leases", 0755) < 0 && errno != EEXIST) ||
	    (mkdir(path, 0755) < 0 && errno != EEXIST))
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int leases_open(struct leases *l, const struct job *job)
{
	char path[PATH_SIZE], boot[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/var/lib/cni/networks/%s", job->network);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		FAIL("make the lease directory");
	l->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->lock = openat(l->dir, "lock", O_CREAT | O_RDONLY | O_CLOEXEC, 0750);
	if (l->lock < 0 || flock(l->lock, LOCK_EX) < 0)
		FAIL("lock the leases");
	if (read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, sizeof(boot)) < 0)
		FAIL("read the boot id");
	(void)snprintf(path, sizeof(path), "/run/edgeway/leases/%s", job->network);
	l->index = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->index < 0)
		l->index = make_index(path);
	if (l->index < 0 || fstat(l->dir, &st) < 0 || fstat(l->index, &st) < 0)
		FAIL("open the index");
	return 0;
}

/** Give both directories one time, by which the index is known to be up to date. */
static void seal(const struct leases *l)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};

	(void)clock_gettime(CLOCK_REALTIME, &times[1]);
	(void)futimens(l->dir, times);
	(void)futimens(l->index, times);
}

/** Fill a file without a name and then give it @name, so that nobody sees it half-written. */
static int create_file(int dir, const char *name, const char *text)
{
	_cleanup_(fd_closep) int fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -1;
	return linkat(fd, "", dir, name, AT_EMPTY_PATH);
}

/** Overwrite in place: ext4 starts writing to the disk when a file is emptied or renamed over. */
static int rewrite_file(int dir, const char *name, const char *text)
{
	_cleanup_(fd_closep) int fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ssize_t len = (ssize_t)strlen(text);

	if (fd < 0 || write(fd, text, (size_t)len) != len)
		return -1;
	return lseek(fd, 0, SEEK_END) == len ? 0 : ftruncate(fd, len);
}

static int last_reserved(const struct leases *l)
{
	char text[INET_ADDRSTRLEN];
	int high, low;

	if (read_file(l->dir, "last_reserved_ip.0", text, sizeof(text)) <= 0 ||
	    sscanf(text, "%*d.%*d.%d.%d", &high, &low) != 2)
		return FIRST_HOST - 1;
	return high * HOSTS_PER_BYTE + low;
}

int take_lease(struct job *job)
{
	_cleanup_(leases_close) struct leases l = {-1, -1, -1};
	char name[INET_ADDRSTRLEN], text[PATH_SIZE], link[LINK_SIZE];

	if (leases_open(&l, job) < 0)
		return -1;
	// Does the container have one already, or under its name alone, as long ago?
	if (readlinkat(l.index, job->container, link, sizeof(link)) > 0 ||
	    readlinkat(l.index, "container", link, sizeof(link)) > 0)
		FAIL("the container has an address already");
	(void)snprintf(text, sizeof(text), "%s\r\neth0", job->container);
	job->host = last_reserved(&l);
	do {
		job->host = job->host == LAST_HOST ? FIRST_HOST : job->host + 1;
		(void)snprintf(name, sizeof(name), "%s.%d.%d", job->subnet,
			       job->host / HOSTS_PER_BYTE, job->host % HOSTS_PER_BYTE);
		errno = 0;
	} while (create_file(l.dir, name, text) < 0 && errno == EEXIST);
	if (errno != 0)
		FAIL("write the lease");
	if (symlinkat(name, l.index, job->container) < 0)
		FAIL("note the lease in the index");
	if (rewrite_file(l.dir, "last_reserved_ip.0", name) < 0)
		FAIL("write the last reserved address");
	seal(&l);
	return 0;
}

int drop_lease(const struct job *job)
{
	_cleanup_(leases_close) struct leases l = {-1, -1, -1};
	char name[INET_ADDRSTRLEN] = "", text[PATH_SIZE];

	if (leases_open(&l, job) < 0)
		return -1;
	if (readlinkat(l.index, job->container, name, sizeof(name) - 1) < 0)
		return 0; // deleted before
	if (read_file(l.dir, name, text, sizeof(text)) < 0 || unlinkat(l.dir, name, 0) < 0 ||
	    unlinkat(l.index, job->container, 0) < 0)
		FAIL("remove the lease");
	(void)unlinkat(l.index, "container", 0);
	seal(&l);
	return 0;
}
