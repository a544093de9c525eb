// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "addresses.h"
#include "calls.h"
#include "capture.h"
#include "cni/ipmasq.h"
#include "node/rules.h"
#include "sandbox.h"
#include "test.h"

#define BOTH "10.1.0.5 net/c1/eth0,fd00::5 net/c1/eth0,"

/** A call for an attachment that has two addresses. */
struct masqueraded {
	struct test_call c;
	struct ruleset masq;
	struct cni_ip ips[2];
	struct cni_result result;
};

static void masqueraded_done(struct masqueraded *m)
{
	ruleset_done(&m->masq);
	test_call_done(&m->c);
}

static void init(struct masqueraded *m)
{
	test_call_init(&m->c, "{'name': 'net'}");
	m->masq = (struct ruleset){.kind = &masq_kind, .arena = &m->c.arena};
	m->ips[0].address = prefix_of("10.1.0.5/16");
	m->ips[1].address = prefix_of("fd00::5/64");
	m->ips[0].iface = m->ips[1].iface = -1;
	m->result = (struct cni_result){.ips = m->ips, .n_ips = 2};
	m->c.call.prev = &m->result;
}

#define MASQUERADED(name)                                                                          \
	_cleanup_(masqueraded_done) struct masqueraded name = {};                                  \
	init(&name)

/** Add for good. */
static void add(struct masqueraded *m)
{
	_cleanup_(undo_rollback) struct undo undo = {.arena = &m->c.arena};
	struct err e = {};

	if (ipmasq_add(&m->masq, &m->c.call, &m->result, &undo, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	undo_commit(&undo);
}

static void the_addresses_of_the_result_are_masqueraded(void **state)
{
	MASQUERADED(m);

	(void)state;
	add(&m);
	assert_string_equal(addresses_in_sets(), BOTH);
	assert_int_equal(lines_with("masquerade"), 2);
}

static void what_is_not_committed_is_taken_back(void **state)
{
	struct undo undo = {};
	struct err e = {};
	MASQUERADED(m);

	(void)state;
	undo.arena = &m.c.arena;
	assert_int_equal(ipmasq_add(&m.masq, &m.c.call, &m.result, &undo, &e), 0);
	assert_string_equal(addresses_in_sets(), BOTH);
	undo_rollback(&undo);
	assert_string_equal(addresses_in_sets(), "");
	assert_string_equal(sh_output("ls /run/edgeway/masq"), "");
}

/** The record is written, then nf_tables refuses, for the set is full. */
static void a_failure_halfway_leaves_nothing(void **state)
{
	struct undo undo = {};
	struct err e = {};
	struct capture log;
	const char *said;
	MASQUERADED(m);

	(void)state;
	undo.arena = &m.c.arena;
	m.result.n_ips = 1;
	sh("nft 'add table inet edgeway_masq; "
	   "add set inet edgeway_masq pods_10.1.0.0/16 { type ipv4_addr; size 1; }; "
	   "add element inet edgeway_masq pods_10.1.0.0/16 { 10.1.0.9 }' && "
	   "nft list ruleset > /run/before");
	assert_int_equal(ipmasq_add(&m.masq, &m.c.call, &m.result, &undo, &e), -1);
	assert_int_equal(e.os, ENFILE);
	assert_memory_equal(e.msg, "ipMasq: add 10.1.0.5 to nf_tables set ", 38);
	assert_string_equal(sh_output("ls /run/edgeway/masq | wc -l"), "1\n");
	log = capture_begin(STDERR_FILENO);
	undo_rollback(&undo);
	said = capture_end(&log);
	assert_string_equal(said, "");
	assert_string_equal(sh_output("ls /run/edgeway/masq /run/edgeway/masq.gone"),
			    "/run/edgeway/masq:\n\n/run/edgeway/masq.gone:\n");
	sh("nft list ruleset | diff /run/before -");
}

static void what_cannot_be_recorded_is_not_done(void **state)
{
	struct undo undo = {};
	struct err e = {};
	MASQUERADED(m);

	(void)state;
	undo.arena = &m.c.arena;
	sh("mkdir -p /run/edgeway/masq.gone && touch /run/edgeway/masq");
	assert_int_equal(ipmasq_add(&m.masq, &m.c.call, &m.result, &undo, &e), -1);
	assert_int_equal(e.code, ERR_IO);
	assert_non_null(strstr(e.msg, "/run/edgeway/masq/"));
	assert_string_equal(sh_output("nft list ruleset"), "");
	sh("rm /run/edgeway/masq");
	undo_rollback(&undo);
}

static void it_stops_by_its_record_whatever_is_configured(void **state)
{
	static const bool configured[] = {true, false};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(configured); i++) {
		struct err e = {};
		MASQUERADED(m);

		add(&m);
		m.c.call.prev = NULL;
		assert_int_equal(ipmasq_del(&m.masq, &m.c.call, configured[i], &e), 0);
		assert_string_equal(addresses_in_sets(), "");
		assert_int_equal(ipmasq_del(&m.masq, &m.c.call, configured[i], &e), 0);
	}
}

static void without_a_record_it_stops_if_it_is_configured(void **state)
{
	struct err e = {};
	MASQUERADED(m);

	(void)state;
	add(&m);
	sh("rm -r /run/edgeway");
	m.c.call.prev = NULL;
	assert_int_equal(ipmasq_del(&m.masq, &m.c.call, false, &e), 0);
	assert_string_equal(addresses_in_sets(), BOTH);
	assert_int_equal(ipmasq_del(&m.masq, &m.c.call, true, &e), 0);
	assert_string_equal(addresses_in_sets(), "");
}

static void check_goes_by_prev_result(void **state)
{
	struct err e = {};
	MASQUERADED(m);

	(void)state;
	m.result.n_ips = 1;
	add(&m);
	assert_int_equal(ipmasq_check(&m.masq, &m.c.call, &e), 0);
	m.result.n_ips = 2;
	assert_int_equal(ipmasq_check(&m.masq, &m.c.call, &e), -1);
	assert_int_equal(e.code, ERR_MISMATCH);
	assert_string_equal(e.msg, "ipMasq: fd00::5 is not masqueraded");
	assert_string_equal(e.details, "the ruleset was flushed or changed; --resync rebuilds it");
}

static void an_address_of_full_length_is_checked_by_the_recorded_subnet(void **state)
{
	struct err e = {};
	MASQUERADED(m);

	(void)state;
	add(&m);
	m.ips[0].address = prefix_of("10.1.0.5/32");
	m.ips[1].address = prefix_of("fd00::5/128");
	assert_int_equal(ipmasq_check(&m.masq, &m.c.call, &e), 0);
	m.ips[0].address = prefix_of("10.1.0.6/32");
	assert_int_equal(ipmasq_check(&m.masq, &m.c.call, &e), -1);
	assert_int_equal(e.code, ERR_MISMATCH);
	assert_string_equal(e.msg, "ipMasq: 10.1.0.6 is not masqueraded");
}

static void gc_keeps_the_attachments_that_are_listed(void **state)
{
	static const struct cni_valid valid[] = {{"c2", "eth0"}};
	struct err e = {};
	MASQUERADED(m);

	(void)state;
	add(&m);
	m.c.call.at.container = "c2";
	m.ips[0].address.ip.bytes[3] = 6;
	m.result.n_ips = 1;
	add(&m);
	m.c.call.valid = valid;
	m.c.call.n_valid = 1;
	assert_int_equal(ipmasq_gc(&m.masq, &m.c.call, false, &e), 0);
	assert_string_equal(addresses_in_sets(), "10.1.0.6 net/c2/eth0,");
	m.c.call.n_valid = 0;
	sh("rm -r /run/edgeway");
	assert_int_equal(ipmasq_gc(&m.masq, &m.c.call, false, &e), 0);
	assert_string_equal(addresses_in_sets(), "10.1.0.6 net/c2/eth0,");
	assert_int_equal(ipmasq_gc(&m.masq, &m.c.call, true, &e), 0);
	assert_string_equal(addresses_in_sets(), "");
}

static void resync_brings_it_back(void **state)
{
	struct err e = {};
	MASQUERADED(m);

	(void)state;
	add(&m);
	sh("nft flush ruleset");
	assert_int_equal(ipmasq_resync(&m.c.arena, &e), 0);
	assert_string_equal(addresses_in_sets(), BOTH);
}

static void two_backends_are_known_and_none_is_fine(void **state)
{
	static const struct {
		const char *backend;
		bool good;
	} rows[] = {{"", true},     {"iptables", true},  {"nftables", true},
		    {"nft", false}, {"IPTABLES", false}, {"nftables ", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *wrong = ipmasq_check_backend(&rows[i].backend);

		if (rows[i].good)
			assert_null(wrong);
		else
			assert_string_equal(wrong, "must be \"iptables\" or \"nftables\"");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(the_addresses_of_the_result_are_masqueraded),
		on_a_node(what_is_not_committed_is_taken_back),
		on_a_node(a_failure_halfway_leaves_nothing),
		on_a_node(what_cannot_be_recorded_is_not_done),
		on_a_node(it_stops_by_its_record_whatever_is_configured),
		on_a_node(without_a_record_it_stops_if_it_is_configured),
		on_a_node(check_goes_by_prev_result),
		on_a_node(an_address_of_full_length_is_checked_by_the_recorded_subnet),
		on_a_node(gc_keeps_the_attachments_that_are_listed),
		on_a_node(resync_brings_it_back),
		cmocka_unit_test(two_backends_are_known_and_none_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
