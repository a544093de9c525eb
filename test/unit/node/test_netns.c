// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <sys/wait.h>

#include "node/netns.h"
#include "sandbox.h"
#include "test.h"

static void a_namespace_is_entered_and_left_again(void **state)
{
	_cleanup_(fd_closep) int fd = pod("red");
	struct netns ns = {.home = -1};
	struct err e = {};

	(void)state;
	sh("ip -n red link add inside type bridge && ip link add outside type bridge");
	assert_false(netns_is_current(fd));
	assert_int_equal(netns_enter(&ns, fd, &e), 0);
	assert_true(netns_is_current(fd));
	assert_int_not_equal(if_nametoindex("inside"), 0);
	assert_int_equal(if_nametoindex("outside"), 0);
	netns_leave(&ns);
	assert_false(netns_is_current(fd));
	assert_int_equal(if_nametoindex("inside"), 0);
	assert_int_not_equal(if_nametoindex("outside"), 0);
	assert_int_equal(ns.home, -1);
	netns_leave(&ns); // harmless
}

static void the_end_of_a_scope_leaves_the_namespace(void **state)
{
	_cleanup_(fd_closep) int fd = pod("red");
	struct err e = {};

	(void)state;
	{
		_cleanup_(netns_leave) struct netns ns = {.home = -1};

		assert_int_equal(netns_enter(&ns, fd, &e), 0);
	}
	assert_false(netns_is_current(fd));
}

static void namespaces_nest(void **state)
{
	_cleanup_(fd_closep) int red = pod("red");
	_cleanup_(fd_closep) int blue = pod("blue");
	struct netns outer = {.home = -1}, inner = {.home = -1};
	struct err e = {};

	(void)state;
	assert_int_equal(netns_enter(&outer, red, &e), 0);
	assert_int_equal(netns_enter(&inner, blue, &e), 0);
	assert_true(netns_is_current(blue));
	netns_leave(&inner);
	assert_true(netns_is_current(red));
	netns_leave(&outer);
	assert_false(netns_is_current(red) || netns_is_current(blue));
}

static void a_namespace_is_opened_by_its_path(void **state)
{
	static const char *const paths[] = {"/run/netns/red", "/proc/self/ns/net"};

	(void)state;
	close(pod("red"));
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_(fd_closep) int fd = -1;
		struct err e = {};

		assert_int_equal(netns_open(&fd, paths[i], &e), 0);
		assert_int_equal(netns_is_current(fd), i == 1);
		assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	}
}

static void what_cannot_be_opened_says_why(void **state)
{
	static const struct {
		const char *path;
		int code, os;
		const char *msg;
	} rows[] = {
		{"/run/netns/gone", ERR_NO_CONTAINER, ENOENT,
		 "CNI_NETNS: open network namespace /run/netns/gone: No such file or directory"},
		{"/run/file/below", ERR_NO_CONTAINER, ENOENT,
		 "CNI_NETNS: open network namespace /run/file/below: No such file or directory"},
		{"/proc/999999999/ns/net", ERR_NO_CONTAINER, ENOENT,
		 "CNI_NETNS: open network namespace /proc/999999999/ns/net: No such file or "
		 "directory"},
		{"/run/file", ERR_ENV, 0, "CNI_NETNS: \"/run/file\": not a network namespace"},
		{"/run", ERR_ENV, 0, "CNI_NETNS: \"/run\": not a network namespace"},
		{"/run/loop", ERR_IO, ELOOP,
		 "CNI_NETNS: open network namespace /run/loop: Too many levels of symbolic links"},
	};

	(void)state;
	file_put("/run/file", "");
	sh("ln -s /run/loop /run/loop");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {};
		int fd = -7;

		assert_int_equal(netns_open(&fd, rows[i].path, &e), -1);
		assert_string_equal(e.msg, rows[i].msg);
		assert_int_equal(e.code, rows[i].code);
		assert_int_equal(e.os, rows[i].os);
		assert_int_equal(fd, -7);
	}
}

/** The bind mount of `ip netns add` is gone, its file is still there. */
static void a_file_left_behind_by_a_namespace_is_none(void **state)
{
	struct err e = {};
	int fd = pod("red");

	(void)state;
	close(fd);
	sh("umount /run/netns/red");
	assert_int_equal(netns_open(&fd, "/run/netns/red", &e), -1);
	assert_int_equal(e.code, ERR_ENV);
}

static void a_namespace_of_another_kind_is_not_entered(void **state)
{
	_cleanup_(fd_closep) int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	struct netns ns = {.home = -1};
	struct err e = {};

	(void)state;
	assert_int_equal(netns_enter(&ns, fd, &e), -1);
	assert_int_equal(e.code, ERR_ENV);
	assert_string_equal(e.msg, "enter network namespace: Invalid argument");
	assert_int_equal(ns.home, -1);
}

static void not_getting_home_is_the_end(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		struct netns ns = {.home = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC)};

		(void)signal(SIGABRT, SIG_DFL);
		(void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		netns_leave(&ns);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_namespace_is_entered_and_left_again, sandbox),
		cmocka_unit_test_setup(the_end_of_a_scope_leaves_the_namespace, sandbox),
		cmocka_unit_test_setup(namespaces_nest, sandbox),
		cmocka_unit_test_setup(a_namespace_is_opened_by_its_path, sandbox),
		cmocka_unit_test_setup(what_cannot_be_opened_says_why, sandbox),
		cmocka_unit_test_setup(a_file_left_behind_by_a_namespace_is_none, sandbox),
		cmocka_unit_test(a_namespace_of_another_kind_is_not_entered),
		cmocka_unit_test(not_getting_home_is_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
