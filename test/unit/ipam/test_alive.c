// SPDX-License-Identifier: Apache-2.0
#include "ipam/alive.h"
#include "sandbox.h"
#include "test.h"

#define DATA "/var/lib/cni/networks"
#define NET  DATA "/net"

/** How many leases of the dead are deleted. */
static size_t purge(void)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct err e = {};
	size_t n = 99;

	if (alive_purge(&arena, DATA, "net", &n, &e) < 0)
		fail_msg("%s", e.msg);
	return n;
}

/** A lease as an hour-old file. */
static void lease(const char *ip, const char *container)
{
	sh("mkdir -p " NET " && printf '%s\\r\\neth0' > " NET "/%s && "
	   "touch -d '1 hour ago' " NET "/%s",
	   container, ip, ip);
}

static void what_nothing_on_the_node_uses_is_dead(void **state)
{
	(void)state;
	lease("10.1.0.5", "c1");
	lease("10.1.0.6", "c2");
	assert_int_equal(purge(), 2);
	assert_false(file_exists(NET "/10.1.0.5"));
	assert_int_equal(purge(), 0);
}

static void an_address_in_any_namespace_is_alive(void **state)
{
	(void)state;
	close(pod("red"));
	sh("ip -n red link add eth0 type bridge && ip -n red addr add 10.1.0.5/16 dev eth0");
	lease("10.1.0.5", "c1");
	lease("10.1.0.6", "c2");
	assert_int_equal(purge(), 1);
	assert_true(file_exists(NET "/10.1.0.5"));
}

static void a_young_lease_may_not_be_configured_yet(void **state)
{
	(void)state;
	lease("10.1.0.5", "c1");
	sh("touch " NET "/10.1.0.5");
	assert_int_equal(purge(), 0);
	assert_true(file_exists(NET "/10.1.0.5"));
}

static void what_the_runtime_knows_with_a_living_namespace_is_alive(void **state)
{
	(void)state;
	close(pod("red"));
	lease("10.1.0.5", "c1");
	lease("10.1.0.6", "c2");
	lease("10.1.0.7", "c3");
	sh("mkdir -p /var/lib/cni/results && cd /var/lib/cni/results && "
	   "echo '{\"kind\": \"cniCacheV1\", \"netns\": \"/run/netns/red\"}' > net-c1-eth0 && "
	   "echo '{\"kind\": \"cniCacheV1\", \"netns\": \"/run/netns/gone\"}' > net-c2-eth0 && "
	   "echo 'garbage' > net-c3-eth0");
	assert_int_equal(purge(), 2);
	assert_true(file_exists(NET "/10.1.0.5"));
}

/** purge() as an exit status. */
static int purge_here(void *unused)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct err e = {};
	size_t n = 99;

	(void)unused;
	return alive_purge(&arena, DATA, "net", &n, &e) < 0 ? 98 : (int)n;
}

/** The namespace may be mounted where the runtime is, and process 1, and not where the plugin is.
 */
static void a_living_namespace_may_be_out_of_sight(void **state)
{
	(void)state;
	close(pod("red"));
	lease("10.1.0.5", "c1");
	lease("10.1.0.6", "c2");
	sh("mkdir -p /var/lib/cni/results && cd /var/lib/cni/results && "
	   "echo '{\"netns\": \"/run/netns/red\"}' > net-c1-eth0 && "
	   "echo '{\"netns\": \"/run/netns/gone\"}' > net-c2-eth0");
	assert_int_equal(where_hidden("/run/netns", purge_here, NULL), 1);
	assert_true(file_exists(NET "/10.1.0.5"));
}

static void what_is_no_lease_is_dead_at_any_age(void **state)
{
	(void)state;
	lease("10.1.0.5", "c1");
	sh("touch " NET "/10.1.0.5 && : > " NET "/10.1.0.6");
	assert_int_equal(purge(), 1);
	assert_false(file_exists(NET "/10.1.0.6"));
}

static void other_networks_and_other_files_are_left_alone(void **state)
{
	(void)state;
	lease("10.1.0.5", "c1");
	sh("cp -a " NET " " DATA "/other && echo 10.1.0.5 > " NET "/last_reserved_ip.0");
	assert_int_equal(purge(), 1);
	assert_true(file_exists(DATA "/other/10.1.0.5"));
	assert_true(file_exists(NET "/last_reserved_ip.0"));
}

static void without_leases_there_is_nothing_to_do(void **state)
{
	(void)state;
	assert_int_equal(purge(), 0);
	assert_false(file_exists("/var/lib/cni"));
}

static int tests_here(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(what_nothing_on_the_node_uses_is_dead),
		on_a_node(an_address_in_any_namespace_is_alive),
		on_a_node(a_young_lease_may_not_be_configured_yet),
		on_a_node(what_the_runtime_knows_with_a_living_namespace_is_alive),
		on_a_node(a_living_namespace_may_be_out_of_sight),
		on_a_node(what_is_no_lease_is_dead_at_any_age),
		on_a_node(other_networks_and_other_files_are_left_alone),
		on_a_node(without_leases_there_is_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return among_own_processes(tests_here);
}
