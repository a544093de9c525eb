// SPDX-License-Identifier: Apache-2.0
/** Connections that the kernel tracks are found by their port, and deleted one by one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "netlink/conntrack.h"
#include "netlink/conversation.h"
#include "sandbox.h"
#include "test.h"

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_NETFILTER, NULL);
}

/** What was found: "DST ANSWERER," for each, and the last one. */
struct found {
	char text[256];
	struct conntrack last;
};

static int note(const struct conntrack *c, void *ctx, struct err *e)
{
	struct found *f = ctx;
	char dst[IP_TEXT], answerer[IP_TEXT];
	size_t used = strlen(f->text);

	(void)e;
	(void)snprintf(f->text + used, sizeof(f->text) - used, "%s %s,", ip_format(&c->dst, dst),
		       ip_format(&c->answerer, answerer));
	f->last = *c;
	return 0;
}

static struct found find(struct nl *nl, int family, uint16_t port)
{
	struct found f = {};
	struct err e = {};

	if (conntrack_each(nl, family, IPPROTO_UDP, port, note, &f, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	return f;
}

/** Rules that need tracking, one of them a translation, and a packet each to three ports. */
static void send_packets(void)
{
	sh("ip link set lo up && nft add table inet t && "
	   "nft add chain inet t o '{ type nat hook output priority -100; }' && "
	   "nft add rule inet t o udp dport 5300 dnat ip to 127.0.0.9:53 && "
	   "nft add rule inet t o ct state new && "
	   "python3 -c \"import socket\n"
	   "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
	   "s.bind(('127.0.0.1', 4000))\n"
	   "for port in 53, 5300, 54: s.sendto(b'x', ('127.0.0.2', port))\n"
	   "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('::1', 54))\"");
}

static void those_to_a_port_are_found_and_who_answers(void **state)
{
	send_packets();
	assert_string_equal(find(*state, AF_INET, 53).text, "127.0.0.2 127.0.0.2,");
	assert_string_equal(find(*state, AF_INET, 5300).text, "127.0.0.2 127.0.0.9,");
	assert_string_equal(find(*state, AF_INET, 54).text, "127.0.0.2 127.0.0.2,");
	assert_string_equal(find(*state, AF_INET6, 54).text, "::1 ::1,");
	assert_string_equal(find(*state, AF_INET, 55).text, "");
}

static void one_is_deleted_once(void **state)
{
	struct found f;

	send_packets();
	f = find(*state, AF_INET, 5300);
	for (int i = 0; i < 2; i++) {
		struct nl_msg m = {};
		struct err e = {};

		conntrack_del(&m, &f.last);
		assert_int_equal(nl_call(*state, &m, &e), -i);
		assert_int_equal(e.os, i ? ENOENT : 0);
	}
	assert_string_equal(find(*state, AF_INET, 5300).text, "");
	assert_string_equal(find(*state, AF_INET, 53).text, "127.0.0.2 127.0.0.2,");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define with_kernel(test) cmocka_unit_test_setup_teardown(test, connect_to_kernel, conversation_end)
		with_kernel(those_to_a_port_are_found_and_who_answers),
		with_kernel(one_is_deleted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
