// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/sha512.h"
#include "sandbox.h"
#include "test.h"

static const char *hex(const void *data, size_t len)
{
	static char text[2 * SHA512_SIZE + 1];
	uint8_t hash[SHA512_SIZE];

	sha512(data, len, hash);
	for (size_t i = 0; i < sizeof(hash); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", hash[i]);
	return text;
}

static void the_standards_example_is_met(void **state)
{
	(void)state;
	assert_string_equal(hex("abc", 3),
			    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

/** Around the ends of a block, where the padding takes another. */
static void every_length_is_what_sha512sum_says(void **state)
{
	static const size_t lengths[] = {0,   1,   55,  111, 112, 113, 127,
					 128, 129, 239, 240, 256, 511};
	char text[512];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const char *want = sh_output("printf '%.*s' | sha512sum", (int)lengths[i], text);

		assert_memory_equal(hex(text, lengths[i]), want, 2 * (size_t)SHA512_SIZE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_standards_example_is_met),
		cmocka_unit_test(every_length_is_what_sha512sum_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
