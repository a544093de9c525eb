// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/arena.h"
#include "test.h"

static void memory_is_zeroed_and_aligned_for_any_type(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};

	(void)state;
	for (size_t size = 0; size < 100; size++) {
		unsigned char *p = arena_calloc(&arena, 1, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
}

static void objects_do_not_overlap(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	unsigned char *objects[500];

	(void)state;
	for (size_t i = 0; i < 500; i++) {
		objects[i] = arena_calloc(&arena, 3, 17);
		assert_non_null(objects[i]);
		memset(objects[i], (int)(i & 0xff), 51);
	}
	for (size_t i = 0; i < 500; i++)
		for (size_t j = 0; j < 51; j++)
			assert_int_equal(objects[i][j], i & 0xff);
}

static void an_object_larger_than_a_chunk_is_served(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	unsigned char *small = arena_calloc(&arena, 1, 8), *big = arena_calloc(&arena, 3, 100000);
	unsigned char *after = arena_calloc(&arena, 1, 8);

	(void)state;
	assert_true(small && big && after);
	memset(big, 0xaa, 300000);
	assert_int_equal(after[0], 0);
	assert_int_equal(small[0], 0);
}

static void what_cannot_be_had_is_null(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};

	(void)state;
	assert_null(arena_calloc(&arena, SIZE_MAX, 2));
	assert_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
	assert_null(arena_calloc(&arena, 1, SIZE_MAX));
	assert_null(arena_calloc(&arena, 1, SIZE_MAX - 31));
	assert_non_null(arena_calloc(&arena, 1, 1));
}

static void strings_are_copied(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	char text[] = "bridge";
	char *all = arena_strdup(&arena, text), *some = arena_strndup(&arena, text, 3);
	char *none = arena_strndup(&arena, text, 0);

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_string_equal(all, "bridge");
	assert_string_equal(some, "bri");
	assert_string_equal(none, "");
}

static void texts_are_formatted_at_any_length(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	char *text = arena_printf(&arena, "%s/%d", "net", 7);

	(void)state;
	assert_string_equal(text, "net/7");
	text = arena_printf(&arena, "%*d", 10000, 1);
	assert_int_equal(strlen(text), 10000);
	assert_int_equal(text[9999], '1');
	assert_string_equal(arena_printf(&arena, "%s", ""), "");
}

static void an_array_grows_and_keeps_what_it_holds(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	uint32_t *array = NULL;

	(void)state;
	for (uint32_t n = 0; n < 5000; n++) {
		array = arena_grow(&arena, array, n, sizeof(*array));
		assert_non_null(array);
		assert_int_equal(array[n], 0);
		array[n] = n + 1;
		if (n % 7 == 0) // something else in between
			memset(arena_calloc(&arena, 1, 40), 0xff, 40);
	}
	for (uint32_t n = 0; n < 5000; n++)
		assert_int_equal(array[n], n + 1);
}

static void a_freed_arena_can_be_used_again(void **state)
{
	struct arena arena = {};

	(void)state;
	arena_free(&arena);
	assert_non_null(arena_calloc(&arena, 10, 1000));
	arena_free(&arena);
	assert_null(arena.head);
	assert_non_null(arena_calloc(&arena, 1, 1));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_aligned_for_any_type),
		cmocka_unit_test(objects_do_not_overlap),
		cmocka_unit_test(an_object_larger_than_a_chunk_is_served),
		cmocka_unit_test(what_cannot_be_had_is_null),
		cmocka_unit_test(strings_are_copied),
		cmocka_unit_test(texts_are_formatted_at_any_length),
		cmocka_unit_test(an_array_grows_and_keeps_what_it_holds),
		cmocka_unit_test(a_freed_arena_can_be_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
