/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

/**
 * Small files: read whole, appear whole.
 *
 * A file that somebody else may read is never seen half-written: it is filled without a name and
 * then linked, or filled under another name and then renamed. Only file_replace_durably() calls
 * fsync(): what a power cut may truncate must be recognised by its reader.
 *
 * Paths are relative to @dir, a directory descriptor or AT_FDCWD.
 */

/** Read at most @size - 1 bytes and close them with a NUL. Returns the length, or -1 with errno. */
ssize_t file_read(int dir, const char *path, char *buf, size_t size) _must_check_;

/**
 * Read @fd to its end into the arena, closed with a NUL, @limit bytes at most; NULL with @e filled
 * if that fails. @what names the source in messages.
 */
char *file_read_all(struct arena *arena, int fd, size_t limit, const char *what, struct err *e);

/** The same for what may contain NULs; its length goes to @len. */
char *file_read_bytes(struct arena *arena, int fd, size_t limit, const char *what, size_t *len,
		      struct err *e);

/**
 * The same for the file at @path, which somebody else names: anything but a file is refused, and a
 * FIFO does not make us wait. e->os tells why it could not be opened.
 */
char *file_read_path(struct arena *arena, const char *path, size_t limit, struct err *e);

/**
 * Make @path with this content, at once and only if it is not there: -1 with errno EEXIST if it is.
 * Falls back to O_CREAT | O_EXCL where the file system cannot hold a file without a name.
 */
int file_create(int dir, const char *path, const char *text, mode_t mode) _must_check_;

/** Make or replace @path with this content, atomically. Returns 0, or -1 with errno. */
int file_replace(int dir, const char *path, const char *text, mode_t mode) _must_check_;

/** The same, and on return it has outlived a power cut: milliseconds, on a slow disk hundreds. */
int file_replace_durably(int dir, const char *path, const char *text, mode_t mode) _must_check_;

/** Remove @path for good; what is not there is fine. Returns 0, or -1 with errno. */
int file_remove_durably(int dir, const char *path) _must_check_;

/** Overwrite @path in place, as a sysctl wants it. Returns 0, or -1 with errno. */
int file_write(int dir, const char *path, const char *text) _must_check_;

/** Make a directory and its parents, as mkdir -p does; what exists is fine. 0, or -1 with errno. */
int dir_make(const char *path, mode_t mode) _must_check_;

/** Open @path, made if need be, and hold flock(LOCK_EX) on it until the descriptor is closed. */
int file_lock(int dir, const char *path, mode_t mode, int *fd, struct err *e) _must_check_;

/** The same with LOCK_SH: any number may hold it, while nobody holds the other. */
int file_lock_shared(int dir, const char *path, mode_t mode, int *fd, struct err *e) _must_check_;

/** The names in @dir, without those that begin with a dot; arena memory. -1 with errno. */
int dir_list(struct arena *arena, int dir, const char ***names, size_t *n) _must_check_;
