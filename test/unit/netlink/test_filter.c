// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "bpf/objects.h"
#include "bpf/sys.h"
#include "netlink/conversation.h"
#include "netlink/filter.h"
#include "sandbox.h"
#include "test.h"

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_ROUTE,
				  "ip link add v0 up type veth peer name v1 && "
				  "ip link set v1 up");
}

#define must(call)                                                                                 \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			fail_msg("%s (%s)", e.msg, e.details);                                     \
	} while (0)

static void put(struct nl *nl, enum filter_side side, int prog, const char *name)
{
	const struct filter filter = {side, prog, name};
	struct err e = {};

	must(filter_qdisc_add(nl, nl_ifindex(nl, "v0"), &e));
	must(filter_put(nl, nl_ifindex(nl, "v0"), &filter, &e));
}

/** Its id; its name in @name. */
static uint32_t get(struct nl *nl, enum filter_side side, char *name)
{
	uint32_t id = 4711;
	struct err e = {};

	must(filter_get(nl, nl_ifindex(nl, "v0"), side, &id, name, &e));
	return id;
}

static uint32_t id_of(int prog)
{
	struct err e = {};
	uint32_t id;

	must(bpf_prog_id(prog, &id, &e));
	return id;
}

static void a_filter_is_what_tc_would_make(void **state)
{
	_cleanup_(fd_closep) int prog = object_program();

	put(*state, FILTER_INGRESS, prog, "ours/in");
	put(*state, FILTER_EGRESS, prog, "ours/out");
	sh("tc qdisc show dev v0 | grep -q '^qdisc clsact ffff:'");
	sh("tc filter show dev v0 ingress | grep -q 'protocol all pref 1 bpf chain 0 handle 0x1 "
	   "ours/in direct-action .* id %u '",
	   id_of(prog));
	sh("tc filter show dev v0 egress | grep -q 'ours/out direct-action'");
}

static void what_is_attached_is_read_by_its_side(void **state)
{
	_cleanup_(fd_closep) int in = object_program(), out = object_program();
	char name[FILTER_NAME];

	put(*state, FILTER_INGRESS, in, "ours/in");
	assert_int_equal(get(*state, FILTER_INGRESS, name), id_of(in));
	assert_string_equal(name, "ours/in");
	assert_int_equal(get(*state, FILTER_EGRESS, name), 0);
	assert_string_equal(name, "");
	put(*state, FILTER_EGRESS, out, "ours/out");
	assert_int_equal(get(*state, FILTER_EGRESS, name), id_of(out));
	assert_string_equal(name, "ours/out");
}

static void nothing_is_read_where_nothing_of_the_kind_is(void **state)
{
	char name[FILTER_NAME];
	struct err e = {};
	uint32_t id = 7;

	assert_int_equal(get(*state, FILTER_INGRESS, name), 0); // not even a qdisc
	sh("tc qdisc add dev v0 clsact");
	assert_int_equal(get(*state, FILTER_INGRESS, name), 0);
	sh("tc filter add dev v0 ingress prio 1 protocol all u32 match u32 0 0 classid 1:1");
	assert_int_equal(get(*state, FILTER_INGRESS, name), 0);
	must(filter_get(*state, 4711, FILTER_INGRESS, &id, name, &e));
	assert_int_equal(id, 0);
}

static void a_filter_is_replaced_in_its_place(void **state)
{
	_cleanup_(fd_closep) int first = object_program(), second = object_program();
	char name[FILTER_NAME];

	put(*state, FILTER_INGRESS, first, "ours/in");
	put(*state, FILTER_INGRESS, second, "ours/other");
	assert_int_equal(get(*state, FILTER_INGRESS, name), id_of(second));
	assert_string_equal(name, "ours/other");
	sh("test $(tc filter show dev v0 ingress | grep -c handle) = 1");
}

static void another_qdisc_or_filter_is_not_replaced(void **state)
{
	struct nl *nl = *state;
	_cleanup_(fd_closep) int prog = object_program();
	const struct filter filter = {FILTER_INGRESS, prog, "ours/in"};
	struct err e = {};

	sh("tc qdisc add dev v0 ingress");
	assert_int_equal(filter_qdisc_add(nl, nl_ifindex(nl, "v0"), &e), -1);
	assert_non_null(strstr(e.msg, "add qdisc clsact to interface"));
	sh("tc qdisc del dev v0 ingress && tc qdisc add dev v0 clsact");
	must(filter_qdisc_add(nl, nl_ifindex(nl, "v0"), &e));
	sh("tc filter add dev v0 ingress prio 1 protocol all u32 match u32 0 0 classid 1:1");
	assert_int_equal(filter_put(nl, nl_ifindex(nl, "v0"), &filter, &e), -1);
	assert_non_null(strstr(e.msg, "attach ours/in to ingress of interface"));
	assert_int_equal(filter_put(nl, 4711, &filter, &e), -1);
	assert_int_equal(e.os, ENODEV);
}

static void detaching_leaves_others_and_what_is_gone_is_no_error(void **state)
{
	struct nl *nl = *state;
	_cleanup_(fd_closep) int prog = object_program();
	char name[FILTER_NAME];
	struct err e = {};

	must(filter_del(nl, nl_ifindex(nl, "v0"), FILTER_INGRESS, &e));
	put(nl, FILTER_INGRESS, prog, "ours/in");
	put(nl, FILTER_EGRESS, prog, "ours/out");
	sh("tc filter add dev v0 ingress prio 7 protocol all u32 match u32 0 0 classid 1:1");
	must(filter_del(nl, nl_ifindex(nl, "v0"), FILTER_INGRESS, &e));
	must(filter_del(nl, nl_ifindex(nl, "v0"), FILTER_INGRESS, &e));
	assert_int_equal(get(nl, FILTER_INGRESS, name), 0);
	assert_int_equal(get(nl, FILTER_EGRESS, name), id_of(prog));
	sh("tc filter show dev v0 ingress | grep -q 'pref 7 u32'");
	must(filter_del(nl, 4711, FILTER_INGRESS, &e));
}

static void a_qdisc_goes_when_nobody_uses_it(void **state)
{
	struct nl *nl = *state;
	int v0 = nl_ifindex(nl, "v0");
	_cleanup_(fd_closep) int prog = object_program();
	struct err e = {};

	must(filter_qdisc_del_unused(nl, v0, &e)); // there is none
	put(nl, FILTER_EGRESS, prog, "ours/out");
	must(filter_qdisc_del_unused(nl, v0, &e));
	sh("tc qdisc show dev v0 | grep -q clsact");
	must(filter_del(nl, v0, FILTER_EGRESS, &e));
	must(filter_qdisc_del_unused(nl, v0, &e));
	sh("! tc qdisc show dev v0 | grep clsact");
	must(filter_qdisc_del_unused(nl, 4711, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define in_sandbox(test) cmocka_unit_test_setup_teardown(test, connect_to_kernel, conversation_end)
		in_sandbox(a_filter_is_what_tc_would_make),
		in_sandbox(what_is_attached_is_read_by_its_side),
		in_sandbox(nothing_is_read_where_nothing_of_the_kind_is),
		in_sandbox(a_filter_is_replaced_in_its_place),
		in_sandbox(another_qdisc_or_filter_is_not_replaced),
		in_sandbox(detaching_leaves_others_and_what_is_gone_is_no_error),
		in_sandbox(a_qdisc_goes_when_nobody_uses_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
