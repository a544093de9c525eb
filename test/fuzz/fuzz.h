/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/** What libFuzzer calls once, and then with one input after another. A finding is a crash. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What must hold whatever the input. */
#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			__builtin_trap();                                                          \
	} while (0)

/** Every refusal has a code and says something. Returns whether it is none. */
static inline bool accepted(int rc, const struct err *e)
{
	must(rc == 0 || (rc == -1 && e->code > 0 && e->msg[0]));
	return rc == 0;
}
