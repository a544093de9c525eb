/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "node/attachment.h"

/**
 * The records of a ruleset; for ruleset*.c and the kinds alone. /run/edgeway/KIND has a file for
 * each attachment, named by its id, that says what should be in nf_tables; when the attachment
 * goes, it moves to /run/edgeway/KIND.gone until nf_tables has been cleaned.
 */
struct ruleset_record {
	const char *id;     ///< the file's name
	const char *tag;    ///< first line: attachment_tag()
	const char **lines; ///< further lines
	size_t n;
	struct timespec written;
};

typedef int ruleset_record_fn(const struct ruleset_record *record, void *ctx, struct err *e);

enum record_state { RECORD_LIVE, RECORD_GONE };

/** Write what an attachment shall have. @lines are free of newlines. ERR_CONFIG: 1 MiB is all. */
int ruleset_record_write(const char *kind, const struct attachment *a, const char *const lines[],
			 size_t n, struct arena *arena, struct err *e) _must_check_;

/** Move a live record among those that are gone. Returns 1, 0 if there is none, -1 on failure. */
int ruleset_record_retire(const char *kind, const char *id, struct err *e) _must_check_;
bool ruleset_record_is_gone(const char *kind, const char *id);

/**
 * Call @fn for all in a state, until it returns 1 to stop; it may keep what it sees, arena memory.
 */
int ruleset_records_each(const char *kind, enum record_state state, ruleset_record_fn *fn,
			 void *ctx, struct arena *arena, struct err *e) _must_check_;

/** Read the one called @id. Returns 1, 0 if there is none, -1 on failure. */
int ruleset_record_read(const char *kind, enum record_state state, const char *id,
			struct ruleset_record *out, struct arena *arena,
			struct err *e) _must_check_;

/** Read all in a state. */
int ruleset_records_read(const char *kind, enum record_state state, struct ruleset_record **out,
			 size_t *n, struct arena *arena, struct err *e) _must_check_;

/** Take @line out of a live record, if there is one. */
int ruleset_record_blank(const char *kind, const char *id, const char *line, struct arena *arena,
			 struct err *e) _must_check_;

/** Forget a record. */
int ruleset_record_forget(const char *kind, enum record_state state, const char *id,
			  struct err *e) _must_check_;

/**
 * Hold the lock under which nf_tables is cleaned or rebuilt; closing the descriptor releases it.
 */
int ruleset_lock(const char *kind, int *fd, struct err *e) _must_check_;
