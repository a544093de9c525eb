/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "node/attachment.h"

/** The records of masquerading; for masq.c alone. A file named by the attachment's id. */
struct masq_record {
	const char *id;           ///< the file's name
	const char *tag;          ///< first line: attachment_tag()
	struct prefix *addresses; ///< further lines
	size_t n;
};

int masq_record_write(const struct attachment *a, const struct prefix addresses[], size_t n,
		      struct arena *arena, struct err *e) _must_check_;

/** Read one. Returns 1, 0 if there is none (or no sense in it), -1 on failure. */
int masq_record_read(const char *id, struct masq_record *out, struct arena *arena,
		     struct err *e) _must_check_;
int masq_record_delete(const char *id, struct err *e) _must_check_;

/** Read all. */
int masq_records(struct masq_record **out, size_t *n, struct arena *arena,
		 struct err *e) _must_check_;

/** Hold the lock under which the table is rebuilt; released by closing the descriptor. */
int masq_lock(int *fd, struct err *e) _must_check_;
