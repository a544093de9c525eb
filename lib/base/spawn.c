// SPDX-License-Identifier: Apache-2.0
#include "base/spawn.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

/** What we ignore, a program that we start would ignore too; it gets signals as usual. */
static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGPIPE);
	(void)posix_spawnattr_setsigdefault(attr, &set);
	return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF);
}

static int set_streams(posix_spawn_file_actions_t *actions, const struct spawn *s)
{
	const int streams[] = {
		[STDIN_FILENO] = s->in, [STDOUT_FILENO] = s->out, [STDERR_FILENO] = s->err};
	int rc = 0;

	for (int i = 0; rc == 0 && i < (int)ARRAY_SIZE(streams); i++)
		if (streams[i] >= 0)
			rc = posix_spawn_file_actions_adddup2(actions, streams[i], i);
	return rc;
}

/** Returns 0 or an errno. */
static int start(const struct spawn *s, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
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
		rc = set_streams(&actions, s);
	if (rc == 0)
		rc = posix_spawn(pid, s->path, &actions, &attr, (char *const *)(uintptr_t)s->argv,
				 s->env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

int spawn_wait(const struct spawn *s, int *status)
{
	int rc, tries = 0;
	pid_t pid;

	// Whoever writes the file in place makes it busy for a moment.
	while ((rc = start(s, &pid)) == ETXTBSY && tries++ < 20)
		usleep(50000);
	if (rc) {
		errno = rc;
		return -1;
	}
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return 0;
}
