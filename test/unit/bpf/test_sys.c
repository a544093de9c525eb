// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "bpf/objects.h"
#include "bpf/sys.h"
#include "sandbox.h"
#include "test.h"

static int with_bpffs(void **state)
{
	if (sandbox(state) != 0 || mkdir("/run/bpf", 0700) < 0)
		return -1;
	return sh_status("mount -t bpf bpf /run/bpf");
}

#define must(call)                                                                                 \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			fail_msg("%s (%s)", e.msg, e.details);                                     \
	} while (0)

static uint32_t id_of(int map)
{
	struct bpf_map_shape shape;
	struct err e = {};

	must(bpf_map_shape(map, &shape, &e));
	return shape.id;
}

static void what_is_pinned_is_opened(void **state)
{
	_cleanup_(fd_closep) int map = object_map(BPF_MAP_TYPE_HASH, 8, 24, 32), again = -1;
	struct err e = {};

	(void)state;
	must(bpf_pin(map, "/run/bpf/here", &e));
	again = bpf_pinned("/run/bpf/here", &e);
	assert_true(again >= 0);
	assert_int_equal(id_of(map), id_of(again));
}

static void a_pin_is_neither_replaced_nor_made_up(void **state)
{
	_cleanup_(fd_closep) int map = object_map(BPF_MAP_TYPE_HASH, 8, 24, 32);
	struct err e = {};

	(void)state;
	must(bpf_pin(map, "/run/bpf/here", &e));
	assert_int_equal(bpf_pin(map, "/run/bpf/here", &e), -1);
	assert_int_equal(e.os, EEXIST);
	assert_string_equal(e.msg, "/run/bpf/here: pin: File exists");
	assert_int_equal(bpf_pinned("/run/bpf/there", &e), -1);
	assert_int_equal(e.os, ENOENT);
	assert_string_equal(e.msg, "/run/bpf/there: open: No such file or directory");
}

static void a_map_is_described(void **state)
{
	_cleanup_(fd_closep) int map = object_map(BPF_MAP_TYPE_HASH, 8, 24, 32),
				 locked = object_locked_array(16, 3);
	struct bpf_map_shape shape;
	struct err e = {};

	(void)state;
	must(bpf_map_shape(map, &shape, &e));
	assert_int_equal(shape.type, BPF_MAP_TYPE_HASH);
	assert_int_equal(shape.key_size, 8);
	assert_int_equal(shape.value_size, 24);
	assert_int_equal(shape.max_entries, 32);
	assert_int_equal(shape.btf_id, 0);
	must(bpf_map_shape(locked, &shape, &e));
	assert_int_not_equal(shape.btf_id, 0);
	assert_int_not_equal(shape.btf_value_type, 0);
	assert_int_equal(bpf_map_shape(-1, &shape, &e), -1);
	assert_int_equal(e.os, EBADFD);
}

static void elements_are_written_read_and_deleted(void **state)
{
	_cleanup_(fd_closep) int map = object_map(BPF_MAP_TYPE_HASH, 4, 8, 32);
	uint64_t value = 7, got = 0;
	uint32_t key = 4711;
	struct err e = {};

	(void)state;
	assert_int_equal(bpf_map_get(map, &key, &got, 0, &e), -1);
	assert_int_equal(e.os, ENOENT);
	must(bpf_map_put(map, &key, &value, BPF_NOEXIST, &e));
	must(bpf_map_get(map, &key, &got, 0, &e));
	assert_int_equal(got, 7);
	assert_int_equal(bpf_map_put(map, &key, &value, BPF_NOEXIST, &e), -1);
	assert_int_equal(e.os, EEXIST);
	must(bpf_map_del(map, &key, &e));
	assert_int_equal(bpf_map_del(map, &key, &e), -1);
	assert_int_equal(e.os, ENOENT);
}

static void a_value_with_a_lock_is_read_under_it(void **state)
{
	_cleanup_(fd_closep) int map = object_locked_array(16, 3),
				 plain = object_map(BPF_MAP_TYPE_ARRAY, 4, 16, 3);
	uint32_t value[4] = {0, 1, 2, 3}, got[4], key = 2;
	struct err e = {};

	(void)state;
	must(bpf_map_put(map, &key, value, BPF_F_LOCK, &e));
	must(bpf_map_get(map, &key, got, BPF_F_LOCK, &e));
	assert_memory_equal(value, got, sizeof(value));
	assert_int_equal(bpf_map_get(plain, &key, got, BPF_F_LOCK, &e), -1);
	assert_int_equal(e.os, EINVAL);
}

static void a_walk_meets_every_key_once(void **state)
{
	_cleanup_(fd_closep) int map = object_map(BPF_MAP_TYPE_HASH, 4, 8, 100);
	uint32_t key, *at = NULL;
	bool seen[100] = {};
	uint64_t value = 0;
	struct err e = {};
	int rc;

	(void)state;
	assert_int_equal(bpf_map_next(map, NULL, &key, &e), 0);
	for (uint32_t i = 0; i < 100; i++)
		must(bpf_map_put(map, &i, &value, 0, &e));
	while ((rc = bpf_map_next(map, at, &key, &e)) > 0) {
		assert_true(key < 100 && !seen[key]);
		seen[key] = true;
		at = &key;
	}
	assert_int_equal(rc, 0);
	for (size_t i = 0; i < 100; i++)
		assert_true(seen[i]);
}

static void a_hash_is_read_as_a_whole(void **state)
{
	_cleanup_(fd_closep) int map = object_map(BPF_MAP_TYPE_HASH, 4, 8, 100);
	uint32_t keys[100], n = 7;
	uint64_t values[100], sum = 0;
	struct bpf_map_shape shape;
	struct err e = {};

	(void)state;
	must(bpf_map_shape(map, &shape, &e));
	must(bpf_map_all(map, &shape, keys, values, &n, &e));
	assert_int_equal(n, 0);
	for (uint32_t i = 0; i < 100; i++)
		must(bpf_map_put(map, &i, &(uint64_t){3 * i}, 0, &e));
	must(bpf_map_all(map, &shape, keys, values, &n, &e));
	assert_int_equal(n, 100);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(values[i], 3 * keys[i]);
		sum += keys[i];
	}
	assert_int_equal(sum, 4950);
	assert_int_equal(bpf_map_all(-1, &shape, keys, values, &n, &e), -1);
	assert_int_equal(e.os, EBADF);
}

/** The kernel writes as many parts as there may be CPUs, and not a byte more. */
static void a_value_per_cpu_has_a_part_for_each(void **state)
{
	_cleanup_(fd_closep) int map = object_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1);
	unsigned char value[8192 * 8];
	unsigned int n = 0;
	struct err e = {};

	(void)state;
	must(bpf_cpus(&n, &e));
	assert_in_range(n, 1, 8191);
	memset(value, 0xa5, sizeof(value));
	must(bpf_map_get(map, &(uint32_t){0}, value, 0, &e));
	assert_int_equal(value[n * 8 - 1], 0);
	assert_int_equal(value[n * 8], 0xa5);
}

static void lists_of_cpus_are_counted(void **state)
{
	static const char path[] = "/sys/devices/system/cpu/possible";
	static const struct {
		const char *text;
		unsigned int n;
	} lists[] = {{"0\n", 1}, {"0-3\n", 4}, {"0-3,8-11\n", 8}, {"1,3,5-6\n", 4}};
	unsigned int n = 7;
	struct err e = {};

	(void)state;
	file_put("/run/possible", "");
	sh("mount --bind /run/possible %s", path);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		file_put(path, lists[i].text);
		must(bpf_cpus(&n, &e));
		assert_int_equal(n, lists[i].n);
	}
	file_put(path, "none\n");
	assert_int_equal(bpf_cpus(&n, &e), -1);
	assert_string_equal(e.msg,
			    "/sys/devices/system/cpu/possible: \"none\n\" is no list of CPUs");
}

static void a_program_is_run_on_a_frame(void **state)
{
	_cleanup_(fd_closep) int prog = object_program();
	unsigned char frame[64] = {};
	uint32_t verdict = 0, id = 0;
	struct err e = {};

	(void)state;
	must(bpf_prog_run(prog, frame, sizeof(frame), &verdict, &e));
	assert_int_equal(verdict, (uint32_t)-1);
	must(bpf_prog_id(prog, &id, &e));
	assert_int_not_equal(id, 0);
	assert_int_equal(bpf_prog_run(prog, frame, 1, &verdict, &e), -1);
	assert_int_equal(e.os, EINVAL);
	assert_int_equal(bpf_prog_id(-1, &id, &e), -1);
	assert_int_equal(e.os, EBADFD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define in_sandbox(test) cmocka_unit_test_setup(test, with_bpffs)
		in_sandbox(what_is_pinned_is_opened),
		in_sandbox(a_pin_is_neither_replaced_nor_made_up),
		in_sandbox(a_map_is_described),
		in_sandbox(elements_are_written_read_and_deleted),
		in_sandbox(a_value_with_a_lock_is_read_under_it),
		in_sandbox(a_walk_meets_every_key_once),
		in_sandbox(a_hash_is_read_as_a_whole),
		in_sandbox(a_value_per_cpu_has_a_part_for_each),
		in_sandbox(lists_of_cpus_are_counted),
		in_sandbox(a_program_is_run_on_a_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
