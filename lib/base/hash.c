// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

uint64_t hash_str(uint64_t hash, const char *s)
{
	do {
		hash ^= (unsigned char)*s;
		hash *= UINT64_C(0x100000001b3);
	} while (*s++);
	return hash;
}

const char *hash_format(uint64_t hash, char *buf)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

	// FNV's low bits mix poorly: fold the high ones in (the finaliser of splitmix64).
	hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
	hash ^= hash >> 31;
	for (int i = 0; i < HASH_TEXT - 1; i++, hash >>= 5)
		buf[i] = alphabet[hash & 31];
	buf[HASH_TEXT - 1] = '\0';
	return buf;
}
