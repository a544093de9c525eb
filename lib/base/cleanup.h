/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/**
 * Ownership in one page.
 *
 * A local that owns something says so where it is declared, and is released when its scope ends:
 *
 *	_cleanup_(fd_closep) int fd = -1;
 *
 * To hand the thing on - to a caller, or into a struct - take it out of the local:
 *
 *	*out = TAKE_FD(fd);
 *
 * Every release function XXXp() takes the address of the variable, accepts the empty value
 * (NULL or -1), and leaves the empty value behind, so running it twice is harmless.
 */

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn)       __attribute__((__cleanup__(fn)))
#define _must_check_        __attribute__((__warn_unused_result__))
#define _printf_(fmt, args) __attribute__((__format__(printf, fmt, args)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/** A name no other expansion uses, so that nested macros do not shadow each other. */
#define UNIQUE(name)      UNIQUE_(name, __COUNTER__)
#define UNIQUE_(name, n)  UNIQUE__(name, n)
#define UNIQUE__(name, n) name##_##n

#define TAKE(var, empty)                                                                           \
	({                                                                                         \
		__typeof__(var) taken_ = (var);                                                    \
		(var) = (empty);                                                                   \
		taken_;                                                                            \
	})
#define TAKE_PTR(ptr) TAKE(ptr, NULL)
#define TAKE_FD(fd)   TAKE(fd, -1)

static inline void freep(void *ptr)
{
	free(*(void **)ptr);
	*(void **)ptr = NULL;
}

static inline void fd_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
