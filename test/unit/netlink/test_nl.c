// SPDX-License-Identifier: Apache-2.0
/** Conversations with the kernel. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink/conversation.h"
#include "netlink/nl.h"
#include "sandbox.h"
#include "test.h"

static const struct ifinfomsg any = {.ifi_family = AF_UNSPEC};

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_ROUTE, NULL);
}

static void put_link(struct nl_msg *m, const char *name, const char *kind)
{
	nl_begin(m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &any, sizeof(any));
	nl_label(m, "add %s", name);
	nl_str(m, IFLA_IFNAME, name);
	nl_nest(m, IFLA_LINKINFO)
		nl_str(m, IFLA_INFO_KIND, kind);
}

static void put_get(struct nl_msg *m, const char *name)
{
	nl_begin(m, RTM_GETLINK, 0, &any, sizeof(any));
	nl_label(m, "find %s", name);
	nl_str(m, IFLA_IFNAME, name);
}

/** Names met in replies, in order, and after how many to stop. */
struct names {
	char text[2000];
	int n, stop_at;
};

static int note_name(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nlattr *a[IFLA_MAX + 1];
	struct names *names = ctx;
	size_t len = strlen(names->text);

	nl_parse(reply, sizeof(struct ifinfomsg), a, IFLA_MAX);
	(void)snprintf(names->text + len, sizeof(names->text) - len, "%s ",
		       nl_get_str(a[IFLA_IFNAME], "?"));
	return ++names->n == names->stop_at ? err_set(e, ERR_CONFIG, "seen enough") : 0;
}

static void the_kernel_carries_out_a_request(void **state)
{
	struct nl *nl = *state;
	struct nl_msg m = {};
	struct err e = {};

	put_link(&m, "d0", "bridge");
	assert_int_equal(nl_call(nl, &m, &e), 0);
	assert_string_equal(e.msg, "");
	assert_null(m.buf); // used up
	assert_int_equal(if_nametoindex("d0"), nl_ifindex(nl, "d0"));
	assert_int_not_equal(nl_ifindex(nl, "d0"), 0);
}

static void a_message_without_requests_is_no_call(void **state)
{
	struct nl_msg m = {};
	struct err e = {};

	assert_int_equal(nl_call(*state, &m, &e), 0);
}

static void a_refusal_has_label_errno_and_the_kernels_words(void **state)
{
	struct nl_msg m = {};
	struct err e = {};

	put_link(&m, "d0", "no-such-kind");
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_int_equal(e.code, ERR_KERNEL);
	assert_int_equal(e.os, EOPNOTSUPP);
	assert_string_equal(e.msg, "add d0: Operation not supported");
	assert_string_equal(e.details, "kernel: Unknown device type");
}

static void a_refusal_without_words_has_none(void **state)
{
	struct err e = {.details = "of before"};
	struct nl_msg m = {};

	put_get(&m, "nowhere");
	assert_int_equal(nl_get(*state, &m, note_name, &(struct names){}, &e), -1);
	assert_int_equal(e.os, ENODEV);
	assert_string_equal(e.msg, "find nowhere: No such device");
	assert_string_equal(e.details, "");
}

static void requests_without_a_label_are_called_by_a_general_name(void **state)
{
	struct nl_msg m = {};
	struct err e = {};

	nl_begin(&m, RTM_DELLINK, 0, &any, sizeof(any));
	nl_str(&m, IFLA_IFNAME, "nowhere");
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_string_equal(e.msg, "netlink request: No such device");
}

static void the_first_refused_request_is_reported_and_later_ones_are_carried_out(void **state)
{
	struct nl *nl = *state;
	struct nl_msg m = {};
	struct err e = {};

	put_link(&m, "d0", "bridge");
	put_link(&m, "d0", "bridge");
	put_link(&m, "d1", "no-such-kind");
	put_link(&m, "d2", "bridge");
	assert_int_equal(nl_call(nl, &m, &e), -1);
	assert_string_equal(e.msg, "add d0: File exists");
	assert_int_equal(e.os, EEXIST);
	assert_int_not_equal(nl_ifindex(nl, "d0"), 0);
	assert_int_equal(nl_ifindex(nl, "d1"), 0);
	assert_int_not_equal(nl_ifindex(nl, "d2"), 0);
}

static void the_last_request_may_be_the_refused_one(void **state)
{
	struct nl *nl = *state;
	struct nl_msg m = {};
	struct err e = {};

	put_link(&m, "d0", "bridge");
	put_link(&m, "d1", "no-such-kind");
	assert_int_equal(nl_call(nl, &m, &e), -1);
	assert_string_equal(e.msg, "add d1: Operation not supported");
	assert_int_not_equal(nl_ifindex(nl, "d0"), 0);
}

static void one_error_of_one_request_is_forgiven(void **state)
{
	struct nl *nl = *state;
	struct nl_msg m = {};
	struct err e = {};

	put_link(&m, "d0", "bridge");
	put_link(&m, "d0", "bridge");
	nl_forgive(&m, EEXIST);
	assert_int_equal(nl_call(nl, &m, &e), 0);
	put_link(&m, "d0", "bridge"); // nothing is left of the earlier message
	put_link(&m, "d0", "bridge");
	nl_forgive(&m, EEXIST);
	assert_int_equal(nl_call(nl, &m, &e), -1);
	put_link(&m, "d0", "bridge");
	nl_forgive(&m, EEXIST);
	put_link(&m, "d1", "no-such-kind");
	nl_forgive(&m, EEXIST);
	assert_int_equal(nl_call(nl, &m, &e), -1);
	assert_string_equal(e.msg, "add d1: Operation not supported");
}

static void beyond_the_labels_requests_are_carried_out_as_well(void **state)
{
	struct nl *nl = *state;
	struct nl_msg m = {};
	struct err e = {};

	for (int i = 0; i < NL_LABELS + 5; i++) {
		char name[IFNAMSIZ];

		(void)snprintf(name, sizeof(name), "d%d", i);
		put_link(&m, name, "bridge");
	}
	put_link(&m, "d3", "bridge");
	assert_int_equal(nl_call(nl, &m, &e), -1);
	assert_string_equal(e.msg, "netlink request: File exists");
	assert_int_not_equal(nl_ifindex(nl, "d16"), 0);
	for (int i = 0; i < NL_LABELS + 2; i++) {
		put_link(&m, "d3", "bridge");
		nl_forgive(&m, EEXIST);
	}
	assert_int_equal(nl_call(nl, &m, &e), 0);
}

static void a_socket_is_as_good_after_a_refusal(void **state)
{
	struct nl *nl = *state;

	for (int i = 0; i < 20; i++) {
		struct names names = {};
		struct nl_msg m = {};
		struct err e = {};

		put_link(&m, "bad", "no-such-kind");
		put_link(&m, "lo", "bridge");
		assert_int_equal(nl_call(nl, &m, &e), -1);
		assert_int_equal(e.os, EOPNOTSUPP);
		put_get(&m, "lo");
		assert_int_equal(nl_get(nl, &m, note_name, &names, &e), 0);
		assert_string_equal(names.text, "lo ");
	}
}

static void a_dump_shows_every_object(void **state)
{
	struct names names = {};
	struct nl_msg m = {};
	struct err e = {};
	char all[2000] = "lo ";

	for (int i = 0; i < 60; i++) { // more than one message of the kernel's holds
		char name[IFNAMSIZ + 1];

		(void)snprintf(name, sizeof(name), "d%d", i);
		put_link(&m, name, "bridge");
		strcat(strcat(all, name), " ");
	}
	assert_int_equal(nl_call(*state, &m, &e), 0);
	nl_begin(&m, RTM_GETLINK, 0, &any, sizeof(any));
	assert_int_equal(nl_dump(*state, &m, note_name, &names, &e), 0);
	assert_int_equal(names.n, 61);
	assert_string_equal(names.text, all);
}

static int count_reply(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	(void)reply;
	(void)e;
	++*(int *)ctx;
	return 0;
}

/** Which it says where it usually says that there is no more, not in a message of its own. */
static void a_dump_that_the_kernel_gives_up_is_an_error(void **state)
{
	const struct if_stats_msg hdr = {.filter_mask = 0}; // of no statistics at all
	struct nl_msg m = {};
	struct err e = {};
	int replies = 0;

	nl_begin(&m, RTM_GETSTATS, 0, &hdr, sizeof(hdr));
	nl_label(&m, "list statistics");
	assert_int_equal(nl_dump(*state, &m, count_reply, &replies, &e), -1);
	assert_int_equal(replies, 0);
	assert_int_equal(e.code, ERR_KERNEL);
	assert_int_equal(e.os, EINVAL);
	assert_string_equal(e.msg, "list statistics: Invalid argument");
	assert_string_equal(e.details, "kernel: Filter mask must be set for stats dump");
}

static void a_reader_that_has_enough_stops_the_dump_and_spoils_nothing(void **state)
{
	struct names names = {.stop_at = 2}, after = {};
	struct nl_msg m = {};
	struct err e = {};

	for (int i = 0; i < 60; i++) {
		char name[IFNAMSIZ];

		(void)snprintf(name, sizeof(name), "d%d", i);
		put_link(&m, name, "bridge");
	}
	assert_int_equal(nl_call(*state, &m, &e), 0);
	nl_begin(&m, RTM_GETLINK, 0, &any, sizeof(any));
	assert_int_equal(nl_dump(*state, &m, note_name, &names, &e), -1);
	assert_string_equal(e.msg, "seen enough");
	assert_string_equal(names.text, "lo d0 ");
	put_get(&m, "d7");
	assert_int_equal(nl_get(*state, &m, note_name, &after, &e), 0);
	assert_string_equal(after.text, "d7 ");
}

static void a_socket_speaks_of_the_namespace_it_was_opened_in(void **state)
{
	_cleanup_(nl_closep) struct nl *elsewhere = NULL;
	struct nl_msg m = {};
	struct err e = {};

	put_link(&m, "d0", "bridge");
	assert_int_equal(nl_call(*state, &m, &e), 0);
	assert_int_equal(sandbox(NULL), 0);
	elsewhere = nl_open(NETLINK_ROUTE, &e);
	assert_int_not_equal(nl_ifindex(*state, "d0"), 0);
	assert_int_equal(nl_ifindex(elsewhere, "d0"), 0);
}

/**
 * Write to the test's socket from another one, ahead of the kernel, that request @seq is refused.
 * The kernel calls the first socket of a process that speaks by the process's number.
 */
static void refuse_as_a_stranger(uint32_t seq)
{
	const struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = (uint32_t)getpid()};
	const struct {
		struct nlmsghdr hdr;
		struct nlmsgerr ack;
	} lie = {
		.hdr = {.nlmsg_len = sizeof(lie), .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = seq},
		.ack = {.error = -EPERM},
	};
	_cleanup_(fd_closep) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	assert_int_equal(sendto(fd, &lie, sizeof(lie), 0, (const void *)&to, sizeof(to)),
			 sizeof(lie));
}

static void only_the_kernel_is_listened_to(void **state)
{
	struct names names = {};
	struct nl_msg m = {};
	struct err e = {};

	put_get(&m, "lo");
	assert_int_equal(nl_get(*state, &m, note_name, &names, &e), 0);
	refuse_as_a_stranger(2);
	put_link(&m, "d0", "bridge");
	if (nl_call(*state, &m, &e) < 0)
		fail_msg("believed a stranger: %s", e.msg);
	refuse_as_a_stranger(3);
	refuse_as_a_stranger(3);
	put_get(&m, "d0");
	assert_int_equal(nl_get(*state, &m, note_name, &names, &e), 0);
	assert_string_equal(names.text, "lo d0 ");
}

static void a_protocol_that_is_not_there_cannot_be_opened(void **state)
{
	struct err e = {};

	(void)state;
	assert_null(nl_open(999, &e));
	assert_string_equal(e.msg, "open netlink socket: Protocol not supported");
	assert_int_equal(e.code, ERR_KERNEL);
}

static int note_length(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	(void)e;
	*(uint32_t *)ctx = reply->nlmsg_len;
	return 0;
}

static void an_object_larger_than_usual_is_read_whole_or_refused(void **state)
{
	uint32_t length = 0;
	struct nl_msg m = {};
	struct err e = {};

	// 400 other names of 100 letters: a reply of some 42 KB
	sh("ip link add many type veth peer name others && seq 400 | "
	   "awk '{printf \"link property add dev many altname %%0100d\\n\", $1}' | ip -batch -");
	put_get(&m, "many");
	assert_int_equal(nl_get(*state, &m, note_length, &length, &e), -1);
	assert_int_equal(e.code, ERR_IO);
	assert_non_null(strstr(e.msg, "bytes at once"));
	put_get(&m, "many");
	nl_expect_large(&m);
	assert_int_equal(nl_get(*state, &m, note_length, &length, &e), 0);
	assert_true(length > 40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define conversation(test)                                                                         \
	cmocka_unit_test_setup_teardown(test, connect_to_kernel, conversation_end)
		conversation(the_kernel_carries_out_a_request),
		conversation(a_message_without_requests_is_no_call),
		conversation(a_refusal_has_label_errno_and_the_kernels_words),
		conversation(a_refusal_without_words_has_none),
		conversation(requests_without_a_label_are_called_by_a_general_name),
		conversation(the_first_refused_request_is_reported_and_later_ones_are_carried_out),
		conversation(the_last_request_may_be_the_refused_one),
		conversation(one_error_of_one_request_is_forgiven),
		conversation(beyond_the_labels_requests_are_carried_out_as_well),
		conversation(a_socket_is_as_good_after_a_refusal),
		conversation(a_dump_shows_every_object),
		conversation(a_dump_that_the_kernel_gives_up_is_an_error),
		conversation(a_reader_that_has_enough_stops_the_dump_and_spoils_nothing),
		conversation(a_socket_speaks_of_the_namespace_it_was_opened_in),
		conversation(only_the_kernel_is_listened_to),
		conversation(an_object_larger_than_usual_is_read_whole_or_refused),
		cmocka_unit_test(a_protocol_that_is_not_there_cannot_be_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
