// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/spawn.h"
#include "sandbox.h"
#include "test.h"

static int run(const char *path, const char *const argv[], int in, int out, int err)
{
	char env[] = "COLOUR=blue";
	const struct spawn s = {path, argv, (char *[]){env, NULL}, in, out, err};
	int status = -1;

	assert_int_equal(spawn_wait(&s, &status), 0);
	return status;
}

static int shell(const char *code, int in, int out, int err)
{
	const char *const argv[] = {"name", "-c", code, NULL};

	return run("/bin/sh", argv, in, out, err);
}

static int make(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0700);

	assert_true(fd >= 0);
	return fd;
}

static void it_has_the_streams_arguments_and_environment_that_it_is_given(void **state)
{
	_cleanup_(fd_closep) int out = make("/run/out"), err = make("/run/err"), in = -1;

	(void)state;
	file_put("/run/in", "text");
	in = open("/run/in", O_RDONLY | O_CLOEXEC);
	assert_int_equal(shell("cat; echo $0 $COLOUR >&2; test -z \"$HOME\"", in, out, err), 0);
	assert_string_equal(file_text("/run/out"), "text");
	assert_string_equal(file_text("/run/err"), "name blue\n");
}

static void other_streams_are_ours(void **state)
{
	_cleanup_(fd_closep) int out = make("/run/out");
	char ours[256] = {};

	(void)state;
	assert_true(readlink("/proc/self/fd/2", ours, sizeof(ours) - 2) > 0);
	(void)strcat(ours, "\n");
	assert_int_equal(shell("readlink /proc/$$/fd/2", -1, out, -1), 0);
	assert_string_equal(file_text("/run/out"), ours);
}

static void how_it_ended_is_told(void **state)
{
	(void)state;
	assert_int_equal(WEXITSTATUS(shell("exit 7", -1, -1, -1)), 7);
	assert_int_equal(WTERMSIG(shell("kill -9 $$", -1, -1, -1)), SIGKILL);
}

static void what_we_ignore_it_does_not(void **state)
{
	(void)state;
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	assert_int_equal(WTERMSIG(shell("kill -PIPE $$", -1, -1, -1)), SIGPIPE);
	assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
}

static void *close_soon(void *fd)
{
	usleep(200000);
	close(*(int *)fd);
	return NULL;
}

static void a_file_that_is_being_written_is_waited_for(void **state)
{
	const char *const argv[] = {"script", NULL};
	pthread_t writer;
	int fd;

	(void)state;
	sh("cp /bin/true /run/program");
	fd = open("/run/program", O_WRONLY | O_CLOEXEC);
	assert_int_equal(pthread_create(&writer, NULL, close_soon, &fd), 0);
	assert_int_equal(run("/run/program", argv, -1, -1, -1), 0);
	assert_int_equal(pthread_join(writer, NULL), 0);
}

static void what_cannot_be_run_is_an_errno(void **state)
{
	const char *const argv[] = {"nothing", NULL};
	const struct spawn s = {"/run/nothing", argv, environ, -1, -1, -1};
	int status = -7;

	(void)state;
	assert_int_equal(spawn_wait(&s, &status), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(status, -7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define in_sandbox(test) cmocka_unit_test_setup(test, sandbox)
		in_sandbox(it_has_the_streams_arguments_and_environment_that_it_is_given),
		in_sandbox(other_streams_are_ours),
		in_sandbox(how_it_ended_is_told),
		in_sandbox(what_we_ignore_it_does_not),
		in_sandbox(a_file_that_is_being_written_is_waited_for),
		in_sandbox(what_cannot_be_run_is_an_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
