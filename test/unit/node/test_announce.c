// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "addresses.h"
#include "node/announce.h"
#include "sandbox.h"
#include "test.h"

/** Interface near, whose frames arrive at far. */
static int wire(void **state)
{
	struct err e = {};

	if (sandbox(state) != 0)
		return -1;
	sh("ip link add near address 02:00:00:00:00:05 type veth peer name far && "
	   "sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.near.addr_gen_mode=1 "
	   "net.ipv6.conf.far.addr_gen_mode=1 && "
	   "ip addr add 10.1.0.5/24 dev near && ip addr add fd00::5/64 dev near nodad");
	*state = nl_open(NETLINK_ROUTE, &e);
	return *state ? 0 : -1;
}

static int unplug(void **state)
{
	nl_closep((struct nl **)state);
	return 0;
}

/** Announce @ip, and return what far hears of @protocol, in hex. */
static const char *heard(struct nl *nl, const char *ip_text, uint16_t protocol)
{
	static char text[400];
	const struct mac mac = {{2, 0, 0, 0, 0, 5}};
	const struct ipaddr ip = ip_of(ip_text);
	_cleanup_(fd_closep) int fd =
		socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(protocol));
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(protocol),
				 .sll_ifindex = nl_ifindex(nl, "far")};
	unsigned char frame[100];
	struct err e = {};
	ssize_t n;

	assert_int_equal(bind(fd, (const void *)&at, sizeof(at)), 0);
	if (announce_address(nl_ifindex(nl, "near"), &mac, &ip, &e) < 0)
		fail_msg("%s", e.msg);
	n = recv(fd, frame, sizeof(frame), 0);
	assert_true(n > 0);
	for (ssize_t i = 0; i < n; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", frame[i]);
	return text;
}

static void an_ipv4_address_is_announced_by_a_request_for_itself(void **state)
{
	sh("ip link set near up && ip link set far up");
	assert_string_equal(heard(*state, "10.1.0.5", ETH_P_ARP), "ffffffffffff"
								  "020000000005"
								  "0806"
								  "0001"
								  "0800"
								  "06"
								  "04"
								  "0001"
								  "020000000005"
								  "0a010005"
								  "000000000000"
								  "0a010005");
}

static void an_ipv6_address_is_announced_to_all_nodes_and_overrides(void **state)
{
	const char *frame;

	sh("ip link set near up && ip link set far up");
	frame = heard(*state, "fd00::5", ETH_P_IPV6);
	assert_memory_equal(frame,
			    "333300000001"
			    "020000000005"
			    "86dd",
			    28);
	// Payload of 32 bytes, ICMPv6, 255 hops.
	assert_memory_equal(frame + 28 + 8, "00203aff", 8);
	assert_memory_equal(frame + 28 + 16,
			    "fd000000000000000000000000000005"
			    "ff020000000000000000000000000001"
			    "8800",
			    68);
	assert_string_equal(frame + 28 + 80 + 8, "20000000"
						 "fd000000000000000000000000000005"
						 "0201"
						 "020000000005");
}

static void carrier_that_is_there_is_not_waited_for(void **state)
{
	struct err e = {};

	sh("ip link set near up && ip link set far up");
	assert_int_equal(announce_await(*state, nl_ifindex(*state, "near"), 60000, &e), 1);
}

static void carrier_that_comes_ends_the_wait(void **state)
{
	struct err e = {};

	sh("ip link set near up; (sleep .1; ip link set far up) >/dev/null 2>&1 &");
	assert_int_equal(announce_await(*state, nl_ifindex(*state, "near"), 60000, &e), 1);
}

static void carrier_that_does_not_come_is_waited_for_so_long(void **state)
{
	struct err e = {};

	sh("ip link set near up; (for i in 1 2 3 4 5; do ip link set far mtu 14$i$i; done) &");
	assert_int_equal(announce_await(*state, nl_ifindex(*state, "near"), 50, &e), 0);
	assert_int_equal(announce_await(*state, 4711, 50, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			an_ipv4_address_is_announced_by_a_request_for_itself, wire, unplug),
		cmocka_unit_test_setup_teardown(
			an_ipv6_address_is_announced_to_all_nodes_and_overrides, wire, unplug),
		cmocka_unit_test_setup_teardown(carrier_that_is_there_is_not_waited_for, wire,
						unplug),
		cmocka_unit_test_setup_teardown(carrier_that_comes_ends_the_wait, wire, unplug),
		cmocka_unit_test_setup_teardown(carrier_that_does_not_come_is_waited_for_so_long,
						wire, unplug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
