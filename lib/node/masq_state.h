/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "node/attachment.h"

/**
 * The records of masquerading; for masq*.c alone. A file named by the attachment's id says what
 * should be in nf_tables; when the attachment goes, it moves among those that are gone until
 * nf_tables has been cleaned.
 */
struct masq_record {
	const char *id;           ///< the file's name
	const char *tag;          ///< first line: attachment_tag()
	struct prefix *addresses; ///< further lines
	size_t n;
};

enum masq_records { MASQ_LIVE, MASQ_GONE };

int masq_record_write(const struct attachment *a, const struct prefix addresses[], size_t n,
		      struct arena *arena, struct err *e) _must_check_;

/** Move a live record among those that are gone. Returns 1, 0 if there is none, -1 on failure. */
int masq_record_retire(const char *id, struct err *e) _must_check_;
bool masq_record_is_gone(const char *id);

/** Read all of a kind; files without any sense in them are left out. */
int masq_records_read(enum masq_records which, struct masq_record **out, size_t *n,
		      struct arena *arena, struct err *e) _must_check_;

/** Forget a record that was gone. */
int masq_record_forget(const char *id, struct err *e) _must_check_;

/** Hold the lock under which nf_tables is cleaned or rebuilt; closing the descriptor releases it.
 */
int masq_lock(int *fd, struct err *e) _must_check_;
