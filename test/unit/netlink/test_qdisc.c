// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "netlink/conversation.h"
#include "netlink/qdisc.h"
#include "sandbox.h"
#include "test.h"

static const struct tbf TEN_MBIT = {.rate = 1250000, .burst = 100000, .limit = 131250};

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_ROUTE,
				  "ip link add v0 up type veth peer name v1 && "
				  "ip link set v1 up && ip link add i0 up type ifb && "
				  "ip link add i1 up type ifb");
}

/** Send what has been written; refusal fails the test. */
static void refused(struct nl *nl, struct nl_msg *m, int os, const char *msg)
{
	struct err e = {};

	assert_int_equal(nl_call(nl, m, &e), -1);
	assert_int_equal(e.os, os);
	assert_non_null(strstr(e.msg, msg));
}

static struct qdisc get(struct nl *nl, const char *name, enum qdisc_place place)
{
	struct qdisc q = {.kind = "?"};
	struct err e = {};

	if (qdisc_get(nl, nl_ifindex(nl, name), place, &q, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	return q;
}

static void del(struct nl *nl, const char *name, enum qdisc_place place)
{
	struct err e = {};

	if (qdisc_del(nl, nl_ifindex(nl, name), place, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}

static bool leads(struct nl *nl, const char *from, const char *to)
{
	struct err e = {};
	bool found = false;

	if (qdisc_find_redirect(nl, nl_ifindex(nl, from), nl_ifindex(nl, to), &found, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	return found;
}

static void add_tbf(struct nl *nl, const char *name, const struct tbf *tbf)
{
	struct nl_msg m = {};

	qdisc_add_tbf(&m, nl_ifindex(nl, name), tbf);
	must_call(nl, &m);
}

static void a_bucket_is_what_tc_would_make(void **state)
{
	add_tbf(*state, "v0", &TEN_MBIT);
	sh("tc qdisc show dev v0 | "
	   "grep -q '^qdisc tbf 1: root .* rate 10Mbit burst 100000b lat 25ms'");
}

static void rates_above_32_bits_arrive(void **state)
{
	const struct tbf fast = {.rate = UINT64_C(12500000000), .burst = 1 << 30, .limit = 1 << 30};
	struct qdisc q;

	add_tbf(*state, "v0", &fast);
	sh("tc qdisc show dev v0 | grep -q 'rate 100Gbit'");
	q = get(*state, "v0", QDISC_ROOT);
	assert_int_equal(q.rate, fast.rate);
	assert_true(qdisc_is_tbf(&q, &fast));
}

static void what_the_kernel_puts_there_itself_does_not_count(void **state)
{
	assert_string_equal(get(*state, "v0", QDISC_ROOT).kind, "");
	assert_string_equal(get(*state, "v0", QDISC_INGRESS).kind, "");
	sh("ip link set v0 down"); // with which goes even that
	assert_string_equal(get(*state, "v0", QDISC_ROOT).kind, "");
	sh("tc qdisc add dev v0 ingress && tc qdisc del dev v0 ingress");
	assert_string_equal(get(*state, "v0", QDISC_INGRESS).kind, "");
}

static void what_is_there_is_found_in_its_place(void **state)
{
	sh("tc qdisc add dev v0 clsact && tc qdisc add dev v0 root handle 7: pfifo");
	assert_string_equal(get(*state, "v0", QDISC_ROOT).kind, "pfifo");
	assert_string_equal(get(*state, "v0", QDISC_INGRESS).kind, "clsact");
	assert_string_equal(get(*state, "v1", QDISC_ROOT).kind, "");
}

static void only_the_same_rate_and_burst_match(void **state)
{
	static const struct tbf others[] = {
		{.rate = 1250001, .burst = 100000}, {.rate = 1250000, .burst = 100003},
		{.rate = 1250000, .burst = 99997},  {.rate = 1250000, .burst = 50000},
		{.rate = 125000, .burst = 10000},
	};
	struct qdisc q;

	add_tbf(*state, "v0", &TEN_MBIT);
	q = get(*state, "v0", QDISC_ROOT);
	assert_true(qdisc_is_tbf(&q, &TEN_MBIT));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(qdisc_is_tbf(&q, &others[i]));
	(void)strcpy(q.kind, "pfifo");
	assert_false(qdisc_is_tbf(&q, &TEN_MBIT));
}

/** 512 MB at 8 Mbit/s take 9 minutes, which is more than the kernel can show. */
static void a_burst_of_minutes_matches_itself(void **state)
{
	const struct tbf patient = {.rate = 1000000, .burst = 536870911, .limit = 200000};
	const struct tbf hasty = {.rate = 1000000, .burst = 436870911};
	struct qdisc q;

	add_tbf(*state, "v0", &patient);
	q = get(*state, "v0", QDISC_ROOT);
	assert_true(qdisc_is_tbf(&q, &patient));
	assert_false(qdisc_is_tbf(&q, &hasty));
}

static void a_place_that_is_taken_is_eexist(void **state)
{
	struct nl *nl = *state;
	struct nl_msg m = {};

	sh("tc qdisc add dev v0 clsact && tc qdisc add dev v0 root handle 7: pfifo");
	qdisc_add_tbf(&m, nl_ifindex(nl, "v0"), &TEN_MBIT);
	refused(nl, &m, EEXIST, "add qdisc tbf of interface");
	qdisc_add_ingress(&m, nl_ifindex(nl, "v0"));
	refused(nl, &m, EEXIST, "add qdisc ingress of interface");
}

static void what_comes_in_is_redirected(void **state)
{
	struct nl *nl = *state;
	struct nl_msg m = {};

	assert_false(leads(nl, "v0", "i0"));
	qdisc_add_ingress(&m, nl_ifindex(nl, "v0"));
	qdisc_add_redirect(&m, nl_ifindex(nl, "v0"), nl_ifindex(nl, "i0"));
	must_call(nl, &m);
	assert_true(leads(nl, "v0", "i0"));
	assert_false(leads(nl, "v0", "i1"));
	assert_false(leads(nl, "v1", "i0"));
	sh("tc filter show dev v0 ingress | grep -q 'protocol all.*u32.*flowid 1:1'");
	sh("tc filter show dev v0 ingress | grep -q 'match 00000000/00000000 at 0'");
	sh("tc filter show dev v0 ingress | grep -q 'Egress Redirect to device i0) stolen'");
}

static void other_filters_are_no_redirection(void **state)
{
	struct nl *nl = *state;

	sh("tc qdisc add dev v0 ingress");
	assert_false(leads(nl, "v0", "i0"));
	sh("tc filter add dev v0 ingress protocol all u32 match u32 0 0 action mirred egress "
	   "mirror "
	   "dev i0");
	sh("tc filter add dev v0 ingress protocol ip u32 match u32 0 0 classid 1:1");
	assert_false(leads(nl, "v0", "i0"));
}

static void ours_is_deleted_and_nobody_elses(void **state)
{
	struct nl *nl = *state;
	struct nl_msg m = {};

	del(nl, "v0", QDISC_ROOT);
	del(nl, "v0", QDISC_INGRESS);
	add_tbf(nl, "v0", &TEN_MBIT);
	qdisc_add_ingress(&m, nl_ifindex(nl, "v0"));
	must_call(nl, &m);
	del(nl, "v0", QDISC_ROOT);
	assert_string_equal(get(nl, "v0", QDISC_ROOT).kind, "");
	assert_string_equal(get(nl, "v0", QDISC_INGRESS).kind, "ingress");
	del(nl, "v0", QDISC_INGRESS);
	assert_string_equal(get(nl, "v0", QDISC_INGRESS).kind, "");
	sh("tc qdisc add dev v0 root handle 1: pfifo && tc qdisc add dev v0 clsact");
	sh("tc qdisc add dev v1 root handle 9: tbf rate 1mbit burst 10000 latency 1s");
	del(nl, "v0", QDISC_ROOT);
	del(nl, "v0", QDISC_INGRESS);
	del(nl, "v1", QDISC_ROOT);
	assert_string_equal(get(nl, "v0", QDISC_ROOT).kind, "pfifo");
	assert_string_equal(get(nl, "v0", QDISC_INGRESS).kind, "clsact");
	assert_string_equal(get(nl, "v1", QDISC_ROOT).kind, "tbf");
}

static void deleting_from_what_is_gone_succeeds_and_reading_says_so(void **state)
{
	struct qdisc q;
	struct err e = {};

	assert_int_equal(qdisc_del(*state, 4711, QDISC_ROOT, &e), 0);
	assert_int_equal(qdisc_get(*state, 4711, QDISC_ROOT, &q, &e), -1);
	assert_int_equal(e.os, ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define in_sandbox(test) cmocka_unit_test_setup_teardown(test, connect_to_kernel, conversation_end)
		in_sandbox(a_bucket_is_what_tc_would_make),
		in_sandbox(rates_above_32_bits_arrive),
		in_sandbox(what_the_kernel_puts_there_itself_does_not_count),
		in_sandbox(what_is_there_is_found_in_its_place),
		in_sandbox(only_the_same_rate_and_burst_match),
		in_sandbox(a_burst_of_minutes_matches_itself),
		in_sandbox(a_place_that_is_taken_is_eexist),
		in_sandbox(what_comes_in_is_redirected),
		in_sandbox(other_filters_are_no_redirection),
		in_sandbox(ours_is_deleted_and_nobody_elses),
		in_sandbox(deleting_from_what_is_gone_succeeds_and_reading_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
