// SPDX-License-Identifier: Apache-2.0
/** The lease files themselves. */
#include "node/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "node/lease_private.h"

enum {
	DIR_MODE = 0755,
	LOCK_MODE = 0750,
	FILE_MODE = 0600,
	LEASE_TEXT = 512, ///< a container id and an interface name, with room to spare
};

static int open_dirs(struct lease_store *s, enum lease_open_mode mode, struct err *e)
{
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0 && errno == ENOENT && mode == LEASE_EXISTING)
		return 0;
	if (s->dir < 0 && errno == ENOENT) {
		if (dir_make(s->path, DIR_MODE) < 0)
			return err_os(e, ERR_IO, errno, "make directory %s", s->path);
		s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (s->dir < 0)
		return err_os(e, ERR_IO, errno, "open directory %s", s->path);
	if (file_lock(s->dir, "lock", LOCK_MODE, &s->lock, e) < 0)
		return err_wrap(e, "%s", s->path);
	return lease_index_open(s, e);
}

/** The store's directory, spelled in one way, for its name is made from it. */
static const char *path_of(struct arena *arena, const char *data_dir, const char *network)
{
	char *path = arena_printf(arena, "%s/%s", data_dir, network), *to = path;

	for (const char *from = path; path && *from; from++)
		if (from[0] != '/' || from[1] != '/')
			*to++ = *from;
	if (path)
		*to = '\0';
	return path;
}

int lease_open(struct lease_store **out, struct arena *arena, const char *data_dir,
	       const char *network, enum lease_open_mode mode, struct err *e)
{
	_cleanup_(lease_closep) struct lease_store *s = arena_calloc(arena, 1, sizeof(*s));

	if (!s)
		return err_set(e, ERR_TRY_AGAIN, "open leases: out of memory");
	*s = (struct lease_store){.arena = arena, .dir = -1, .lock = -1, .index = -1};
	s->path = path_of(arena, data_dir, network);
	if (!s->path)
		return err_set(e, ERR_TRY_AGAIN, "open leases: out of memory");
	if (open_dirs(s, mode, e) < 0)
		return -1;
	*out = s->dir < 0 ? NULL : TAKE_PTR(s);
	return 0;
}

void lease_closep(struct lease_store **store)
{
	struct lease_store *s = *store;

	if (!s)
		return;
	if (s->changed)
		lease_index_seal(s);
	fd_closep(&s->index);
	fd_closep(&s->dir);
	fd_closep(&s->lock); // last: it lets others in
	*store = NULL;
}

int lease_read(struct lease_store *s, const char *name, struct lease_owner *owner)
{
	char text[LEASE_TEXT], *end;
	ssize_t n = file_read(s->dir, name, text, sizeof(text));

	*owner = (struct lease_owner){"", ""};
	if (n < 0)
		return errno == ENOENT || errno == EISDIR ? 0 : -1;
	end = text + strcspn(text, "\r\n");
	owner->container = arena_strndup(s->arena, text, (size_t)(end - text));
	end += strspn(end, "\r\n \t");
	owner->ifname = arena_strndup(s->arena, end, strcspn(end, "\r\n \t"));
	if (owner->container && owner->ifname)
		return owner->container[0] != '\0';
	errno = ENOMEM;
	return -1;
}

int lease_reserve(struct lease_store *s, const struct ipaddr *ip, const struct lease_owner *owner,
		  struct err *e)
{
	struct lease_owner holder;
	char name[IP_TEXT], text[LEASE_TEXT];

	(void)snprintf(text, sizeof(text), "%s\r\n%s", owner->container, owner->ifname);
	ip_format(ip, name);
	for (int tries = 0; tries < 2; tries++) {
		s->changed = true;
		if (file_create(s->dir, name, text, FILE_MODE) == 0) {
			lease_index_add(s, owner, ip);
			return 1;
		}
		if (errno != EEXIST)
			return err_os(e, ERR_IO, errno, "reserve %s in %s", name, s->path);
		if (lease_read(s, name, &holder) != 0)
			return 0; // taken; or it cannot be read, which is no reason to take it away
		// Under the lock nobody is in the middle of writing it: a lease lost to a power
		// cut.
		if (unlinkat(s->dir, name, 0) < 0)
			return 0;
	}
	return 0;
}

static bool is_same(const struct lease_owner *a, const struct lease_owner *b)
{
	return !strcmp(a->container, b->container) && !strcmp(a->ifname, b->ifname);
}

/** Whether the lease @name belongs to @owner: 1, 0, or -1 when that cannot be read. */
static int is_owners(struct lease_store *s, const char *name, const struct lease_owner *owner)
{
	struct lease_owner holder;
	int rc = lease_read(s, name, &holder);

	return rc <= 0 ? rc : is_same(&holder, owner);
}

/** What lease_each() collects for lease_find() when there is no index to ask. */
struct search {
	struct lease_store *store;
	const struct lease_owner *owner;
	struct ipaddr *ips;
	size_t n;
};

static int collect(struct search *x, const struct ipaddr *ip, struct err *e)
{
	x->ips = arena_grow(x->store->arena, x->ips, x->n, sizeof(*x->ips));
	if (!x->ips)
		return err_set(e, ERR_TRY_AGAIN, "find leases: out of memory");
	x->ips[x->n++] = *ip;
	return 0;
}

static int collect_if_owners(const struct lease *lease, void *ctx, struct err *e)
{
	struct search *x = ctx;

	return is_same(&lease->owner, x->owner) ? collect(x, &lease->ip, e) : 0;
}

/** Take from @list, which may be stale or of a namesake by hash, what really is @x->owner's. */
static int collect_list(struct search *x, char *list, struct err *e)
{
	char *rest, *name = list ? strtok_r(list, ",", &rest) : NULL;

	for (; name; name = strtok_r(NULL, ",", &rest)) {
		struct ipaddr ip;
		int rc = ip_parse(&ip, name) ? 0 : is_owners(x->store, name, x->owner);

		if (rc < 0)
			return err_os(e, ERR_IO, errno, "read %s/%s", x->store->path, name);
		if (rc > 0 && collect(x, &ip, e) < 0)
			return -1;
	}
	return 0;
}

static int search_for(struct search *x, const struct lease_owner *owner, struct err *e)
{
	struct lease_store *s = x->store;

	x->owner = owner;
	if (s->complete && collect_list(x, lease_index_find(s, owner), e) < 0)
		return -1;
	if (s->complete)
		return 0;
	x->n = 0;
	return lease_each(s, collect_if_owners, x, e);
}

/** The leases of @owner, or those of its container in old files; @x->owner is whose they are. */
static int search(struct search *x, const struct lease_owner *owner, const struct lease_owner *old,
		  struct err *e)
{
	if (search_for(x, owner, e) < 0)
		return -1;
	return x->n ? 0 : search_for(x, old, e);
}

int lease_find(struct lease_store *s, const struct lease_owner *owner, struct ipaddr **ips,
	       size_t *n, struct err *e)
{
	const struct lease_owner old = {owner->container, ""};
	struct search x = {.store = s};
	int rc = search(&x, owner, &old, e);

	*ips = x.ips;
	*n = x.n;
	return rc;
}

int lease_release(struct lease_store *s, const struct lease_owner *owner, struct err *e)
{
	const struct lease_owner old = {owner->container, ""};
	struct search x = {.store = s};

	if (search(&x, owner, &old, e) < 0)
		return -1;
	for (size_t i = 0; i < x.n; i++) {
		char name[IP_TEXT];

		s->changed = true;
		if (unlinkat(s->dir, ip_format(&x.ips[i], name), 0) < 0 && errno != ENOENT)
			return err_os(e, ERR_IO, errno, "release %s in %s", name, s->path);
	}
	lease_index_remove(s, owner);
	if (x.n)
		lease_index_remove(s, x.owner);
	return 0;
}

bool lease_is_taken(struct lease_store *s, const struct ipaddr *ip)
{
	char name[IP_TEXT];

	return faccessat(s->dir, ip_format(ip, name), F_OK, 0) == 0;
}

struct ipaddr lease_last(struct lease_store *s, size_t set)
{
	struct ipaddr ip = {};
	char name[64], text[IP_TEXT + 2];

	(void)snprintf(name, sizeof(name), "last_reserved_ip.%zu", set);
	if (file_read(s->dir, name, text, sizeof(text)) > 0) {
		text[strcspn(text, "\r\n")] = '\0';
		if (ip_parse(&ip, text))
			ip = (struct ipaddr){};
	}
	return ip;
}

int lease_set_last(struct lease_store *s, size_t set, const struct ipaddr *ip, struct err *e)
{
	_cleanup_(fd_closep) int fd = -1;
	char name[64], text[IP_TEXT];
	ssize_t len;

	// In place: torn by a power cut it only costs the round its place. Truncating after writing
	// is free when the length stays; before it, ext4 gives the block back and takes it anew.
	(void)snprintf(name, sizeof(name), "last_reserved_ip.%zu", set);
	len = (ssize_t)strlen(ip_format(ip, text));
	s->changed = true;
	fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, FILE_MODE);
	if (fd < 0 || write(fd, text, (size_t)len) != len ||
	    (lseek(fd, 0, SEEK_END) != len && ftruncate(fd, len) < 0))
		return err_os(e, ERR_IO, errno, "write %s/%s", s->path, name);
	return 0;
}

/** Seconds since the lease was made, which nobody writes to later; 0 if that cannot be told. */
static int64_t age_of(struct lease_store *s, const char *name)
{
	struct timespec now;
	struct stat st;

	if (fstatat(s->dir, name, &st, 0) < 0 || clock_gettime(CLOCK_REALTIME, &now) < 0)
		return 0;
	return now.tv_sec - st.st_mtim.tv_sec;
}

int lease_each(struct lease_store *s, lease_fn *fn, void *ctx, struct err *e)
{
	const char **names;
	size_t n;

	if (dir_list(s->arena, s->dir, &names, &n) < 0)
		return err_os(e, ERR_IO, errno, "list %s", s->path);
	for (size_t i = 0; i < n; i++) {
		struct lease lease = {};
		int verdict;

		if (ip_parse(&lease.ip, names[i]))
			continue;
		if (lease_read(s, names[i], &lease.owner) < 0)
			return err_os(e, ERR_IO, errno, "read %s/%s", s->path, names[i]);
		lease.age = age_of(s, names[i]);
		verdict = fn(&lease, ctx, e);
		if (verdict < 0)
			return -1;
		if (verdict == 0)
			continue;
		s->changed = true;
		if (unlinkat(s->dir, names[i], 0) < 0 && errno != ENOENT && errno != EISDIR)
			return err_os(e, ERR_IO, errno, "release %s in %s", names[i], s->path);
		s->complete = false; // the owner may have other addresses: let the next look again
	}
	return 0;
}

struct lease_set {
	const char **names;
	size_t n;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int lease_list(struct lease_store *s, struct lease_set **out, struct err *e)
{
	struct lease_set *set = arena_calloc(s->arena, 1, sizeof(*set));

	if (!set || dir_list(s->arena, s->dir, &set->names, &set->n) < 0)
		return err_os(e, ERR_IO, set ? errno : ENOMEM, "list %s", s->path);
	if (set->n)
		qsort((void *)set->names, set->n, sizeof(*set->names), by_text);
	*out = set;
	return 0;
}

bool lease_set_has(const struct lease_set *set, const struct ipaddr *ip)
{
	char text[IP_TEXT];
	const char *key = ip_format(ip, text);

	return set->n &&
	       bsearch(&key, (const void *)set->names, set->n, sizeof(*set->names), by_text);
}
