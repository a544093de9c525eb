// SPDX-License-Identifier: Apache-2.0
/** Messages as they are laid out in memory; test_nl.c sends some. */
#include <arpa/inet.h>

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "netlink/nl.h"
#include "test.h"

static const struct ifinfomsg family_hdr = {.ifi_family = AF_UNSPEC, .ifi_index = 7};

/** Request number @i of the message. */
static const struct nlmsghdr *request(const struct nl_msg *m, unsigned int i)
{
	size_t at = 0;

	while (i--)
		at += NLMSG_ALIGN(((const struct nlmsghdr *)(m->buf + at))->nlmsg_len);
	assert_true(at < m->len);
	return (const void *)(m->buf + at);
}

/** Attribute number @i behind @at, all of @len bytes; fails if one is not well-formed. */
static const struct nlattr *attribute(const void *at, size_t len, unsigned int i)
{
	const unsigned char *p = at;

	for (;;) {
		const struct nlattr *a = (const void *)p;
		size_t size;

		assert_true(len >= NLA_HDRLEN);
		assert_true(a->nla_len >= NLA_HDRLEN);
		size = NLA_ALIGN(a->nla_len);
		assert_true(size <= len);
		for (size_t pad = a->nla_len; pad < size; pad++)
			assert_int_equal(p[pad], 0);
		if (i-- == 0)
			return a;
		p += size;
		len -= size;
	}
}

/** Attribute number @i of a request with a struct ifinfomsg. */
static const struct nlattr *of_request(const struct nlmsghdr *h, unsigned int i)
{
	return attribute((const char *)h + NLMSG_LENGTH(sizeof(family_hdr)),
			 NLMSG_PAYLOAD(h, sizeof(family_hdr)), i);
}

static const void *payload(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

/** Attribute number @i inside @nest, behind a header of @hdr_len bytes. */
static const struct nlattr *inside(const struct nlattr *nest, size_t hdr_len, unsigned int i)
{
	return attribute((const char *)payload(nest) + hdr_len,
			 nest->nla_len - NLA_HDRLEN - hdr_len, i);
}

static void an_attribute_is(const struct nlattr *a, uint16_t type, const void *data, size_t len)
{
	assert_int_equal(a->nla_type, type);
	assert_int_equal(a->nla_len, NLA_HDRLEN + len);
	assert_memory_equal(payload(a), data, len);
}

static void a_request_begins_with_its_headers(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct nlmsghdr *h;

	(void)state;
	nl_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &family_hdr, sizeof(family_hdr));
	h = request(&m, 0);
	assert_int_equal(h->nlmsg_type, RTM_NEWLINK);
	assert_int_equal(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
	assert_int_equal(h->nlmsg_len, NLMSG_LENGTH(sizeof(family_hdr)));
	assert_memory_equal((const char *)h + NLMSG_HDRLEN, &family_hdr, sizeof(family_hdr));
	assert_int_equal(m.count, 1);
	assert_int_equal(m.len, NLMSG_ALIGN(h->nlmsg_len));
}

static void values_are_laid_out_by_their_type(void **state)
{
	const uint8_t u8 = 0xab;
	const uint16_t u16 = 0xabcd;
	const uint32_t u32 = 0xabcdef01;
	const uint8_t be32[4] = {0xab, 0xcd, 0xef, 0x01};
	struct ipaddr v4 = {.family = AF_INET, .bytes = {10, 1, 2, 3}};
	struct ipaddr v6 = {.family = AF_INET6, .bytes = {0xfd, [15] = 7}};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct nlmsghdr *h;

	(void)state;
	nl_begin(&m, RTM_NEWLINK, 0, &family_hdr, sizeof(family_hdr));
	nl_u8(&m, 1, u8);
	nl_u16(&m, 2, u16);
	nl_u32(&m, 3, u32);
	nl_be32(&m, 4, u32);
	nl_str(&m, 5, "eth0");
	nl_str(&m, 6, "");
	nl_put(&m, 7, "12345", 5);
	nl_put(&m, 8, NULL, 0);
	nl_ip(&m, 9, &v4);
	nl_ip(&m, 10, &v6);
	h = request(&m, 0);
	an_attribute_is(of_request(h, 0), 1, &u8, 1);
	an_attribute_is(of_request(h, 1), 2, &u16, 2);
	an_attribute_is(of_request(h, 2), 3, &u32, 4);
	an_attribute_is(of_request(h, 3), 4, be32, 4);
	an_attribute_is(of_request(h, 4), 5, "eth0", 5);
	an_attribute_is(of_request(h, 5), 6, "", 1);
	an_attribute_is(of_request(h, 6), 7, "12345", 5);
	an_attribute_is(of_request(h, 7), 8, "", 0);
	an_attribute_is(of_request(h, 8), 9, v4.bytes, 4);
	an_attribute_is(of_request(h, 9), 10, v6.bytes, 16);
	assert_int_equal(m.len, NLMSG_ALIGN(h->nlmsg_len));
}

static void nests_hold_what_their_blocks_write(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct nlattr *info, *data, *peer;
	const struct nlmsghdr *h;

	(void)state;
	nl_begin(&m, RTM_NEWLINK, 0, &family_hdr, sizeof(family_hdr));
	nl_nest(&m, IFLA_LINKINFO) {
		nl_str(&m, IFLA_INFO_KIND, "veth");
		nl_nest(&m, IFLA_INFO_DATA) {
			nl_nest_hdr(&m, 1, &family_hdr, sizeof(family_hdr))
				nl_str(&m, IFLA_IFNAME, "eth0");
		}
	}
	nl_u32(&m, IFLA_MTU, 1400);
	h = request(&m, 0);
	info = of_request(h, 0);
	assert_int_equal(info->nla_type & NLA_TYPE_MASK, IFLA_LINKINFO);
	an_attribute_is(inside(info, 0, 0), IFLA_INFO_KIND, "veth", 5);
	data = inside(info, 0, 1);
	assert_int_equal(data->nla_type & NLA_TYPE_MASK, IFLA_INFO_DATA);
	peer = inside(data, 0, 0);
	assert_int_equal(peer->nla_type & NLA_TYPE_MASK, 1);
	assert_memory_equal(payload(peer), &family_hdr, sizeof(family_hdr));
	an_attribute_is(inside(peer, sizeof(family_hdr), 0), IFLA_IFNAME, "eth0", 5);
	an_attribute_is(of_request(h, 1), IFLA_MTU, &(uint32_t){1400}, 4);
}

static void an_empty_nest_is_there(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	int blocks = 0;

	(void)state;
	nl_begin(&m, RTM_NEWLINK, 0, &family_hdr, sizeof(family_hdr));
	nl_nest(&m, 5) {
		blocks++;
	}
	assert_int_equal(blocks, 1);
	assert_int_equal(of_request(request(&m, 0), 0)->nla_len, NLA_HDRLEN);
}

static void several_requests_follow_each_other_aligned(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	(void)state;
	for (uint16_t i = 0; i < 100; i++) {
		nl_begin(&m, (uint16_t)(RTM_BASE + i), 0, "x", i % 5 ? 1 : 0);
		nl_str(&m, 1, "odd");
	}
	assert_int_equal(m.count, 100);
	assert_int_equal(m.len % NLMSG_ALIGNTO, 0);
	for (uint16_t i = 0; i < 100; i++)
		assert_int_equal(request(&m, i)->nlmsg_type, RTM_BASE + i);
}

static void a_message_outgrows_its_first_buffer_with_open_nests(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct nlattr *outer, *inner;
	size_t first;

	(void)state;
	nl_begin(&m, RTM_NEWLINK, 0, &family_hdr, sizeof(family_hdr));
	first = m.size;
	nl_nest(&m, 1) {
		nl_nest(&m, 2) {
			for (uint32_t i = 0; i < 5000; i++)
				nl_u32(&m, 3, i);
		}
		nl_str(&m, 4, "end");
	}
	assert_true(m.size > first);
	assert_false(m.failed);
	outer = of_request(request(&m, 0), 0);
	inner = inside(outer, 0, 0);
	assert_int_equal(inner->nla_len, NLA_HDRLEN + 5000 * 8);
	for (uint32_t i = 0; i < 5000; i += 499)
		an_attribute_is(inside(inner, 0, i), 3, &i, 4);
	an_attribute_is(inside(outer, 0, 1), 4, "end", 4);
}

static void what_is_too_long_for_an_attribute_fails_the_call(void **state)
{
	static char big[70000];
	struct nl_msg m = {};
	struct err e = {};
	struct nl *nl = nl_open(NETLINK_ROUTE, &e);

	(void)state;
	assert_non_null(nl);
	memset(big, 'x', sizeof(big) - 1);

	nl_begin(&m, RTM_GETLINK, 0, &family_hdr, sizeof(family_hdr));
	nl_str(&m, IFLA_IFNAME, big);
	nl_u32(&m, IFLA_MTU, 1); // later attributes do no harm
	nl_nest(&m, 1)
		nl_u32(&m, 2, 3);
	nl_begin(&m, RTM_GETLINK, 0, &family_hdr, sizeof(family_hdr));
	nl_label(&m, "and labels");
	assert_true(m.failed);
	assert_int_equal(nl_call(nl, &m, &e), -1);
	assert_non_null(strstr(e.msg, "write netlink message"));
	assert_false(m.failed); // and empty, ready for another

	nl_begin(&m, RTM_GETLINK, 0, &family_hdr, sizeof(family_hdr));
	nl_nest(&m, 1) {
		nl_put(&m, 2, big, 40000);
		nl_put(&m, 3, big, 40000);
	}
	assert_true(m.failed);
	assert_int_equal(nl_dump(nl, &m, NULL, NULL, &e), -1);
	nl_closep(&nl);
}

static void the_longest_attribute_fits(void **state)
{
	static char big[65531];
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	(void)state;
	nl_begin(&m, RTM_NEWLINK, 0, &family_hdr, sizeof(family_hdr));
	nl_put(&m, 1, big, sizeof(big));
	assert_false(m.failed);
	assert_int_equal(of_request(request(&m, 0), 0)->nla_len, 65535);
}

static void each_request_has_its_label_while_there_is_room(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	(void)state;
	nl_label(&m, "before any request");
	for (int i = 0; i < NL_LABELS + 3; i++) {
		nl_begin(&m, RTM_NEWLINK, 0, &family_hdr, sizeof(family_hdr));
		nl_label(&m, "%d%0*d", i, 200, 0);
	}
	for (int i = 0; i < NL_LABELS; i++) {
		assert_int_equal(m.label[i][0], i < 10 ? '0' + i : '1');
		assert_int_equal(strlen(m.label[i]), sizeof(m.label[i]) - 1);
	}
}

static void a_message_written_anew_carries_nothing_of_the_one_before(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	(void)state;
	nl_begin(&m, RTM_NEWLINK, 0, &family_hdr, sizeof(family_hdr));
	nl_label(&m, "first");
	nl_put(&m, 1, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 35);
	nl_msg_free(&m);
	nl_begin(&m, RTM_NEWLINK, 0, &family_hdr, sizeof(family_hdr));
	nl_u8(&m, 1, 1);
	nl_str(&m, 2, "");
	an_attribute_is(of_request(request(&m, 0), 1), 2, "", 1); // which looks at padding, too
	assert_string_equal(m.label[0], "");
	assert_int_equal(m.count, 1);
}

static void freeing_leaves_an_empty_message(void **state)
{
	struct nl_msg m = {};

	(void)state;
	nl_msg_free(&m);
	nl_begin(&m, RTM_NEWLINK, 0, &family_hdr, sizeof(family_hdr));
	nl_msg_free(&m);
	nl_msg_free(&m);
	assert_null(m.buf);
	assert_int_equal(m.len, 0);
	assert_int_equal(m.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_begins_with_its_headers),
		cmocka_unit_test(values_are_laid_out_by_their_type),
		cmocka_unit_test(nests_hold_what_their_blocks_write),
		cmocka_unit_test(an_empty_nest_is_there),
		cmocka_unit_test(several_requests_follow_each_other_aligned),
		cmocka_unit_test(a_message_outgrows_its_first_buffer_with_open_nests),
		cmocka_unit_test(what_is_too_long_for_an_attribute_fails_the_call),
		cmocka_unit_test(the_longest_attribute_fits),
		cmocka_unit_test(each_request_has_its_label_while_there_is_room),
		cmocka_unit_test(a_message_written_anew_carries_nothing_of_the_one_before),
		cmocka_unit_test(freeing_leaves_an_empty_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
