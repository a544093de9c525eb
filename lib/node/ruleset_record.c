// SPDX-License-Identifier: Apache-2.0
#include "node/ruleset_record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define STATE_DIR "/run/edgeway"

enum { RECORD_MAX = 1 << 20 };

/** The directory of a kind's records, or one of them; @buf of PATH_MAX bytes. */
static const char *path_of(const char *kind, enum record_state state, const char *id, char *buf)
{
	(void)snprintf(buf, PATH_MAX, STATE_DIR "/%s%s%s%s", kind,
		       state == RECORD_LIVE ? "" : ".gone", id ? "/" : "", id ? id : "");
	return buf;
}

/** @buf of PATH_MAX bytes. */
static const char *lock_of(const char *kind, char *buf)
{
	(void)snprintf(buf, PATH_MAX, STATE_DIR "/%s.lock", kind);
	return buf;
}

/**
 * Make what a removal needs, then the place for records: where there is one, removing it takes
 * neither space nor an inode.
 */
static int make_dirs(const char *kind)
{
	_cleanup_(fd_closep) int lock = -1;
	char path[PATH_MAX];

	if (dir_make(path_of(kind, RECORD_GONE, NULL, path), 0755) < 0)
		return -1;
	lock = open(lock_of(kind, path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return lock < 0 ? -1 : dir_make(path_of(kind, RECORD_LIVE, NULL, path), 0755);
}

/** What goes into the file; NULL when memory is short. */
static const char *compose(const struct attachment *a, const char *const lines[], size_t n,
			   struct arena *arena)
{
	size_t size = ATTACHMENT_TAG + 1;
	char *text, *end;

	for (size_t i = 0; i < n; i++)
		size += strlen(lines[i]) + 1;
	text = arena_calloc(arena, 1, size);
	if (!text)
		return NULL;
	end = text + strlen(attachment_tag(a, text));
	for (size_t i = 0; i < n; i++) {
		*end++ = '\n';
		end = stpcpy(end, lines[i]);
	}
	*end = '\n';
	return text;
}

int ruleset_record_write(const char *kind, const struct attachment *a, const char *const lines[],
			 size_t n, struct arena *arena, struct err *e)
{
	const char *text = compose(a, lines, n, arena);
	char id[ATTACHMENT_ID], path[PATH_MAX];
	int rc;

	if (!text)
		return err_set(e, ERR_TRY_AGAIN, "record %s: out of memory", kind);
	if (strlen(text) > RECORD_MAX) // nobody could read it, or clean up after anybody beside it
		return err_set(e, ERR_CONFIG, "too many: a record has %d bytes at most",
			       RECORD_MAX);
	path_of(kind, RECORD_LIVE, attachment_id(a, id), path);
	rc = file_create(AT_FDCWD, path, text, 0600);
	if (rc < 0 && errno == ENOENT && make_dirs(kind) == 0)
		rc = file_create(AT_FDCWD, path, text, 0600);
	if (rc < 0 && errno == EEXIST) // of an ADD that never finished
		rc = file_replace(AT_FDCWD, path, text, 0600);
	return rc < 0 ? err_os(e, ERR_IO, errno, "write %s", path) : 0;
}

/** Take @text apart; false when memory is short. */
static bool parse(struct ruleset_record *r, char *text, struct arena *arena)
{
	char *rest, *line = strtok_r(text, "\n", &rest);

	r->tag = line ? line : "";
	while ((line = strtok_r(NULL, "\n", &rest))) {
		r->lines = arena_grow(arena, (void *)r->lines, r->n, sizeof(*r->lines));
		if (!r->lines)
			return false;
		r->lines[r->n++] = line;
	}
	return true;
}

/** An open record and what it says. */
struct opened {
	int fd;
	char *text;
	struct timespec written;
};

static void opened_done(struct opened *o)
{
	fd_closep(&o->fd);
}

/** Returns 1, 0 if there is none, -1 on failure. What is no file is no record. */
static int open_record(const char *path, int flags, struct opened *out, struct arena *arena,
		       struct err *e)
{
	struct stat st;

	out->fd = open(path, flags | O_NONBLOCK | O_CLOEXEC); // a FIFO would wait for a writer
	if (out->fd < 0 && (errno == ENOENT || errno == EISDIR || errno == ENXIO))
		return 0;
	if (out->fd < 0 || fstat(out->fd, &st) < 0)
		return err_os(e, ERR_IO, errno, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return 0;
	out->written = st.st_mtim;
	out->text = file_read_all(arena, out->fd, RECORD_MAX, path, e);
	return out->text ? 1 : -1;
}

int ruleset_record_read(const char *kind, enum record_state state, const char *id,
			struct ruleset_record *out, struct arena *arena, struct err *e)
{
	_cleanup_(opened_done) struct opened o = {.fd = -1};
	char path[PATH_MAX];
	int rc = open_record(path_of(kind, state, id, path), O_RDONLY, &o, arena, e);

	if (rc <= 0)
		return rc;
	*out = (struct ruleset_record){.id = arena_strdup(arena, id), .written = o.written};
	if (!out->id || !parse(out, o.text, arena))
		return err_set(e, ERR_TRY_AGAIN, "read %s: out of memory", path);
	return 1;
}

int ruleset_record_retire(const char *kind, const char *id, struct err *e)
{
	char from[PATH_MAX], to[PATH_MAX];

	path_of(kind, RECORD_LIVE, id, from);
	path_of(kind, RECORD_GONE, id, to);
	if (rename(from, to) == 0)
		return 1;
	if (errno != ENOENT)
		return err_os(e, ERR_IO, errno, "move %s", from);
	if (access(from, F_OK) < 0)
		return 0;
	if (make_dirs(kind) == 0 && rename(from, to) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_os(e, ERR_IO, errno, "move %s", from);
}

bool ruleset_record_is_gone(const char *kind, const char *id)
{
	char path[PATH_MAX];

	return access(path_of(kind, RECORD_GONE, id, path), F_OK) == 0;
}

int ruleset_record_forget(const char *kind, enum record_state state, const char *id, struct err *e)
{
	char path[PATH_MAX];

	if (unlink(path_of(kind, state, id, path)) < 0 && errno != ENOENT)
		return err_os(e, ERR_IO, errno, "delete %s", path);
	return 0;
}

int ruleset_record_blank(const char *kind, const char *id, const char *line, struct arena *arena,
			 struct err *e)
{
	_cleanup_(opened_done) struct opened o = {.fd = -1};
	char path[PATH_MAX], *at;
	size_t len = strlen(line);
	int rc = open_record(path_of(kind, RECORD_LIVE, id, path), O_RDWR, &o, arena, e);

	if (rc <= 0)
		return rc;
	at = strchr(o.text, '\n'); // behind the tag
	while (at && (strncmp(at + 1, line, len) != 0 || at[1 + len] != '\n'))
		at = strchr(at + 1, '\n');
	if (!at)
		return 0;
	memset(at + 1, '\n', len);
	// In place, so that a record that is moved meanwhile does not come back.
	if (pwrite(o.fd, at + 1, len, at + 1 - o.text) != (ssize_t)len)
		return err_os(e, ERR_IO, errno, "write %s", path);
	return 0;
}

int ruleset_records_each(const char *kind, enum record_state state, ruleset_record_fn *fn,
			 void *ctx, struct arena *arena, struct err *e)
{
	_cleanup_(fd_closep) int dir = -1;
	char where[PATH_MAX];
	const char **names;
	size_t n_names = 0;
	int rc = 0;

	dir = open(path_of(kind, state, NULL, where), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0 || dir_list(arena, dir, &names, &n_names) < 0)
		return err_os(e, ERR_IO, errno, "list %s", where);
	for (size_t i = 0; rc == 0 && i < n_names; i++) {
		struct ruleset_record record;

		rc = ruleset_record_read(kind, state, names[i], &record, arena, e);
		if (rc > 0)
			rc = fn(&record, ctx, e);
	}
	return rc < 0 ? -1 : 0;
}

struct list {
	struct ruleset_record *records;
	size_t n;
	struct arena *arena;
};

static int keep(const struct ruleset_record *record, void *ctx, struct err *e)
{
	struct list *list = ctx;

	list->records = arena_grow(list->arena, list->records, list->n, sizeof(*list->records));
	if (!list->records)
		return err_set(e, ERR_TRY_AGAIN, "read records: out of memory");
	list->records[list->n++] = *record;
	return 0;
}

int ruleset_records_read(const char *kind, enum record_state state, struct ruleset_record **out,
			 size_t *n, struct arena *arena, struct err *e)
{
	struct list list = {.arena = arena};

	*n = 0;
	if (ruleset_records_each(kind, state, keep, &list, arena, e) < 0)
		return -1;
	*out = list.records;
	*n = list.n;
	return 0;
}

int ruleset_lock(const char *kind, int *fd, struct err *e)
{
	char path[PATH_MAX];

	if (access(lock_of(kind, path), F_OK) < 0 && make_dirs(kind) < 0)
		return err_os(e, ERR_IO, errno, "make " STATE_DIR "/%s", kind);
	return file_lock(AT_FDCWD, path, 0600, fd, e);
}
