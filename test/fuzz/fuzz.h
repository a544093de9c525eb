/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** What libFuzzer calls, with one input after another. A finding is a crash. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What must hold whatever the input. */
#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			__builtin_trap();                                                          \
	} while (0)
