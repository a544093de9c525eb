// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "addresses.h"
#include "node/netns.h"
#include "node/netscan.h"
#include "sandbox.h"
#include "test.h"

static bool in_use(const char *text)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct netscan *scan;
	struct ipaddr ip = ip_of(text);
	struct err e = {};

	if (netscan_run(&scan, &arena, &e) < 0)
		fail_msg("%s", e.msg);
	return netscan_has(scan, &ip);
}

static void addresses_of_the_own_namespace_are_in_use(void **state)
{
	(void)state;
	sh("ip link add br0 up type bridge && ip addr add 192.0.2.201/24 dev br0 && "
	   "ip addr add 2001:db8:77::1/64 dev br0");
	assert_true(in_use("192.0.2.201"));
	assert_true(in_use("2001:db8:77::1"));
	assert_true(in_use("127.0.0.1"));
	assert_false(in_use("192.0.2.202"));
	assert_false(in_use("2001:db8:77::2"));
}

static void a_namespace_that_is_only_mounted_is_looked_into(void **state)
{
	close(pod("red"));
	(void)state;
	sh("ip -n red link add eth0 up type bridge && ip -n red addr add 192.0.2.211/24 dev eth0");
	assert_true(in_use("192.0.2.211"));
	sh("ip netns del red");
	assert_false(in_use("192.0.2.211"));
}

static void a_namespace_that_only_a_process_holds_is_looked_into(void **state)
{
	int ready[2];
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) < 0 || system("ip link add eth0 up type bridge && "
							"ip addr add 192.0.2.221/24 dev eth0") != 0)
			_exit(1);
		(void)!write(ready[1], "", 1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	assert_true(in_use("192.0.2.221"));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(in_use("192.0.2.221"));
}

/** in_use() as an exit status. */
static int answer(void *ip)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct netscan *scan;
	struct err e = {};

	return netscan_run(&scan, &arena, &e) < 0 ? 2 : netscan_has(scan, ip);
}

/** A plugin need not see the mounts of the runtime that made the namespace: process 1 does. */
static void a_namespace_that_is_mounted_elsewhere_is_looked_into(void **state)
{
	struct ipaddr ip = ip_of("192.0.2.231");

	(void)state;
	close(pod("red"));
	assert_int_equal(where_hidden("/run/netns", answer, &ip), 0);
	sh("ip -n red link add eth0 up type bridge && ip -n red addr add 192.0.2.231/24 dev eth0");
	assert_int_equal(where_hidden("/run/netns", answer, &ip), 1);
}

static void looking_leaves_one_where_one_was(void **state)
{
	_cleanup_(fd_closep) int home = -1;
	struct err e = {};

	close(pod("red"));
	(void)state;
	assert_int_equal(netns_open(&home, "/proc/self/ns/net", &e), 0);
	(void)in_use("192.0.2.1");
	assert_true(netns_is_current(home));
}

static int tests_here(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(addresses_of_the_own_namespace_are_in_use, sandbox),
		cmocka_unit_test_setup(a_namespace_that_is_only_mounted_is_looked_into, sandbox),
		cmocka_unit_test_setup(a_namespace_that_only_a_process_holds_is_looked_into,
				       sandbox),
		cmocka_unit_test_setup(a_namespace_that_is_mounted_elsewhere_is_looked_into,
				       sandbox),
		cmocka_unit_test_setup(looking_leaves_one_where_one_was, sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return among_own_processes(tests_here);
}
