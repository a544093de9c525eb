/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * SHA-512 (FIPS 180-4): what the reference plugins call their interfaces and chains by, so that
 * what they made can be found. Our own names are hash.h's.
 */
enum { SHA512_SIZE = 64 };

/** The hash of @len bytes at @data. */
void sha512(const void *data, size_t len, uint8_t hash[static SHA512_SIZE]);
