// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "sandbox.h"
#include "test.h"

/** A directory to work in, on the sandbox's own tmpfs. */
static int workdir(void)
{
	int dir = open("/run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(dir >= 0);
	return dir;
}

static mode_t mode_of(int dir, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(dir, path, &st, 0), 0);
	return st.st_mode & 07777;
}

static size_t entries(int dir)
{
	_cleanup_(arena_free) struct arena arena = {};
	const char **names;
	size_t n;

	assert_int_equal(dir_list(&arena, dir, &names, &n), 0);
	return n;
}

static void a_file_is_read_up_to_the_buffers_size(void **state)
{
	_cleanup_(fd_closep) int dir = workdir();
	char buf[6];

	(void)state;
	file_put("/run/f", "12345678");
	assert_int_equal(file_read(dir, "f", buf, sizeof(buf)), 5);
	assert_string_equal(buf, "12345");
	file_put("/run/f", "");
	assert_int_equal(file_read(dir, "f", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "");
	assert_int_equal(file_read(dir, "none", buf, sizeof(buf)), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(file_read(dir, ".", buf, sizeof(buf)), -1);
	assert_int_equal(errno, EISDIR);
}

static void a_created_file_is_whole_and_has_its_mode(void **state)
{
	_cleanup_(fd_closep) int dir = workdir();

	(void)state;
	(void)umask(022);
	assert_int_equal(file_create(dir, "f", "10.1.0.5\r\neth0", 0600), 0);
	assert_string_equal(file_text("/run/f"), "10.1.0.5\r\neth0");
	assert_int_equal(mode_of(dir, "f"), 0600);
	assert_int_equal(file_create(AT_FDCWD, "/run/g", "", 0644), 0);
	assert_string_equal(file_text("/run/g"), "");
	assert_int_equal(entries(dir), 2);
}

static void creating_is_exclusive(void **state)
{
	_cleanup_(fd_closep) int dir = workdir();

	(void)state;
	assert_int_equal(file_create(dir, "f", "first", 0600), 0);
	assert_int_equal(file_create(dir, "f", "second", 0600), -1);
	assert_int_equal(errno, EEXIST);
	assert_string_equal(file_text("/run/f"), "first");
	sh("ln -s /run/nowhere /run/link");
	assert_int_equal(file_create(dir, "link", "x", 0600), -1);
	assert_int_equal(errno, EEXIST);
	assert_false(file_exists("/run/nowhere"));
	assert_int_equal(file_create(dir, "no/such/dir", "x", 0600), -1);
	assert_int_equal(errno, ENOENT);
}

/** Of many who create one file at once, each once, how many succeed. */
static int race(const char *path, int racers)
{
	int won = 0;

	for (int i = 0; i < racers; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(file_create(AT_FDCWD, path, "mine", 0600) == 0 ? 0 : errno);
	}
	for (int i = 0; i < racers; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status));
		assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EEXIST);
		won += WEXITSTATUS(status) == 0;
	}
	return won;
}

static void of_many_creators_one_wins(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "/run/race%d", i);
		assert_int_equal(race(path, 8), 1);
		assert_string_equal(file_text(path), "mine");
	}
}

/**
 * From now on this process may not link a file by its descriptor alone: what kernels before 6.10
 * say to whoever lacks CAP_DAC_READ_SEARCH.
 */
static int forbid_linking_by_descriptor(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_linkat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[4])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AT_EMPTY_PATH, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOENT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = {ARRAY_SIZE(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/** Create a file in directory @dir under that ban: 0 or an errno. */
static int create_by_another_way(void *dir)
{
	if (forbid_linking_by_descriptor() < 0)
		return 254;
	return file_create(*(int *)dir, "f", "10.1.0.5", 0600) == 0 ? 0 : errno;
}

static void a_file_gets_its_name_even_if_not_by_its_descriptor(void **state)
{
	_cleanup_(fd_closep) int dir = workdir();

	(void)state;
	(void)umask(022);
	assert_int_equal(where_hidden("/mnt", create_by_another_way, &dir), 0);
	assert_string_equal(file_text("/run/f"), "10.1.0.5");
	assert_int_equal(mode_of(dir, "f"), 0600);
	assert_int_equal(where_hidden("/mnt", create_by_another_way, &dir), EEXIST);
	assert_int_equal(entries(dir), 1);
}

static void without_a_way_to_its_name_there_is_no_file(void **state)
{
	_cleanup_(fd_closep) int dir = workdir();

	(void)state;
	assert_int_equal(where_hidden("/proc", create_by_another_way, &dir), ENOENT);
	assert_int_equal(entries(dir), 0);
}

static void replacing_swaps_the_file_for_another(void **state)
{
	_cleanup_(fd_closep) int dir = workdir();
	_cleanup_(fd_closep) int old = -1;
	char buf[16] = "";

	(void)state;
	assert_int_equal(file_replace(dir, "f", "first", 0600), 0);
	old = open("/run/f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(file_replace(dir, "f", "second", 0644), 0);
	assert_string_equal(file_text("/run/f"), "second");
	assert_int_equal(mode_of(dir, "f"), 0644);
	assert_int_equal(read(old, buf, sizeof(buf)), 5); // who reads it sees the old one, whole
	assert_string_equal(buf, "first");
	assert_int_equal(entries(dir), 1);
}

static void replacing_survives_what_an_earlier_try_left(void **state)
{
	_cleanup_(fd_closep) int dir = workdir();

	(void)state;
	file_put("/run/.f.new", "half");
	assert_int_equal(file_replace(dir, "f", "whole", 0600), 0);
	assert_string_equal(file_text("/run/f"), "whole");
	assert_int_equal(entries(dir), 1);
	sh("mkdir /run/d && touch /run/d/x");
	assert_int_equal(file_replace(dir, "d", "text", 0600), -1);
	assert_int_equal(entries(dir), 2); // f and d: nothing half-made is left
}

static void writing_in_place_needs_the_file(void **state)
{
	_cleanup_(fd_closep) int dir = workdir();

	(void)state;
	assert_int_equal(file_write(dir, "f", "1"), -1);
	assert_int_equal(errno, ENOENT);
	file_put("/run/f", "0");
	assert_int_equal(file_write(dir, "f", "1"), 0);
	assert_string_equal(file_text("/run/f"), "1");
}

/** A descriptor that yields @size bytes, from another process and in small pieces. */
static int slow_pipe(size_t size, pid_t *writer)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	*writer = fork();
	assert_true(*writer >= 0);
	if (*writer == 0) {
		char piece[1000];

		close(ends[0]);
		memset(piece, 'x', sizeof(piece));
		while (size > 0) {
			size_t n = size < sizeof(piece) ? size : sizeof(piece);

			if (write(ends[1], piece, n) < 0)
				_exit(0); // the reader has seen enough
			size -= n;
		}
		_exit(0);
	}
	close(ends[1]);
	return ends[0];
}

static void all_of_a_pipe_is_read_however_long(void **state)
{
	static const size_t sizes[] = {0, 1, 4094, 4095, 4096, 5000, 16383, 16384, 300000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_(arena_free) struct arena arena = {};
		struct err e = {};
		pid_t writer;
		int fd = slow_pipe(sizes[i], &writer);
		char *text = file_read_all(&arena, fd, 1 << 20, "it", &e);

		close(fd);
		assert_int_equal(waitpid(writer, NULL, 0), writer);
		assert_non_null(text);
		assert_int_equal(strlen(text), sizes[i]);
		assert_int_equal(strspn(text, "x"), sizes[i]);
	}
}

static void the_limit_of_what_is_read_holds(void **state)
{
	static const size_t limits[] = {100, 4096, 100000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		for (size_t more = 0; more < 2; more++) {
			_cleanup_(arena_free) struct arena arena = {};
			struct err e = {};
			pid_t writer;
			int fd = slow_pipe(limits[i] + more, &writer);
			char *text = file_read_all(&arena, fd, limits[i], "it", &e), msg[64];

			close(fd);
			assert_int_equal(waitpid(writer, NULL, 0), writer);
			if ((text == NULL) != (more > 0))
				fail_msg("%zu bytes, limit %zu: %s", limits[i] + more, limits[i],
					 text ? "accepted" : "refused");
			if (text)
				continue;
			(void)snprintf(msg, sizeof(msg), "read it: larger than %zu bytes",
				       limits[i]);
			assert_string_equal(e.msg, msg);
			assert_int_equal(e.code, ERR_IO);
		}
	}
}

static void what_cannot_be_read_names_its_source(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(fd_closep) int dir = workdir();
	struct err e = {};

	(void)state;
	assert_null(file_read_all(&arena, dir, 100, "the configuration", &e));
	assert_string_equal(e.msg, "read the configuration: Is a directory");
	assert_int_equal(e.code, ERR_IO);
	assert_int_equal(e.os, EISDIR);
}

static void only_a_file_is_read_by_its_path(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct err e = {};

	(void)state;
	file_put("/run/f", "text");
	assert_string_equal(file_read_path(&arena, "/run/f", 100, &e), "text");
	assert_null(file_read_path(&arena, "/run/none", 100, &e));
	assert_string_equal(e.msg, "open /run/none: No such file or directory");
	assert_int_equal(e.code, ERR_IO);
	assert_int_equal(e.os, ENOENT);
	assert_null(file_read_path(&arena, "/run", 100, &e));
	assert_string_equal(e.msg, "open /run: not a file");
	sh("mkfifo /run/fifo"); // would never be opened
	assert_null(file_read_path(&arena, "/run/fifo", 100, &e));
	assert_string_equal(e.msg, "open /run/fifo: not a file");
}

static void directories_are_made_with_their_parents(void **state)
{
	_cleanup_(fd_closep) int dir = workdir();

	(void)state;
	assert_int_equal(dir_make("/run/a/b/c", 0755), 0);
	assert_int_equal(mode_of(dir, "a/b/c"), 0755);
	assert_int_equal(dir_make("/run/a/b/c", 0755), 0);
	assert_int_equal(dir_make("/run/a/x/", 0700), 0);
	assert_int_equal(mode_of(dir, "a/x"), 0700);
	file_put("/run/f", "");
	assert_int_equal(dir_make("/run/f/below", 0755), -1);
	assert_int_equal(errno, ENOTDIR);
}

static void a_directory_is_listed_without_dotfiles(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(fd_closep) int dir = workdir();
	const char **names;
	size_t n = 99;

	(void)state;
	assert_int_equal(dir_list(&arena, dir, &names, &n), 0);
	assert_int_equal(n, 0);
	sh("cd /run && touch .hidden && seq 1 300 | xargs touch && mkdir sub");
	for (int again = 0; again < 2; again++) { // the descriptor is not used up
		assert_int_equal(dir_list(&arena, dir, &names, &n), 0);
		assert_int_equal(n, 301);
	}
	for (size_t i = 0; i < n; i++)
		assert_int_not_equal(names[i][0], '.');
	assert_int_equal(dir_list(&arena, -1, &names, &n), -1);
}

static void a_lock_keeps_others_out_until_it_is_closed(void **state)
{
	_cleanup_(fd_closep) int dir = workdir();
	_cleanup_(fd_closep) int other = -1;
	int lock = -1;
	struct err e = {};

	(void)state;
	assert_int_equal(file_lock(dir, "lock", 0750, &lock, &e), 0);
	assert_int_equal(mode_of(dir, "lock"), 0750);
	other = open("/run/lock", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	fd_closep(&lock);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
}

static void a_shared_lock_keeps_out_who_wants_it_alone(void **state)
{
	_cleanup_(fd_closep) int dir = workdir();
	_cleanup_(fd_closep) int other = -1;
	int lock = -1, second = -1;
	struct err e = {};

	(void)state;
	assert_int_equal(file_lock_shared(dir, "lock", 0600, &lock, &e), 0);
	assert_int_equal(file_lock_shared(dir, "lock", 0600, &second, &e), 0);
	other = open("/run/lock", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	fd_closep(&lock);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	fd_closep(&second);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
}

static void a_lock_that_cannot_be_had_leaves_the_descriptor_alone(void **state)
{
	_cleanup_(fd_closep) int dir = workdir();
	struct err e = {};
	int lock = -7;

	(void)state;
	assert_int_equal(file_lock(dir, "no/lock", 0750, &lock, &e), -1);
	assert_string_equal(e.msg, "open lock file no/lock: No such file or directory");
	assert_int_equal(lock, -7);
}

static void a_durable_file_is_replaced_whole_and_removed_for_good(void **state)
{
	_cleanup_(fd_closep) int dir = workdir();

	(void)state;
	assert_int_equal(file_replace_durably(AT_FDCWD, "/run/f", "first", 0600), 0);
	assert_int_equal(file_replace_durably(dir, "f", "second", 0640), 0);
	assert_string_equal(file_text("/run/f"), "second");
	assert_int_equal(mode_of(dir, "f"), 0640);
	assert_int_equal(entries(dir), 1);
	assert_int_equal(file_replace_durably(dir, "none/f", "", 0600), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(file_remove_durably(dir, "f"), 0);
	assert_int_equal(entries(dir), 0);
	assert_int_equal(file_remove_durably(dir, "f"), 0);
	assert_int_equal(file_remove_durably(dir, "none/f"), 0);
	sh("mkdir /run/d");
	assert_int_equal(file_remove_durably(dir, "d"), -1);
	assert_int_equal(errno, EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_file_is_read_up_to_the_buffers_size, sandbox),
		cmocka_unit_test_setup(a_created_file_is_whole_and_has_its_mode, sandbox),
		cmocka_unit_test_setup(creating_is_exclusive, sandbox),
		cmocka_unit_test_setup(of_many_creators_one_wins, sandbox),
		cmocka_unit_test_setup(a_file_gets_its_name_even_if_not_by_its_descriptor, sandbox),
		cmocka_unit_test_setup(without_a_way_to_its_name_there_is_no_file, sandbox),
		cmocka_unit_test_setup(replacing_swaps_the_file_for_another, sandbox),
		cmocka_unit_test_setup(replacing_survives_what_an_earlier_try_left, sandbox),
		cmocka_unit_test_setup(writing_in_place_needs_the_file, sandbox),
		cmocka_unit_test(all_of_a_pipe_is_read_however_long),
		cmocka_unit_test(the_limit_of_what_is_read_holds),
		cmocka_unit_test(what_cannot_be_read_names_its_source),
		cmocka_unit_test_setup(only_a_file_is_read_by_its_path, sandbox),
		cmocka_unit_test_setup(directories_are_made_with_their_parents, sandbox),
		cmocka_unit_test_setup(a_directory_is_listed_without_dotfiles, sandbox),
		cmocka_unit_test_setup(a_lock_keeps_others_out_until_it_is_closed, sandbox),
		cmocka_unit_test_setup(a_shared_lock_keeps_out_who_wants_it_alone, sandbox),
		cmocka_unit_test_setup(a_lock_that_cannot_be_had_leaves_the_descriptor_alone,
				       sandbox),
		cmocka_unit_test_setup(a_durable_file_is_replaced_whole_and_removed_for_good,
				       sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
