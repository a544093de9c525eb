// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "test.h"

/** Written down once: names on running nodes derive from these, so they must never change. */
static void values_stay_what_they_always_were(void **state)
{
	static const struct {
		const char *text, *name;
		uint64_t hash;
	} rows[] = {
		{"", "azsaown2nd7", UINT64_C(0xaf63bd4c8601b7df)}, // FNV-1a of one zero byte
		{"a", "peq6oi7k23e", UINT64_C(0x089be207b544f1e4)},
		{"bridge", "qp6e57mwc26", UINT64_C(0x5833b0fee3100db0)},
	};
	char buf[HASH_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t hash = hash_str(HASH_SEED, rows[i].text);

		assert_int_equal(hash, rows[i].hash);
		assert_string_equal(hash_format(hash, buf), rows[i].name);
	}
}

static void where_one_part_ends_matters(void **state)
{
	(void)state;
	assert_int_not_equal(hash_str(hash_str(HASH_SEED, "ab"), "c"),
			     hash_str(hash_str(HASH_SEED, "a"), "bc"));
	assert_int_not_equal(hash_str(hash_str(HASH_SEED, "abc"), ""), hash_str(HASH_SEED, "abc"));
	assert_int_not_equal(hash_str(hash_str(HASH_SEED, ""), "abc"),
			     hash_str(hash_str(HASH_SEED, "abc"), ""));
}

static void bytes_above_127_count_as_bytes(void **state)
{
	(void)state;
	assert_int_not_equal(hash_str(HASH_SEED, "\xc3\xa9"), hash_str(HASH_SEED, "\xc3\xa8"));
	assert_int_equal(hash_str(HASH_SEED, "\xff"),
			 ((HASH_SEED ^ 0xff) * UINT64_C(0x100000001b3)) * UINT64_C(0x100000001b3));
}

static void names_have_eleven_characters_of_the_alphabet(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		char buf[HASH_TEXT];

		assert_ptr_equal(hash_format(i * UINT64_C(0x9e3779b97f4a7c15), buf), buf);
		assert_int_equal(strlen(buf), 11);
		assert_int_equal(strspn(buf, "abcdefghijklmnopqrstuvwxyz234567"), 11);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void similar_names_do_not_collide(void **state)
{
	enum { N = 50000 };
	char(*names)[HASH_TEXT] = test_calloc(N, HASH_TEXT);

	(void)state;
	for (uint64_t i = 0; i < N; i++) { // counters in the place a poor mix would lose them
		char text[8] = {(char)('a' + i % 26), (char)('a' + i / 26 % 26),
				(char)('a' + i / 676 % 26), (char)('a' + i / 17576 % 26)};

		hash_format(hash_str(HASH_SEED, text), names[i]);
	}
	qsort(names, N, HASH_TEXT, by_text);
	for (size_t i = 1; i < N; i++)
		assert_string_not_equal(names[i - 1], names[i]);
	test_free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_stay_what_they_always_were),
		cmocka_unit_test(where_one_part_ends_matters),
		cmocka_unit_test(bytes_above_127_count_as_bytes),
		cmocka_unit_test(names_have_eleven_characters_of_the_alphabet),
		cmocka_unit_test(similar_names_do_not_collide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
