/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <test.pb-c.h>

#include "base/err.h"

/** A message of these bytes, which it borrows. */
static inline Peer__Blob blob(const void *data, size_t len)
{
	Peer__Blob b = PEER__BLOB__INIT;

	b.data = (ProtobufCBinaryData){.len = len, .data = (uint8_t *)(uintptr_t)data};
	return b;
}

/** For programs of tests: what cannot go on says why. */
static inline void done(int rc, const struct err *e)
{
	if (rc < 0) {
		(void)fprintf(stderr, "%s\n", e->msg);
		exit(1);
	}
}
