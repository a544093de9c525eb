/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/**
 * What a piece of code writes to stdout or stderr, as text:
 *
 *	struct capture c = capture_begin(STDERR_FILENO);
 *	const char *said;
 *
 *	log_warn("...");
 *	said = capture_end(&c);
 *
 * Assert after the end: in between, cmocka's own words would be captured too.
 */
struct capture {
	int fd, saved, file;
};

struct capture capture_begin(int fd);

/** The text so far, valid until the next capture ends. */
const char *capture_end(struct capture *c);
