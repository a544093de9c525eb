/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/** What the parts of perf_floor share: the job it was given, and how it gives up. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

enum { HOSTS_PER_BYTE = 256, PATH_SIZE = 256 };

/** Print the step that failed, and return -1. */
#define FAIL(step)                                                                                 \
	do {                                                                                       \
		(void)printf("%s: %s\n", (step), strerror(errno));                                 \
		return -1;                                                                         \
	} while (0)

struct job {
	const char *bridge, *network, *subnet;
	const char *container, *netns;
	int host; ///< the container's address without the subnet
	char host_link[IFNAMSIZ];
};

/** Returns the length of what was read, closed with a NUL, or -1 with errno. */
ssize_t read_file(int dir, const char *path, char *buf, size_t size);

/** Take the next free address for the container: @job->host. */
int take_lease(struct job *job);

/** Give the container's address back. */
int drop_lease(const struct job *job);
