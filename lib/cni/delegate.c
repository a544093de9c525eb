// SPDX-License-Identifier: Apache-2.0
#include "cni/delegate.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"

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

/** What we ignore, a program that we start would ignore too; the plugin gets signals as usual. */
static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGPIPE);
	(void)posix_spawnattr_setsigdefault(attr, &set);
	return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF);
}

static int spawn(char *path, char *const env[], int in, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	char *const argv[] = {path, NULL};
	posix_spawnattr_t attr;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc) {
		posix_spawn_file_actions_destroy(&actions);
		return rc;
	}
	rc = set_signals(&attr);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn(pid, path, &actions, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/** Start it, let it write into @out, wait. @status as of waitpid(). */
static int run(char *path, char *const env[], int in, int out, int *status, struct err *e)
{
	int rc, tries = 0;
	pid_t pid;

	// Whoever writes the file in place makes it busy for a moment.
	while ((rc = spawn(path, env, in, out, &pid)) == ETXTBSY && tries++ < 20)
		usleep(50000);
	if (rc)
		return err_os(e, ERR_DELEGATE, rc, "run %s", path);
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return err_os(e, ERR_DELEGATE, errno, "wait for %s", path);
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
	if (find(call, type, path, e) < 0 || open_input(call, &in, e) < 0 ||
	    run(path, env, in, answer_fd, &status, e) < 0)
		return -1;
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
