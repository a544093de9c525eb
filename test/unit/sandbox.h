/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

/**
 * A node of one's own: fresh network and mount namespaces with nothing but an interface lo that is
 * up, an empty /run and an empty /var/lib. It ends with the process, so nothing needs tidying up.
 *
 *	cmocka_unit_test_setup(leases_are_found, sandbox)
 */
int sandbox(void **state);

/** Run a shell command, formatted; fails the test if the command fails. */
void sh(const char *fmt, ...) _printf_(1, 2);

/** What a shell command prints on stdout, valid until the next; its failure fails the test. */
const char *sh_output(const char *fmt, ...) _printf_(1, 2);

/** The exit status of a shell command. */
int sh_status(const char *fmt, ...) _printf_(1, 2);

/** Make, read, look for a file; what does not work fails the test. The text is valid until the
 * next.
 */
void file_put(const char *path, const char *text);
const char *file_text(const char *path);
int file_exists(const char *path);

/** Make a network namespace /run/netns/@name and open it. The caller closes the descriptor. */
int pod(const char *name);

/**
 * Run @fn with @arg in another process, for which nothing is mounted on or below @hidden. Returns
 * what @fn does, 0..254; 255 if it cannot be run. It must not assert.
 */
int where_hidden(const char *hidden, int (*fn)(void *arg), void *arg);

/**
 * Run @tests in a process of their own that sees no other processes than its children, and so no
 * other namespaces than theirs; they end with it. For the last line of main().
 */
int among_own_processes(int (*tests)(void));
