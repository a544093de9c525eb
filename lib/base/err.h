/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"

/**
 * What went wrong, in the three parts the CNI specification gives an error.
 *
 * The function that meets the failure states it with err_set() or err_os(); each caller on the way
 * up may put its own context in front with err_wrap(). Nobody logs it on the way: it is printed
 * once, by cni_main(), as the JSON the runtime reads.
 *
 * A struct err owns no memory, so the error path cannot run out of it and nothing needs freeing.
 */
struct err {
	int code;          ///< CNI error code, one of enum err_code
	int os;            ///< errno behind it, or 0
	char msg[512];     ///< one line, outermost context first: "attach eth0: set mtu: busy"
	char details[512]; ///< the kernel's own words (extended ack), or a hint; may be empty
};

/**
 * Codes 1-99 are the CNI specification's (1.1.0, section "Error"); 8 is what the reference library
 * uses for a wrong namespace; ours start at 100. err_codes() explains each, docs/errors.md is
 * made from it.
 */
enum err_code {
	ERR_VERSION = 1,
	ERR_UNKNOWN_FIELD = 2,
	ERR_NO_CONTAINER = 3,
	ERR_ENV = 4,
	ERR_IO = 5,
	ERR_DECODE = 6,
	ERR_CONFIG = 7,
	ERR_NETNS = 8,
	ERR_TRY_AGAIN = 11,
	ERR_UNAVAILABLE = 50,
	ERR_DEGRADED = 51,
	ERR_KERNEL = 100,
	ERR_EXISTS = 101,
	ERR_NO_ADDRESS = 102,
	ERR_DELEGATE = 103,
	ERR_MISMATCH = 104,
};

/** What a code means to the person who meets it. */
struct err_explanation {
	int code;
	const char *title;
	const char *why;
	const char *what_to_do;
};

/** All codes in ascending order, closed by an entry without title. Static; never freed. */
const struct err_explanation *err_codes(void);

/** Fill @e and return -1, so that a failing function ends in `return err_set(...)`. */
int err_set(struct err *e, int code, const char *fmt, ...) _printf_(3, 4);

/** Like err_set(), for a failed system call: appends the text of errno @os. */
int err_os(struct err *e, int code, int os, const char *fmt, ...) _printf_(4, 5);

/** Put "context: " in front of the message; the code stays that of the origin. Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) _printf_(2, 3);

/** Replace the details, the second line an operator reads: the reason, or what to do. Returns -1.
 */
int err_hint(struct err *e, const char *fmt, ...) _printf_(2, 3);
