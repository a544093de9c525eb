// SPDX-License-Identifier: Apache-2.0
/** Reading attributes out of messages, written here with the builder. */
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/nl.h"
#include "test.h"

enum { MAX = 5 };

static void begin(struct nl_msg *m)
{
	const struct ifinfomsg hdr = {.ifi_index = 7};

	nl_begin(m, RTM_NEWLINK, 0, &hdr, sizeof(hdr));
}

static void parse(const struct nl_msg *m, const struct nlattr *a[])
{
	nl_parse((const void *)m->buf, sizeof(struct ifinfomsg), a, MAX);
}

static void attributes_are_found_by_their_type(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct nlattr *a[MAX + 1], *nested[MAX + 1];

	(void)state;
	begin(&m);
	nl_u32(&m, 3, 1400);
	nl_str(&m, 1, "eth0");
	nl_nest(&m, 2) {
		nl_u8(&m, 4, 9);
	}
	nl_u32(&m, MAX + 1, 1); // newer kernels know more types
	nl_u32(&m, 16000, 1);
	parse(&m, a);
	assert_int_equal(((const struct ifinfomsg *)nl_payload((const void *)m.buf))->ifi_index, 7);
	assert_int_equal(nl_get_u32(a[3]), 1400);
	assert_string_equal(nl_get_str(a[1], "?"), "eth0");
	assert_null(a[0]);
	assert_null(a[4]);
	assert_null(a[5]);
	nl_parse_nested(a[2], nested, MAX);
	assert_int_equal(nl_get_u8(nested[4]), 9);
	assert_null(nested[1]);
}

static void of_two_of_a_type_the_last_counts(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct nlattr *a[MAX + 1];

	(void)state;
	begin(&m);
	nl_u32(&m, 3, 1);
	nl_u32(&m, 3, 2);
	parse(&m, a);
	assert_int_equal(nl_get_u32(a[3]), 2);
}

static void what_is_absent_reads_as_nothing(void **state)
{
	const struct nlattr *a[MAX + 1];
	struct ipaddr ip = {.family = AF_INET, .bytes = {10, 0, 0, 1}};
	size_t len = 9;

	(void)state;
	assert_int_equal(nl_get_u8(NULL), 0);
	assert_int_equal(nl_get_u16(NULL), 0);
	assert_int_equal(nl_get_u32(NULL), 0);
	assert_int_equal(nl_get_be32(NULL), 0);
	assert_null(nl_get_str(NULL, NULL));
	assert_string_equal(nl_get_str(NULL, "none"), "none");
	assert_null(nl_get_data(NULL, &len));
	assert_int_equal(len, 0);
	assert_false(nl_get_ip(NULL, AF_INET, &ip));
	assert_int_equal(ip.bytes[0], 10);
	memset((void *)a, 0xff, sizeof(a));
	nl_parse_nested(NULL, a, MAX);
	for (size_t i = 0; i <= MAX; i++)
		assert_null(a[i]);
}

static void what_is_too_short_reads_as_nothing(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct nlattr *a[MAX + 1];
	struct ipaddr ip = {};

	(void)state;
	begin(&m);
	nl_put(&m, 1, "abc", 3); // neither a number nor a closed string
	nl_put(&m, 2, NULL, 0);
	nl_put(&m, 3, "12345", 5);
	nl_u32(&m, 4, 1);
	parse(&m, a);
	assert_int_equal(nl_get_u32(a[1]), 0);
	assert_int_equal(nl_get_u8(a[2]), 0);
	assert_int_equal(nl_get_u16(a[2]), 0);
	assert_string_equal(nl_get_str(a[1], "otherwise"), "otherwise");
	assert_string_equal(nl_get_str(a[2], "otherwise"), "otherwise");
	assert_false(nl_get_ip(a[1], AF_INET, &ip));
	assert_false(nl_get_ip(a[3], AF_INET, &ip));
	assert_false(nl_get_ip(a[4], AF_INET6, &ip));
	assert_int_equal(ip.family, 0);
	assert_true(nl_get_ip(a[4], AF_INET, &ip));
}

static void numbers_come_in_both_orders(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct nlattr *a[MAX + 1];

	(void)state;
	begin(&m);
	nl_u32(&m, 1, 0x01020304);
	nl_be32(&m, 2, 0x01020304);
	nl_u8(&m, 3, 255);
	nl_u16(&m, 4, 0x0102);
	parse(&m, a);
	assert_int_equal(nl_get_u32(a[1]), 0x01020304);
	assert_int_equal(nl_get_be32(a[2]), 0x01020304);
	assert_int_equal(nl_get_u8(a[3]), 255);
	assert_int_equal(nl_get_u16(a[4]), 0x0102);
}

static void addresses_keep_their_family(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct nlattr *a[MAX + 1];
	struct ipaddr v6 = {.family = AF_INET6, .bytes = {0xfd, [15] = 7}}, out = {};

	(void)state;
	begin(&m);
	nl_ip(&m, 1, &v6);
	parse(&m, a);
	assert_true(nl_get_ip(a[1], AF_INET6, &out));
	assert_int_equal(ip_cmp(&out, &v6), 0);
}

static void a_reply_shorter_than_its_header_has_no_attributes(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct nlattr *a[MAX + 1];

	(void)state;
	nl_begin(&m, RTM_NEWLINK, 0, "abcd", 4);
	memset((void *)a, 0xff, sizeof(a));
	parse(&m, a);
	for (size_t i = 0; i <= MAX; i++)
		assert_null(a[i]);
}

static void an_attribute_that_claims_too_much_ends_the_list(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct nlattr *a[MAX + 1];
	struct nlattr *lie;

	(void)state;
	begin(&m);
	nl_u32(&m, 1, 11);
	nl_u32(&m, 2, 22);
	lie = (void *)(m.buf + m.len - 8);
	lie->nla_len = 4000;
	parse(&m, a);
	assert_int_equal(nl_get_u32(a[1]), 11);
	assert_null(a[2]);
	lie->nla_len = 1; // less than its own header
	parse(&m, a);
	assert_int_equal(nl_get_u32(a[1]), 11);
	assert_null(a[2]);
}

static const struct nlattr *next(const struct nlmsghdr *h, const struct nlattr *previous)
{
	return nl_next(h, sizeof(struct ifinfomsg), previous);
}

/** The first @len bytes of the message alone, so that the sanitizer sees who reads beyond. */
static struct nlmsghdr *cut(const struct nl_msg *m, size_t len)
{
	struct nlmsghdr *h = malloc(len);

	assert_non_null(h);
	memcpy(h, m->buf, len);
	h->nlmsg_len = (uint32_t)len;
	return h;
}

static void attributes_are_walked_in_order_also_those_of_one_type(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct nlattr *a;

	(void)state;
	begin(&m);
	nl_u32(&m, 3, 1);
	nl_put(&m, 3, "12345", 5); // three bytes of padding behind it
	nl_nest(&m, 2 | NLA_F_NESTED) {
		nl_u8(&m, 4, 9);
	}
	nl_put(&m, 1, NULL, 0);
	a = next((const void *)m.buf, NULL);
	assert_int_equal(nl_type(a), 3);
	assert_int_equal(nl_get_u32(a), 1);
	a = next((const void *)m.buf, a);
	assert_int_equal(nl_type(a), 3);
	assert_memory_equal((const char *)a + NLA_HDRLEN, "12345", 5);
	a = next((const void *)m.buf, a);
	assert_int_equal(nl_type(a), 2); // without the flag
	a = next((const void *)m.buf, a);
	assert_int_equal(nl_type(a), 1);
	assert_null(next((const void *)m.buf, a));
}

static void a_nest_is_walked_to_its_end(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct nlattr *nest, *a;

	(void)state;
	begin(&m);
	nl_nest(&m, 2 | NLA_F_NESTED) {
		nl_put(&m, 1, "12345", 5);
		nl_u32(&m, 1, 11);
	}
	nl_nest(&m, 3 | NLA_F_NESTED) {
	}
	nl_u32(&m, 4, 22);
	nest = next((const void *)m.buf, NULL);
	a = nl_next_nested(nest, NULL);
	assert_memory_equal((const char *)a + NLA_HDRLEN, "12345", 5);
	a = nl_next_nested(nest, a);
	assert_int_equal(nl_get_u32(a), 11);
	assert_null(nl_next_nested(nest, a));
	nest = next((const void *)m.buf, nest);
	assert_null(nl_next_nested(nest, NULL));
}

static void where_there_are_no_attributes_there_is_no_first(void **state)
{
	static const size_t lens[] = {
		NLMSG_LENGTH(sizeof(struct ifinfomsg)),
		NLMSG_LENGTH(sizeof(struct ifinfomsg)) + 2, // half a header
		NLMSG_LENGTH(4),                            // not even that of the family
	};
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	(void)state;
	begin(&m);
	nl_u32(&m, 1, 11);
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		_cleanup_(freep) struct nlmsghdr *h = cut(&m, lens[i]);

		assert_null(next(h, NULL));
	}
}

static void the_walk_ends_at_an_attribute_that_claims_too_much(void **state)
{
	static const uint16_t lies[] = {9, UINT16_MAX, NLA_HDRLEN - 1, 0};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct nlattr *lie;

	(void)state;
	begin(&m);
	nl_u32(&m, 1, 11);
	nl_u32(&m, 2, 22);
	lie = (void *)(m.buf + m.len - 8);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		_cleanup_(freep) struct nlmsghdr *h = NULL;

		lie->nla_len = lies[i];
		h = cut(&m, m.len);
		assert_int_equal(nl_get_u32(next(h, NULL)), 11);
		assert_null(next(h, next(h, NULL)));
	}
}

static void the_walk_ends_where_the_message_does(void **state)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	(void)state;
	begin(&m);
	nl_u32(&m, 1, 11);
	nl_u32(&m, 2, 22);
	for (size_t missing = 1; missing <= 8; missing++) {
		_cleanup_(freep) struct nlmsghdr *h = cut(&m, m.len - missing);

		assert_int_equal(nl_get_u32(next(h, NULL)), 11);
		assert_null(next(h, next(h, NULL)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_found_by_their_type),
		cmocka_unit_test(of_two_of_a_type_the_last_counts),
		cmocka_unit_test(what_is_absent_reads_as_nothing),
		cmocka_unit_test(what_is_too_short_reads_as_nothing),
		cmocka_unit_test(numbers_come_in_both_orders),
		cmocka_unit_test(addresses_keep_their_family),
		cmocka_unit_test(a_reply_shorter_than_its_header_has_no_attributes),
		cmocka_unit_test(an_attribute_that_claims_too_much_ends_the_list),
		cmocka_unit_test(attributes_are_walked_in_order_also_those_of_one_type),
		cmocka_unit_test(a_nest_is_walked_to_its_end),
		cmocka_unit_test(where_there_are_no_attributes_there_is_no_first),
		cmocka_unit_test(the_walk_ends_at_an_attribute_that_claims_too_much),
		cmocka_unit_test(the_walk_ends_where_the_message_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
