// SPDX-License-Identifier: Apache-2.0
/** The administrator's list of settings that configurations may change. */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "tuning.h"

#define ALLOWLIST "/etc/cni/tuning/allowlist.conf"

enum { ALLOWLIST_MAX = 1 << 20, EXPRESSIONS_MAX = 4096 };

/** Regular expressions, one a line. */
struct allowlist {
	regex_t *expressions;
	size_t n;
};

static void allowlist_done(struct allowlist *list)
{
	for (size_t i = 0; i < list->n; i++)
		regfree(&list->expressions[i]);
}

static int add_line(struct allowlist *list, struct arena *arena, const char *line, int number,
		    struct err *e)
{
	char why[128];
	int rc;

	list->expressions =
		arena_grow(arena, list->expressions, list->n, sizeof(*list->expressions));
	if (!list->expressions)
		return err_set(e, ERR_TRY_AGAIN, ALLOWLIST ": out of memory");
	rc = regcomp(&list->expressions[list->n], line, REG_EXTENDED | REG_NOSUB);
	if (rc != 0) {
		(void)regerror(rc, &list->expressions[list->n], why, sizeof(why));
		return err_set(e, ERR_CONFIG, ALLOWLIST ":%d: \"%.64s\": %s", number, line, why);
	}
	list->n++;
	return 0;
}

/** Cut @line to what stands between blanks. */
static char *trim(char *line)
{
	static const char blank[] = " \t\r\v\f";
	char *end;

	line += strspn(line, blank);
	end = line + strlen(line);
	while (end > line && strchr(blank, end[-1]))
		*--end = '\0';
	return line;
}

static int read_lines(struct allowlist *list, struct arena *arena, char *text, struct err *e)
{
	int number = 1;

	for (char *line = text, *end; line; line = end, number++) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		line = trim(line);
		if (*line && add_line(list, arena, line, number, e) < 0)
			return -1;
	}
	return 0;
}

static bool allows(const struct allowlist *list, const char *key)
{
	for (size_t i = 0; i < list->n; i++)
		if (regexec(&list->expressions[i], key, 0, NULL, 0) == 0)
			return true;
	return false;
}

int tuning_check_allowed(const struct tuning_job *job, struct err *e)
{
	_cleanup_(allowlist_done) struct allowlist list = {};
	_cleanup_(fd_closep) int fd = -1;
	char *text;

	if (!job->n_sysctls)
		return 0;
	fd = open(ALLOWLIST, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_os(e, ERR_IO, errno, "open " ALLOWLIST);
	text = file_read_all(job->call->arena, fd, ALLOWLIST_MAX, ALLOWLIST, e);
	if (!text || read_lines(&list, job->call->arena, text, e) < 0)
		return -1;
	for (size_t i = 0; i < job->n_sysctls; i++)
		if (!allows(&list, job->sysctls[i].key)) {
			(void)err_set(e, ERR_CONFIG, "%s.%s: not allowed on this node",
				      job->sysctls[i].at, job->sysctls[i].key);
			return err_hint(e, "no expression in " ALLOWLIST " matches it");
		}
	return 0;
}
