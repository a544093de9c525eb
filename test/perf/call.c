// SPDX-License-Identifier: Apache-2.0
// Starts a plugin with its environment, input and output, and measures it.
#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"

enum {
	ARGS_MAX = 8,
	VAR_SIZE = 512,
	REPORT_FD = 3, // agreed with launch.c
};

void die(const char *fmt, ...)
{
	va_list args;

	(void)fputs("perf_bench: ", stderr);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fputc('\n', stderr);
	exit(2);
}

double clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int memory_file(const char *text)
{
	int fd = memfd_create("perf", MFD_CLOEXEC);
	size_t len = strlen(text);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)
		die("cannot make a memory file: %s", strerror(errno));
	return fd;
}

/** What a runtime sets; CNI_ARGS is what containerd passes for a Kubernetes pod. */
struct environment {
	char text[7][VAR_SIZE];
	char *var[8];
};

static void set_environment(struct environment *env, const struct call *call)
{
	int n = 0;

	(void)snprintf(env->text[n++], VAR_SIZE, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	(void)snprintf(env->text[n++], VAR_SIZE, "CNI_COMMAND=%s", call->verb);
	(void)snprintf(env->text[n++], VAR_SIZE, "CNI_CONTAINERID=%s", call->container);
	(void)snprintf(env->text[n++], VAR_SIZE, "CNI_NETNS=%s", call->netns);
	(void)snprintf(env->text[n++], VAR_SIZE, "CNI_IFNAME=%s", call->ifname);
	(void)snprintf(env->text[n++], VAR_SIZE, "CNI_PATH=%s", call->plugins);
	(void)snprintf(env->text[n++], VAR_SIZE,
		       "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=pod;"
		       "K8S_POD_INFRA_CONTAINER_ID=%s",
		       call->container);
	for (int i = 0; i < n; i++)
		env->var[i] = env->text[i];
	env->var[n] = NULL;
}

static void set_arguments(const char *argv[ARGS_MAX + 3], const struct call *call)
{
	int n = 0;

	if (call->launcher)
		argv[n++] = call->launcher;
	argv[n++] = call->program;
	for (int i = 0; call->args && call->args[i] && i < ARGS_MAX; i++)
		argv[n++] = call->args[i];
	argv[n] = NULL;
}

struct flight call_start(const struct call *call)
{
	struct flight flight = {.output = memory_file(""), .report = -1};
	_cleanup_(fd_closep) int input = memory_file(call->input);
	posix_spawn_file_actions_t files;
	const char *argv[ARGS_MAX + 3];
	struct environment env;
	int os;

	set_environment(&env, call);
	set_arguments(argv, call);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, flight.output, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (call->launcher) {
		flight.report = memory_file("");
		posix_spawn_file_actions_adddup2(&files, flight.report, REPORT_FD);
	}
	flight.started = clock_ms();
	os = posix_spawn(&flight.pid, argv[0], &files, NULL, (char *const *)(void *)argv, env.var);
	posix_spawn_file_actions_destroy(&files);
	if (os != 0)
		die("cannot start %s: %s", argv[0], strerror(os));
	return flight;
}

/** Everything written to @fd, and close it. */
static char *take_text(int *fd)
{
	off_t len = lseek(*fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)len + 1);

	if (!text || pread(*fd, text, (size_t)len, 0) != len)
		die("cannot read a plugin's output");
	fd_closep(fd);
	return text;
}

static double milliseconds(const struct timeval *tv)
{
	return (double)tv->tv_sec * 1e3 + (double)tv->tv_usec / 1e3;
}

struct outcome call_finish(struct flight *flight)
{
	struct outcome outcome = {};
	struct rusage usage;
	int status;

	while (wait4(flight->pid, &status, 0, &usage) < 0)
		if (errno != EINTR)
			die("cannot wait for a plugin: %s", strerror(errno));
	outcome.wall_ms = clock_ms() - flight->started;
	outcome.cpu_ms = milliseconds(&usage.ru_utime) + milliseconds(&usage.ru_stime);
	outcome.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	outcome.output = take_text(&flight->output);
	if (flight->report >= 0) {
		_cleanup_(freep) char *report = take_text(&flight->report);

		outcome.rss_kb = strtol(report, NULL, 10);
	}
	return outcome;
}

void outcome_done(struct outcome *outcome)
{
	freep(&outcome->output);
}
