// SPDX-License-Identifier: Apache-2.0
/** The index of the leases, its seal, and the boot they belong to. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "node/boot.h"
#include "node/lease_private.h"

#define INDEX_DIR "/run/edgeway/leases"
#define BOOT_DIR  "/var/lib/edgeway/leases"

enum { LIST_MAX = 1024 };

/** The name of an owner's link: an identifier of any length as 11 characters. */
static const char *link_name(const struct lease_owner *owner, char *buf)
{
	return hash_format(hash_str(hash_str(HASH_SEED, owner->container), owner->ifname), buf);
}

/** A store's own name below INDEX_DIR and BOOT_DIR: from where it is, not what it is called. */
static const char *store_name(const struct lease_store *s, char *buf)
{
	return hash_format(hash_str(HASH_SEED, s->path), buf);
}

/**
 * Sealed, the index is older than the leases by exactly this. A change gives either the present
 * time: perhaps the same to both, for the kernel's clock is coarse, but not a day apart to the
 * nanosecond.
 */
enum { SEAL_SECONDS = 24 * 60 * 60 };

static bool is_sealed(const struct lease_store *s)
{
	struct stat leases, index;

	return fstat(s->dir, &leases) == 0 && fstat(s->index, &index) == 0 &&
	       leases.st_mtim.tv_sec - SEAL_SECONDS == index.st_mtim.tv_sec &&
	       leases.st_mtim.tv_nsec == index.st_mtim.tv_nsec;
}

void lease_index_seal(struct lease_store *s)
{
	struct timespec leases[2] = {{.tv_nsec = UTIME_OMIT}}, index[2] = {{.tv_nsec = UTIME_OMIT}};

	// The kernel stamps changes with a coarse clock, so no later change gets this very value.
	if (!s->complete || clock_gettime(CLOCK_REALTIME, &leases[1]) < 0)
		return;
	index[1] = leases[1];
	index[1].tv_sec -= SEAL_SECONDS;
	// In this order: dying in between leaves the seal broken, as the change before has left it.
	if (futimens(s->index, index) == 0)
		(void)futimens(s->dir, leases);
}

char *lease_index_find(struct lease_store *s, const struct lease_owner *owner)
{
	char name[HASH_TEXT], list[LIST_MAX];
	ssize_t n = readlinkat(s->index, link_name(owner, name), list, sizeof(list));

	// Only "there is none" is an answer; otherwise the files have to be asked.
	if (n < 0 && errno != ENOENT)
		s->complete = false;
	return n <= 0 ? NULL : arena_strndup(s->arena, list, (size_t)n);
}

/** Append to the link of an owner that has an address already. */
static bool extend(struct lease_store *s, const char *name, const char *before, const char *text)
{
	char list[LIST_MAX];

	if (snprintf(list, sizeof(list), "%s,%s", before, text) >= LIST_MAX)
		return false;
	return unlinkat(s->index, name, 0) == 0 && symlinkat(list, s->index, name) == 0;
}

void lease_index_add(struct lease_store *s, const struct lease_owner *owner,
		     const struct ipaddr *ip)
{
	char name[HASH_TEXT], text[IP_TEXT];
	const char *before;

	if (!s->complete)
		return;
	link_name(owner, name);
	ip_format(ip, text);
	if (symlinkat(text, s->index, name) == 0)
		return;
	before = errno == EEXIST ? lease_index_find(s, owner) : NULL;
	s->complete = before && extend(s, name, before, text);
}

void lease_index_remove(struct lease_store *s, const struct lease_owner *owner)
{
	char name[HASH_TEXT];

	if (s->index >= 0)
		(void)unlinkat(s->index, link_name(owner, name), 0);
}

static int add_to_index(const struct lease *lease, void *ctx, struct err *e)
{
	(void)e;
	if (*lease->owner.container)
		lease_index_add(ctx, &lease->owner, &lease->ip);
	return 0;
}

/** Make the index anew from the lease files. */
static int rebuild(struct lease_store *s, struct err *e)
{
	const char **names;
	size_t n;

	if (dir_list(s->arena, s->index, &names, &n) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		(void)unlinkat(s->index, names[i], 0);
	s->complete = true;
	s->changed = true;
	if (lease_each(s, add_to_index, s, e) == 0)
		return 0;
	s->complete = false;
	return -1;
}

/**
 * A lease of an earlier boot is older than this one. Others may have made leases since this boot
 * began: the reference plugin, or we ourselves by another name of the directory. Nobody has made
 * one in the future: without a battery the clock starts behind where the last boot left it.
 */
static int purge(const struct lease *lease, void *ctx, struct err *e)
{
	const int64_t *uptime = ctx;

	(void)e;
	return lease->age > *uptime || lease->age < 0;
}

/** Seconds since the kernel started, suspension included. */
static int64_t uptime_seconds(void)
{
	struct timespec up;

	return clock_gettime(CLOCK_BOOTTIME, &up) < 0 ? INT64_MAX : up.tv_sec;
}

/** Compare the boot on record with this one; if there is an earlier one, its leases are dead. */
static int enter_boot(struct lease_store *s, const char *boot, struct err *e)
{
	char record[PATH_MAX], name[HASH_TEXT], text[PATH_MAX + BOOT_ID + 2], known[BOOT_ID];
	int64_t uptime = uptime_seconds();
	ssize_t n;

	(void)snprintf(record, sizeof(record), BOOT_DIR "/%s", store_name(s, name));
	n = file_read(AT_FDCWD, record, known, sizeof(known));
	if (n >= 0)
		known[strcspn(known, "\n")] = '\0';
	if (n == BOOT_ID - 1 && !strcmp(known, boot))
		return 0;
	if (n == BOOT_ID - 1 && lease_each(s, purge, &uptime, e) < 0)
		return err_wrap(e, "delete leases of an earlier boot");
	(void)snprintf(text, sizeof(text), "%s\n%s\n", boot, s->path);
	// Without a record the next boot keeps dead leases until they are needed; no reason to
	// fail.
	if (dir_make(BOOT_DIR, 0755) < 0 || file_replace(AT_FDCWD, record, text, 0644) < 0)
		log_warn("write %s: %s", record, strerror(errno));
	return 0;
}

int lease_index_open(struct lease_store *s, struct err *e)
{
	char path[PATH_MAX], name[HASH_TEXT], boot[BOOT_ID];

	if (boot_id(boot, e) < 0)
		return -1;
	// By boot, so that a /run which survived one is not believed.
	(void)snprintf(path, sizeof(path), INDEX_DIR "/%s-%s", store_name(s, name), boot);
	s->index = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->index < 0 && errno == ENOENT) {
		if (enter_boot(s, boot, e) < 0)
			return -1;
		if (dir_make(path, 0755) == 0)
			s->index = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (s->index < 0)
		return 0;
	s->complete = is_sealed(s);
	return s->complete ? 0 : rebuild(s, e);
}
