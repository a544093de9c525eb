// SPDX-License-Identifier: Apache-2.0
/** What the loader makes is made by hand here; the loader itself is a shell script. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "bpf/objects.h"
#include "bpf/sys.h"
#include "netlink/conversation.h"
#include "netlink/filter.h"
#include "node/datapath.h"
#include "node/datapath_build.h"
#include "sandbox.h"
#include "test.h"

#define LOADER "/run/edgeway-loader"

#define must(call)                                                                                 \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			fail_msg("%s (%s)", e.msg, e.details);                                     \
	} while (0)

static int node(void **state)
{
	return conversation_begin(state, NETLINK_ROUTE,
				  "mount -t bpf bpf /sys/fs/bpf && "
				  "ip link add v0 up type veth peer name v1");
}

static void pin(int fd, const char *path)
{
	object_pin(fd, path);
	close(fd);
}

/** All that is pinned, of this build. */
static void make_pins(uint64_t build)
{
	static const char *const progs[] = {"from_pod", "to_pod", "from_uplink", "to_uplink"};
	const struct about about = {.build = build};
	int map = object_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct about), 1);
	struct err e = {};

	must(bpf_map_put(map, &(uint32_t){0}, &about, 0, &e));
	pin(map, EDGEWAY_PINS "/" MAP_ABOUT);
	pin(object_map(BPF_MAP_TYPE_HASH, 16, sizeof(struct endpoint), ENDPOINTS_MAX),
	    EDGEWAY_PINS "/" MAP_ENDPOINTS);
	pin(object_map(BPF_MAP_TYPE_HASH, 4, sizeof(struct interface), INTERFACES_MAX),
	    EDGEWAY_PINS "/" MAP_INTERFACES);
	pin(object_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(uint32_t), 1), EDGEWAY_PINS "/" MAP_EPOCH);
	for (size_t i = 0; i < ARRAY_SIZE(progs); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), EDGEWAY_PINS "/progs/%s", progs[i]);
		pin(object_program(), path);
	}
}

static void make_loader(const char *code)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "#!/bin/sh\necho run >>/run/runs\n%s\n", code);
	file_put(LOADER, text);
	assert_int_equal(chmod(LOADER, 0755), 0);
}

#define OPENED(d)                                                                                  \
	_cleanup_(datapath_close) struct datapath d = DATAPATH_CLOSED;                             \
	make_pins(DATAPATH_BUILD);                                                                 \
	must(datapath_find(&d, &e))

static void nothing_is_found_where_nothing_is_loaded(void **state)
{
	_cleanup_(datapath_close) struct datapath d = DATAPATH_CLOSED;
	struct err e = {};

	(void)state;
	assert_int_equal(datapath_find(&d, &e), -1);
	assert_int_equal(e.os, ENOENT);
	assert_int_equal(d.lock, -1);
	make_pins(1);
	sh("rm " EDGEWAY_PINS "/progs/to_uplink");
	assert_int_equal(datapath_find(&d, &e), -1);
	assert_int_equal(e.os, ENOENT);
	assert_int_equal(d.about, -1);
}

static void what_is_loaded_is_found_whatever_its_build(void **state)
{
	_cleanup_(datapath_close) struct datapath d = DATAPATH_CLOSED;
	struct err e = {};

	(void)state;
	make_pins(DATAPATH_BUILD + 1);
	must(datapath_find(&d, &e));
	assert_true(d.about >= 0 && d.endpoints >= 0 && d.interfaces >= 0 && d.from_pod >= 0 &&
		    d.to_pod >= 0 && d.from_uplink >= 0 && d.to_uplink >= 0);
}

static void maps_of_another_layout_are_not_written_to(void **state)
{
	_cleanup_(datapath_close) struct datapath d = DATAPATH_CLOSED;
	struct err e = {};

	(void)state;
	make_pins(DATAPATH_BUILD);
	sh("rm " EDGEWAY_PINS "/" MAP_ENDPOINTS);
	pin(object_map(BPF_MAP_TYPE_HASH, 16, sizeof(struct endpoint) + 8, 8),
	    EDGEWAY_PINS "/" MAP_ENDPOINTS);
	assert_int_equal(datapath_find(&d, &e), -1);
	assert_string_equal(e.msg, EDGEWAY_PINS "/" MAP_ENDPOINTS
						": not of the layout that this version knows");
}

static void nobody_replaces_anything_while_it_is_open(void **state)
{
	_cleanup_(fd_closep) int lock = -1;
	struct err e = {};

	(void)state;
	OPENED(d);
	lock = open(DATAPATH_LOCK, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_SH | LOCK_NB), 0); // others may attach too
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	datapath_close(&d);
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
}

static void what_is_loaded_already_is_opened_without_the_loader(void **state)
{
	_cleanup_(datapath_close) struct datapath d = DATAPATH_CLOSED;
	struct err e = {};

	(void)state;
	make_pins(DATAPATH_BUILD);
	must(datapath_open(&d, "/nowhere", &e));
	assert_true(d.from_pod >= 0);
}

static void of_another_build_or_of_none_it_is_loaded_again(void **state)
{
	static const uint64_t builds[] = {0, DATAPATH_BUILD + 1};
	struct err e = {};

	(void)state;
	// Nobody else holds the lock then: the loader wants it.
	make_loader("flock --exclusive --nonblock " DATAPATH_LOCK " true");
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		_cleanup_(datapath_close) struct datapath d = DATAPATH_CLOSED;

		make_pins(builds[i]);
		must(datapath_open(&d, LOADER, &e));
		assert_true(d.from_pod >= 0);
		sh("rm -r " EDGEWAY_PINS);
	}
	assert_string_equal(file_text("/run/runs"), "run\nrun\n");
}

static void the_words_of_a_loader_that_fails_are_handed_on(void **state)
{
	_cleanup_(datapath_close) struct datapath d = DATAPATH_CLOSED;
	struct err e = {};

	(void)state;
	make_loader("echo 'no programs today' >&2; echo 'come back tomorrow' >&2; exit 1");
	assert_int_equal(datapath_open(&d, LOADER, &e), -1);
	assert_string_equal(e.msg, "load the eBPF data path: no programs today");
	assert_string_equal(e.details, "come back tomorrow");
	make_loader("exit 3");
	assert_int_equal(datapath_open(&d, LOADER, &e), -1);
	assert_string_equal(e.msg, "load the eBPF data path: " LOADER
				   ": failed with status 3 and no message");
	make_loader("kill -9 $$");
	assert_int_equal(datapath_open(&d, LOADER, &e), -1);
	assert_string_equal(e.msg, "load the eBPF data path: " LOADER ": killed by signal 9");
	assert_int_equal(datapath_open(&d, "/run/nothing", &e), -1);
	assert_string_equal(e.msg,
			    "load the eBPF data path: run /run/nothing: No such file or directory");
	make_loader("exit 0"); // and has done nothing
	assert_int_equal(datapath_open(&d, LOADER, &e), -1);
	assert_int_equal(e.os, ENOENT);
	assert_int_equal(d.lock, -1);
}

static struct ipaddr ip(const char *text)
{
	struct ipaddr out;

	assert_null(ip_parse(&out, text));
	return out;
}

static void addresses_are_written_as_the_programs_have_them(void **state)
{
	static const char *const texts[] = {"10.1.2.3", "fd00::7", "0.0.0.0"};
	const struct ipaddr four = ip("10.1.2.3");
	const union address got = datapath_address(&four);
	static const uint8_t want[] = {[10] = 0xff, 0xff, 10, 1, 2, 3};
	char text[IP_TEXT];

	(void)state;
	assert_memory_equal(got.bytes, want, sizeof(want));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct ipaddr there = ip(texts[i]);
		const union address address = datapath_address(&there);
		const struct ipaddr back = datapath_ip(&address);

		assert_string_equal(ip_format(&back, text), texts[i]);
	}
}

static void entries_are_put_replaced_and_found(void **state)
{
	const struct ipaddr a = ip("10.1.2.3"), b = ip("fd00::7");
	struct endpoint endpoint = {.ifindex = 5, .mac = {2}}, got;
	struct interface interface = {.mac = {2, 3}}, interface_got;
	struct err e = {};

	(void)state;
	OPENED(d);
	assert_int_equal(datapath_get_endpoint(&d, &a, &got, &e), 0);
	assert_int_equal(datapath_get_interface(&d, 5, &interface_got, &e), 0);
	must(datapath_put_endpoint(&d, &a, &endpoint, &e));
	must(datapath_put_interface(&d, 5, &interface, &e));
	assert_int_equal(datapath_get_endpoint(&d, &a, &got, &e), 1);
	assert_memory_equal(&got, &endpoint, sizeof(got));
	assert_int_equal(datapath_get_endpoint(&d, &b, &got, &e), 0);
	assert_int_equal(datapath_get_interface(&d, 5, &interface_got, &e), 1);
	assert_memory_equal(&interface_got, &interface, sizeof(interface_got));
	endpoint.ifindex = 6;
	must(datapath_put_endpoint(&d, &a, &endpoint, &e));
	assert_int_equal(datapath_get_endpoint(&d, &a, &got, &e), 1);
	assert_int_equal(got.ifindex, 6);
}

static void an_address_that_is_anothers_now_is_not_forgotten(void **state)
{
	const struct ipaddr a = ip("10.1.2.3");
	struct endpoint endpoint = {.ifindex = 5}, got;
	struct err e = {};

	(void)state;
	OPENED(d);
	must(datapath_put_endpoint(&d, &a, &endpoint, &e));
	must(datapath_forget_endpoint(&d, &a, 4, &e));
	assert_int_equal(datapath_get_endpoint(&d, &a, &got, &e), 1);
	must(datapath_forget_endpoint(&d, &a, 5, &e));
	assert_int_equal(datapath_get_endpoint(&d, &a, &got, &e), 0);
	must(datapath_forget_endpoint(&d, &a, 5, &e));
}

static void with_an_interface_go_all_its_addresses(void **state)
{
	const struct ipaddr mine[] = {ip("10.1.2.3"), ip("10.1.2.4"), ip("fd00::7")};
	const struct ipaddr other = ip("10.1.2.5");
	struct interface interface = {};
	struct endpoint endpoint = {.ifindex = 5}, got;
	struct err e = {};

	(void)state;
	OPENED(d);
	for (size_t i = 0; i < ARRAY_SIZE(mine); i++)
		must(datapath_put_endpoint(&d, &mine[i], &endpoint, &e));
	endpoint.ifindex = 6;
	must(datapath_put_endpoint(&d, &other, &endpoint, &e));
	must(datapath_put_interface(&d, 5, &interface, &e));
	must(datapath_put_interface(&d, 6, &interface, &e));
	must(datapath_forget_interface(&d, 5, &e));
	for (size_t i = 0; i < ARRAY_SIZE(mine); i++)
		assert_int_equal(datapath_get_endpoint(&d, &mine[i], &got, &e), 0);
	assert_int_equal(datapath_get_endpoint(&d, &other, &got, &e), 1);
	assert_int_equal(datapath_get_interface(&d, 5, &interface, &e), 0);
	assert_int_equal(datapath_get_interface(&d, 6, &interface, &e), 1);
	must(datapath_forget_interface(&d, 5, &e));
}

static bool attached(const struct datapath *d, struct nl *nl)
{
	struct err e = {};
	bool is = false;

	must(datapath_is_attached(d, nl, nl_ifindex(nl, "v0"), &is, &e));
	return is;
}

static void a_pod_has_two_programs_and_both_are_looked_for(void **state)
{
	struct nl *nl = *state;
	int v0 = nl_ifindex(nl, "v0");
	struct err e = {};

	OPENED(d);
	assert_false(attached(&d, nl));
	must(datapath_attach_pod(&d, nl, v0, &e));
	assert_true(attached(&d, nl));
	sh("tc filter show dev v0 ingress | grep -q ' edgeway/from_pod direct-action'");
	sh("tc filter show dev v0 egress | grep -q ' edgeway/to_pod direct-action'");
	must(filter_del(nl, v0, FILTER_EGRESS, &e));
	assert_false(attached(&d, nl));
	must(datapath_attach_pod(&d, nl, v0, &e));
	assert_true(attached(&d, nl));
	must(datapath_attach_uplink(&d, nl, v0, &e)); // other programs of ours
	assert_false(attached(&d, nl));
	sh("tc filter show dev v0 egress | grep -q ' edgeway/to_uplink direct-action'");
	must(datapath_detach(nl, v0, &e));
	assert_false(attached(&d, nl));
	sh("test -z \"$(tc filter show dev v0 ingress; tc filter show dev v0 egress)\"");
	must(datapath_detach(nl, v0, &e));
	must(datapath_detach(nl, 4711, &e));
}

static void programs_of_somebody_else_stay(void **state)
{
	struct nl *nl = *state;
	_cleanup_(fd_closep) int prog = object_program();
	const struct filter theirs = {FILTER_EGRESS, prog, "theirs"};
	int v0 = nl_ifindex(nl, "v0");
	struct err e = {};

	OPENED(d);
	must(filter_qdisc_add(nl, v0, &e));
	must(filter_put(nl, v0, &theirs, &e));
	assert_int_equal(datapath_attach_pod(&d, nl, v0, &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	assert_non_null(strstr(e.msg, "filter \"theirs\" of somebody else is where ours belongs: "
				      "egress, priority 1, handle 1"));
	assert_false(attached(&d, nl));
	sh("test -z \"$(tc filter show dev v0 ingress)\""); // nothing was begun
	must(datapath_detach(nl, v0, &e));
	sh("tc filter show dev v0 egress | grep -q theirs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define in_sandbox(test) cmocka_unit_test_setup_teardown(test, node, conversation_end)
		in_sandbox(nothing_is_found_where_nothing_is_loaded),
		in_sandbox(what_is_loaded_is_found_whatever_its_build),
		in_sandbox(maps_of_another_layout_are_not_written_to),
		in_sandbox(nobody_replaces_anything_while_it_is_open),
		in_sandbox(what_is_loaded_already_is_opened_without_the_loader),
		in_sandbox(of_another_build_or_of_none_it_is_loaded_again),
		in_sandbox(the_words_of_a_loader_that_fails_are_handed_on),
		in_sandbox(addresses_are_written_as_the_programs_have_them),
		in_sandbox(entries_are_put_replaced_and_found),
		in_sandbox(an_address_that_is_anothers_now_is_not_forgotten),
		in_sandbox(with_an_interface_go_all_its_addresses),
		in_sandbox(a_pod_has_two_programs_and_both_are_looked_for),
		in_sandbox(programs_of_somebody_else_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
