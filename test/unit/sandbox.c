// SPDX-License-Identifier: Apache-2.0
#include "sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "test.h"

int sandbox(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0 ||
	    mount("tmpfs", "/var/lib", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0) {
		perror("make a sandbox (this test needs root)");
		return -1;
	}
	return sh_status("ip link set lo up");
}

int among_own_processes(int (*tests)(void))
{
	int status = 0;
	pid_t pid;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		perror("make a process namespace (this test needs root)");
		return EXIT_FAILURE;
	}
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
		    mount("proc", "/proc", "proc", 0, NULL) < 0) {
			perror("mount /proc");
			return EXIT_FAILURE;
		}
		return tests();
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("run the tests");
		return EXIT_FAILURE;
	}
	// Not exit(): the leak sanitizer wants a helper, and the namespace is closed to new ones.
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

int where_hidden(const char *hidden, int (*fn)(void *arg), void *arg)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWNS) < 0 ||
				      mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
				      mount("tmpfs", hidden, "tmpfs", 0, NULL) < 0
			      ? 255
			      : fn(arg));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 255;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static const char *_printf_(1, 0) format(const char *fmt, va_list ap)
{
	static char command[4096];

	assert_true(vsnprintf(command, sizeof(command), fmt, ap) < (int)sizeof(command));
	return command;
}

/** Run @command and keep what it prints in @out. Returns its exit status, -1 if a signal ended it.
 */
static int run(const char *command, char *out, size_t size)
{
	FILE *pipe = popen(command, "re");
	size_t n;
	int status;

	assert_non_null(pipe);
	n = fread(out, 1, size - 1, pipe);
	out[n] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char output[256 << 10];

int sh_status(const char *fmt, ...)
{
	va_list ap;
	const char *command;

	va_start(ap, fmt);
	command = format(fmt, ap);
	va_end(ap);
	return run(command, output, sizeof(output));
}

/** Run it, and keep what it prints in output; its failure fails the test. */
static void _printf_(1, 0) must(const char *fmt, va_list ap)
{
	const char *command = format(fmt, ap);
	int status = run(command, output, sizeof(output));

	if (status)
		fail_msg("%s: exit status %d: %s", command, status, output);
}

void sh(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	must(fmt, ap);
	va_end(ap);
}

const char *sh_output(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	must(fmt, ap);
	va_end(ap);
	return output;
}

void file_put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		fail_msg("cannot write %s", path);
}

const char *file_text(const char *path)
{
	static char text[64 << 10];
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		fail_msg("cannot read %s", path);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	return text;
}

int file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

int pod(const char *name)
{
	char path[128];
	int fd;

	sh("ip netns add %s", name);
	(void)snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}
