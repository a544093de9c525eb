// SPDX-License-Identifier: Apache-2.0
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink/link.h"
#include "netlink/listen.h"
#include "sandbox.h"
#include "test.h"

_Alignas(NLMSG_ALIGNTO) static char buf[LISTEN_SIZE];

static int must_listen(int protocol, uint32_t groups)
{
	struct err e = {};
	int fd = -1;

	if (listen_open(protocol, groups, &fd, &e) < 0)
		fail_msg("%s", e.msg);
	return fd;
}

static void interfaces_are_told_of_as_they_come_and_go(void **state)
{
	_cleanup_(fd_closep) int fd = must_listen(NETLINK_ROUTE, RTMGRP_LINK);
	const struct nlmsghdr *h = (const void *)buf;
	struct link link;

	(void)state;
	assert_int_equal(listen_next(fd, buf), 0);
	sh("ip link add veth0 type veth peer name veth1");
	assert_true(listen_next(fd, buf) > 0);
	assert_int_equal(h->nlmsg_type, RTM_NEWLINK);
	link_parse(&link, h);
	assert_string_equal(link.kind, "veth");
	assert_int_equal(strncmp(link.name, "veth", 4), 0);
	while (listen_next(fd, buf) > 0)
		;
	sh("ip link del veth0");
	while (h->nlmsg_type != RTM_DELLINK)
		assert_true(listen_next(fd, buf) > 0);
}

static void others_than_the_kernel_are_not_heard(void **state)
{
	_cleanup_(fd_closep) int fd = must_listen(NETLINK_KOBJECT_UEVENT, 1);
	_cleanup_(fd_closep) int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
	const struct sockaddr_nl all = {.nl_family = AF_NETLINK, .nl_groups = 1};

	(void)state;
	assert_true(sendto(s, "add@/x\0ACTION=add", 18, 0, (const void *)&all, sizeof(all)) > 0);
	assert_int_equal(listen_next(fd, buf), 0);
}

static void what_was_not_read_in_time_is_noticed(void **state)
{
	_cleanup_(fd_closep) int fd = must_listen(NETLINK_ROUTE, RTMGRP_LINK);
	int size = 1, lost = 0;
	ssize_t n;

	(void)state;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	sh("for i in 1 2 3 4 5 6 7 8 9; do ip link set lo mtu 150$i; done");
	while ((n = listen_next(fd, buf)) != 0)
		lost += n < 0;
	assert_int_equal(lost, 1);
}

static void an_event_of_a_device_is_understood(void **state)
{
	char text[] = "bind@/devices/x\0ACTION=bind\0DEVPATH=/devices/x\0SUBSYSTEM=pci\0SEQNUM=1\0";
	char cut[] = "ACTION=add";
	struct uevent event;

	(void)state;
	uevent_parse(&event, text, sizeof(text) - 1);
	assert_string_equal(event.action, "bind");
	assert_string_equal(event.path, "/devices/x");
	assert_string_equal(event.subsystem, "pci");
	uevent_parse(&event, cut, sizeof(cut) - 1);
	assert_string_equal(event.action, "add");
	assert_string_equal(event.subsystem, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(interfaces_are_told_of_as_they_come_and_go, sandbox),
		cmocka_unit_test_setup(others_than_the_kernel_are_not_heard, sandbox),
		cmocka_unit_test_setup(what_was_not_read_in_time_is_noticed, sandbox),
		cmocka_unit_test(an_event_of_a_device_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
