// SPDX-License-Identifier: Apache-2.0
/**
 * perf_launch PROGRAM [ARG...] - run a program and write its peak memory in kB to descriptor 3.
 *
 * Across vfork and exec a process inherits the peak of whoever started it, so a plugin started by
 * the benchmark would seem as large as the benchmark. This program is static and does nothing else,
 * and is therefore smaller than what it measures. The figure is that of the largest single process
 * among the program and the children it waited for.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPORT_FD = 3, CANNOT_EXEC = 127 };

int main(int argc, char **argv)
{
	char text[32];
	struct rusage usage;
	int len, status;
	pid_t pid;

	if (argc < 2)
		return CANNOT_EXEC;
	(void)fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC); // not for the program
	if (posix_spawn(&pid, argv[1], NULL, NULL, argv + 1, environ) != 0 ||
	    wait4(pid, &status, 0, &usage) < 0)
		return CANNOT_EXEC;
	len = snprintf(text, sizeof(text), "%ld\n", usage.ru_maxrss);
	if (write(REPORT_FD, text, (size_t)len) != len)
		return CANNOT_EXEC;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
