// SPDX-License-Identifier: Apache-2.0
#include "cni/delegate.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/spawn.h"

enum { ANSWER_MAX = 1 << 20 };

/** The first entry of CNI_PATH that holds a regular file of this name. */
static int find(const struct cni_call *call, const char *type, char *path, struct err *e)
{
	const char *dir = call->path;
	struct stat st;

	if (!*type || strchr(type, '/'))
		return err_set(e, ERR_CONFIG, "\"%.64s\": a plugin type is a file name", type);
	while (dir && *dir) {
		size_t n = strcspn(dir, ":");

		if (n && snprintf(path, PATH_MAX, "%.*s/%s", (int)n, dir, type) < PATH_MAX &&
		    stat(path, &st) == 0 && S_ISREG(st.st_mode))
			return 0;
		dir += n + (dir[n] == ':');
	}
	return err_set(e, ERR_DELEGATE, "failed to find plugin \"%s\" in path [%.256s]", type,
		       call->path);
}

int delegate_check(const struct cni_call *call, const char *type, struct err *e)
{
	char path[PATH_MAX];

	return find(call, type, path, e);
}

/** Our environment with another CNI_COMMAND; NULL when memory is short. */
static char **environment(struct arena *arena, enum cni_verb verb)
{
	size_t n = 0, kept = 0;
	char **env;

	while (environ[n])
		n++;
	env = arena_calloc(arena, n + 2, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "CNI_COMMAND=", strlen("CNI_COMMAND=")) != 0)
			env[kept++] = environ[i];
	env[kept] = arena_printf(arena, "CNI_COMMAND=%s", cni_verb_text(verb));
	return env[kept] ? env : NULL;
}

/** A file in memory with the configuration, to be read from its start. */
static int open_input(const struct cni_call *call, int *fd, struct err *e)
{
	_cleanup_(fd_closep) int mem = memfd_create("cni-config", MFD_CLOEXEC);
	size_t len = strlen(call->input);

	if (mem < 0 || write(mem, call->input, len) != (ssize_t)len || lseek(mem, 0, SEEK_SET) < 0)
		return err_os(e, ERR_IO, errno, "pass the configuration on");
	*fd = TAKE_FD(mem);
	return 0;
}

/** Turn what a failed plugin printed into @e. */
static int its_error(const char *type, int status, json_t *answer, struct err *e)
{
	const char *msg = json_string_value(json_object_get(answer, "msg"));
	const char *details = json_string_value(json_object_get(answer, "details"));
	json_int_t code = json_integer_value(json_object_get(answer, "code"));

	if (!msg && WIFSIGNALED(status))
		return err_set(e, ERR_DELEGATE, "%s: killed by signal %d", type, WTERMSIG(status));
	if (!msg)
		return err_set(e, ERR_DELEGATE, "%s: failed with status %d and no message", type,
			       WEXITSTATUS(status));
	(void)err_set(e, code > 0 && code <= INT_MAX ? (int)code : ERR_DELEGATE, "%s: %s", type,
		      msg);
	if (details)
		(void)err_hint(e, "%s", details);
	return -1;
}

int delegate_run(const struct cni_call *call, const char *type, enum cni_verb verb,
		 struct cni_result *out, struct err *e)
{
	_cleanup_(fd_closep) int in = -1;
	char **env = environment(call->arena, verb);
	_cleanup_(fd_closep) int answer_fd = memfd_create("cni-answer", MFD_CLOEXEC);
	json_auto_t *answer = NULL;
	char path[PATH_MAX];
	const char *text;
	int status = 0;

	if (answer_fd < 0)
		return err_os(e, ERR_IO, errno, "%s: prepare for its answer", type);
	if (!env)
		return err_os(e, ERR_TRY_AGAIN, ENOMEM, "%s: prepare to run it", type);
	if (find(call, type, path, e) < 0 || open_input(call, &in, e) < 0)
		return -1;
	if (spawn_wait(&(struct spawn){path, (const char *[]){path, NULL}, env, in, answer_fd, -1},
		       &status) < 0)
		return err_os(e, ERR_DELEGATE, errno, "run %s", path);
	if (lseek(answer_fd, 0, SEEK_SET) < 0)
		return err_os(e, ERR_IO, errno, "%s: read its answer", type);
	text = file_read_all(call->arena, answer_fd, ANSWER_MAX, "its answer", e);
	if (!text)
		return err_wrap(e, "%s", type);
	answer = json_loads(text, 0, NULL);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return its_error(type, status, answer, e);
	if (verb != CNI_ADD)
		return 0;
	if (!answer)
		return err_set(e, ERR_DELEGATE, "%s: its result is not JSON: %.128s", type, text);
	if (cni_call_keep(call, json_incref(answer), e) < 0 ||
	    cni_result_read(out, answer, "result", call->version, call->arena, e) < 0)
		return err_wrap(e, "%s", type);
	return 0;
}
