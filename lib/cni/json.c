// SPDX-License-Identifier: Apache-2.0
#include "cni/json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

static bool failed;

static void *allocate(size_t size)
{
	void *p = malloc(size);

	failed |= !p;
	return p;
}

void json_prepare(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	size_t seed = 0;

	// The kernel left random bytes in our memory: no need to read /dev/urandom for hash tables.
	if (random)
		memcpy(&seed, random, sizeof(seed));
	json_object_seed(seed ? seed : 1);
	json_set_alloc_funcs(allocate, free);
	failed = false;
}

bool json_out_of_memory(void)
{
	return failed;
}
