// SPDX-License-Identifier: Apache-2.0
#include "node/masq_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

#define LIVE_DIR  "/run/edgeway/masq"
#define GONE_DIR  "/run/edgeway/masq.gone"
#define LOCK_FILE "/run/edgeway/masq.lock"

enum { RECORD_MAX = 1 << 20 };

static const char *path_of(enum masq_records which, const char *id, char *buf)
{
	(void)snprintf(buf, PATH_MAX, "%s/%s", which == MASQ_LIVE ? LIVE_DIR : GONE_DIR, id);
	return buf;
}

/** What goes into the file; NULL when memory is short. */
static const char *compose(const struct attachment *a, const struct prefix addresses[], size_t n,
			   struct arena *arena)
{
	char *text = arena_calloc(arena, 1, ATTACHMENT_TAG + 1 + n * (PREFIX_TEXT + 1));
	char *end;

	if (!text)
		return NULL;
	end = text + strlen(attachment_tag(a, text));
	*end++ = '\n';
	for (size_t i = 0; i < n; i++) {
		end += strlen(prefix_format(&addresses[i], end));
		*end++ = '\n';
	}
	return text;
}

int masq_record_write(const struct attachment *a, const struct prefix addresses[], size_t n,
		      struct arena *arena, struct err *e)
{
	const char *text = compose(a, addresses, n, arena);
	char id[ATTACHMENT_ID], path[PATH_MAX];
	int rc;

	if (!text)
		return err_set(e, ERR_TRY_AGAIN, "record masquerading: out of memory");
	path_of(MASQ_LIVE, attachment_id(a, id), path);
	rc = file_create(AT_FDCWD, path, text, 0600);
	if (rc < 0 && errno == ENOENT && dir_make(LIVE_DIR, 0755) == 0)
		rc = file_create(AT_FDCWD, path, text, 0600);
	if (rc < 0 && errno == EEXIST) // of an ADD that never finished
		rc = file_replace(AT_FDCWD, path, text, 0600);
	return rc < 0 ? err_os(e, ERR_IO, errno, "write %s", path) : 0;
}

/** Take @text apart; false when memory is short. */
static bool parse(struct masq_record *r, char *text, struct arena *arena)
{
	char *rest, *line = strtok_r(text, "\n", &rest);

	r->tag = line ? line : "";
	while ((line = strtok_r(NULL, "\n", &rest))) {
		struct prefix p;

		if (prefix_parse(&p, line))
			continue;
		r->addresses = arena_grow(arena, r->addresses, r->n, sizeof(*r->addresses));
		if (!r->addresses)
			return false;
		r->addresses[r->n++] = p;
	}
	return true;
}

/** Returns 1, 0 if there is none, -1 on failure. */
static int read_record(enum masq_records which, const char *id, struct masq_record *out,
		       struct arena *arena, struct err *e)
{
	_cleanup_(fd_closep) int fd = -1;
	char path[PATH_MAX], *text;

	fd = open(path_of(which, id, path), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_os(e, ERR_IO, errno, "open %s", path);
	text = file_read_all(arena, fd, RECORD_MAX, path, e);
	if (!text)
		return -1;
	*out = (struct masq_record){.id = arena_strdup(arena, id)};
	if (!out->id || !parse(out, text, arena))
		return err_set(e, ERR_TRY_AGAIN, "read %s: out of memory", path);
	return 1;
}

int masq_record_retire(const char *id, struct err *e)
{
	char from[PATH_MAX], to[PATH_MAX];
	int rc;

	path_of(MASQ_LIVE, id, from);
	path_of(MASQ_GONE, id, to);
	rc = rename(from, to);
	if (rc < 0 && errno == ENOENT && access(from, F_OK) == 0 && dir_make(GONE_DIR, 0755) == 0)
		rc = rename(from, to);
	if (rc < 0 && errno != ENOENT)
		return err_os(e, ERR_IO, errno, "move %s", from);
	return rc == 0;
}

bool masq_record_is_gone(const char *id)
{
	char path[PATH_MAX];

	return access(path_of(MASQ_GONE, id, path), F_OK) == 0;
}

int masq_record_forget(const char *id, struct err *e)
{
	char path[PATH_MAX];

	if (unlink(path_of(MASQ_GONE, id, path)) < 0 && errno != ENOENT)
		return err_os(e, ERR_IO, errno, "delete %s", path);
	return 0;
}

int masq_records_read(enum masq_records which, struct masq_record **out, size_t *n,
		      struct arena *arena, struct err *e)
{
	const char *where = which == MASQ_LIVE ? LIVE_DIR : GONE_DIR;
	_cleanup_(fd_closep) int dir = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct masq_record *list;
	const char **names;
	size_t n_names = 0;

	*n = 0;
	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0 || dir_list(arena, dir, &names, &n_names) < 0)
		return err_os(e, ERR_IO, errno, "list %s", where);
	list = arena_calloc(arena, n_names + 1, sizeof(*list));
	if (!list)
		return err_set(e, ERR_TRY_AGAIN, "list %s: out of memory", where);
	for (size_t i = 0; i < n_names; i++) {
		int rc = read_record(which, names[i], &list[*n], arena, e);

		if (rc < 0)
			return -1;
		*n += (size_t)rc;
	}
	*out = list;
	return 0;
}

int masq_lock(int *fd, struct err *e)
{
	if (dir_make(LIVE_DIR, 0755) < 0)
		return err_os(e, ERR_IO, errno, "make %s", LIVE_DIR);
	return file_lock(AT_FDCWD, LOCK_FILE, 0600, fd, e);
}
