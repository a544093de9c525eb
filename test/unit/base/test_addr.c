// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "addresses.h"
#include "base/addr.h"
#include "test.h"

static void addresses_are_written_canonically(void **state)
{
	static const struct {
		const char *text, *canonical;
		int family;
	} rows[] = {
		{"0.0.0.0", "0.0.0.0", AF_INET},
		{"10.1.2.3", "10.1.2.3", AF_INET},
		{"255.255.255.255", "255.255.255.255", AF_INET},
		{"::", "::", AF_INET6},
		{"FD00:0:0::7", "fd00::7", AF_INET6},
		{"fd00:0:0:0:1:0:0:7", "fd00::1:0:0:7", AF_INET6},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AF_INET6},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ipaddr a = {};
		char text[IP_TEXT];

		assert_null(ip_parse(&a, rows[i].text));
		assert_int_equal(a.family, rows[i].family);
		assert_string_equal(ip_format(&a, text), rows[i].canonical);
	}
}

static void what_is_no_address_is_refused_and_changes_nothing(void **state)
{
	static const char *const rows[] = {
		"",           " ",          "10.1.2",
		"10.1.2.3.4", "10.1.2.256", "010.1.2.3",
		"10.1.2.3 ",  " 10.1.2.3",  "10.1.2.3/8",
		"0x0a010203", "167837955",  "10.1.2.-3",
		"1:2",        ":::",        "fd00::1::2",
		"fd00::g",    "fe80::1%lo", "fd00::7/64",
		"12345::",    "localhost",  "1:2:3:4:5:6:7:8:9",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ipaddr a = ip_of("10.9.9.9");
		const char *wrong = ip_parse(&a, rows[i]);

		if (!wrong)
			fail_msg("\"%s\" was taken for an address", rows[i]);
		assert_string_equal(wrong, "not an IP address");
		assert_int_equal(a.v4.s_addr, ip_of("10.9.9.9").v4.s_addr);
	}
}

static void prefixes_are_parsed_or_say_what_is_wrong(void **state)
{
	static const char no_len[] = "prefix length missing, write it as address/length";
	static const char neither[] =
		"not an address with a prefix length, write it as address/length";
	static const char no_ip[] = "not an IP address";
	static const char len4[] = "prefix length must be 0..32";
	static const char len6[] = "prefix length must be 0..128";
	static const struct {
		const char *text, *wrong;
	} rows[] = {
		{"10.1.2.3/0", NULL},
		{"10.1.2.3/32", NULL},
		{"fd00::7/0", NULL},
		{"fd00::7/128", NULL},
		{"", neither},
		{"ten", neither},
		{"10.1.2", neither},
		{"10.1.2.3", no_len},
		{"fd00::7", no_len},
		{"/", no_ip},
		{"/24", no_ip},
		{"10.1.2/24", no_ip},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/24",
		 no_ip},
		{"10.1.2.3/", len4},
		{"10.1.2.3/33", len4},
		{"10.1.2.3/-1", len4},
		{"10.1.2.3/+8", len4},
		{"10.1.2.3/ 8", len4},
		{"10.1.2.3/8 ", len4},
		{"10.1.2.3/8/8", len4},
		{"10.1.2.3/4294967304", len4}, // 2^32 + 8
		{"10.1.2.3/99999999999999999999999999999", len4},
		{"10.1.2.3/255.0.0.0", len4},
		{"fd00::7/129", len6},
		{"fd00::7/", len6},
		{"fd00::7/0x40", len6},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix p = prefix_of("10.9.9.9/9");
		const char *wrong = prefix_parse(&p, rows[i].text);
		char text[PREFIX_TEXT];

		if (rows[i].wrong) {
			if (!wrong)
				fail_msg("\"%s\" was taken for a prefix", rows[i].text);
			assert_string_equal(wrong, rows[i].wrong);
			assert_string_equal(prefix_format(&p, text), "10.9.9.9/9");
		} else {
			assert_null(wrong);
			assert_string_equal(prefix_format(&p, text), rows[i].text);
		}
	}
}

static void the_longest_texts_fit_their_buffers(void **state)
{
	static const char longest[] = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128";
	struct prefix p = prefix_of(longest);
	char text[PREFIX_TEXT];

	(void)state;
	assert_true(sizeof(longest) <= PREFIX_TEXT);
	assert_string_equal(prefix_format(&p, text), longest);
}

static void a_prefix_knows_its_first_and_last_address(void **state)
{
	static const struct {
		const char *prefix, *first, *last;
	} rows[] = {
		{"10.1.2.3/32", "10.1.2.3", "10.1.2.3"},
		{"10.1.2.3/31", "10.1.2.2", "10.1.2.3"},
		{"10.1.2.3/24", "10.1.2.0", "10.1.2.255"},
		{"10.1.130.3/17", "10.1.128.0", "10.1.255.255"},
		{"10.1.2.3/0", "0.0.0.0", "255.255.255.255"},
		{"fd00::7/128", "fd00::7", "fd00::7"},
		{"fd00::7/127", "fd00::6", "fd00::7"},
		{"fd00::7/64", "fd00::", "fd00::ffff:ffff:ffff:ffff"},
		{"fd00::7/7", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix p = prefix_of(rows[i].prefix);
		struct ipaddr first = prefix_first(&p), last = prefix_last(&p);
		char text[IP_TEXT];

		assert_string_equal(ip_format(&first, text), rows[i].first);
		assert_string_equal(ip_format(&last, text), rows[i].last);
	}
}

static void a_prefix_contains_its_addresses_only(void **state)
{
	static const struct {
		const char *prefix, *ip;
		bool inside;
	} rows[] = {
		{"10.1.2.0/24", "10.1.2.0", true},    {"10.1.2.0/24", "10.1.2.255", true},
		{"10.1.2.0/24", "10.1.3.0", false},   {"10.1.2.0/24", "10.1.1.255", false},
		{"10.1.2.9/24", "10.1.2.3", true},    {"0.0.0.0/0", "255.255.255.255", true},
		{"10.1.2.3/32", "10.1.2.4", false},   {"0.0.0.0/0", "::", false},
		{"::/0", "10.1.2.3", false},          {"fd00::/64", "fd00::ffff", true},
		{"fd00::/64", "fd00:0:0:1::", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix p = prefix_of(rows[i].prefix);
		struct ipaddr a = ip_of(rows[i].ip);

		if (prefix_contains(&p, &a) != rows[i].inside)
			fail_msg("%s in %s", rows[i].ip, rows[i].prefix);
	}
}

static void overlap_does_not_depend_on_the_order(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} rows[] = {
		{"10.0.0.0/8", "10.1.0.0/16", true},   {"10.1.0.0/16", "10.1.0.0/16", true},
		{"10.0.0.0/16", "10.1.0.0/16", false}, {"0.0.0.0/0", "10.1.0.0/16", true},
		{"10.1.2.3/8", "10.9.9.9/32", true},   {"0.0.0.0/0", "::/0", false},
		{"fd00::/64", "fd00::/48", true},      {"fd00::/64", "fd00:0:0:1::/64", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix a = prefix_of(rows[i].a), b = prefix_of(rows[i].b);

		if (prefix_overlaps(&a, &b) != rows[i].overlap ||
		    prefix_overlaps(&b, &a) != rows[i].overlap)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
	}
}

static void the_next_address_carries_and_wraps(void **state)
{
	static const struct {
		const char *ip, *next;
	} rows[] = {
		{"10.1.2.3", "10.1.2.4"},
		{"10.1.2.255", "10.1.3.0"},
		{"10.255.255.255", "11.0.0.0"},
		{"255.255.255.255", "0.0.0.0"},
		{"fd00::ffff", "fd00::1:0"},
		{"fd00::ffff:ffff:ffff:ffff", "fd00:0:0:1::"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ipaddr a = ip_of(rows[i].ip), next = ip_next(&a);
		char text[IP_TEXT];

		assert_string_equal(ip_format(&next, text), rows[i].next);
	}
}

static void addresses_are_ordered_by_family_and_then_by_value(void **state)
{
	static const char *const sorted[] = {
		"0.0.0.0", "9.255.255.255", "10.0.0.0", "10.0.0.1", "200.0.0.0", "255.255.255.255",
		"::",      "::1",           "fd00::",   "fe80::1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
			struct ipaddr a = ip_of(sorted[i]), b = ip_of(sorted[j]);
			int order = ip_cmp(&a, &b);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
}

static void special_addresses_are_known(void **state)
{
	static const struct {
		const char *ip;
		bool zero, loopback, link_local;
	} rows[] = {
		{"0.0.0.0", true, false, false},     {"::", true, false, false},
		{"127.0.0.1", false, true, false},   {"127.255.255.255", false, true, false},
		{"128.0.0.1", false, false, false},  {"::1", false, true, false},
		{"169.254.0.1", false, false, true}, {"169.255.0.1", false, false, false},
		{"fe80::1", false, false, true},     {"febf::1", false, false, true},
		{"fec0::1", false, false, false},    {"10.0.0.0", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ipaddr a = ip_of(rows[i].ip);

		if (ip_is_zero(&a) != rows[i].zero || ip_is_loopback(&a) != rows[i].loopback ||
		    ip_is_link_local(&a) != rows[i].link_local)
			fail_msg("%s", rows[i].ip);
	}
}

static void a_mapped_address_is_the_ipv4_address(void **state)
{
	static const char *const cases[][2] = {
		{"::ffff:192.0.2.7", "192.0.2.7"}, {"::ffff:0.0.0.0", "0.0.0.0"},
		{"192.0.2.7", "192.0.2.7"},        {"::192.0.2.7", "::192.0.2.7"},
		{"fd00::ffff:1", "fd00::ffff:1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ipaddr ip = ip_of(cases[i][0]), plain = ip_unmap(&ip);
		char text[IP_TEXT];

		assert_string_equal(ip_format(&plain, text), cases[i][1]);
	}
}

static void a_family_has_size_version_and_bits(void **state)
{
	struct ipaddr v4 = ip_of("10.0.0.1"), v6 = ip_of("fd00::1");

	(void)state;
	assert_int_equal(ip_size(&v4), 4);
	assert_int_equal(ip_size(&v6), 16);
	assert_int_equal(ip_version(&v4), 4);
	assert_int_equal(ip_version(&v6), 6);
	assert_int_equal(ip_bits(&v4), 32);
	assert_int_equal(ip_bits(&v6), 128);
}

static void mac_addresses_are_parsed_or_refused(void **state)
{
	static const struct {
		const char *text, *canonical;
	} rows[] = {
		{"02:00:5e:10:00:01", "02:00:5e:10:00:01"},
		{"AA-bb-CC-dd-EE-ff", "aa:bb:cc:dd:ee:ff"},
		{"", NULL},
		{"02:00:5e:10:00", NULL},
		{"02:00:5e:10:00:01:02", NULL},
		{"02:00:5e:10:00:1", NULL},
		{"02:00:5e:10:00:0g", NULL},
		{"02.00.5e.10.00.01", NULL},
		{"02005e100001", NULL},
		{" 2:00:5e:10:00:01", NULL},
		{"02:00:5e:10:00:01 ", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mac mac = {{1, 2, 3, 4, 5, 6}};
		const char *wrong = mac_parse(&mac, rows[i].text);
		char text[MAC_TEXT];

		if (rows[i].canonical) {
			assert_null(wrong);
			assert_string_equal(mac_format(&mac, text), rows[i].canonical);
		} else {
			if (!wrong)
				fail_msg("\"%s\" was taken for a MAC address", rows[i].text);
			assert_string_equal(wrong,
					    "not a MAC address, write it as 02:00:5e:10:00:01");
			assert_string_equal(mac_format(&mac, text), "01:02:03:04:05:06");
		}
	}
}

static void random_macs_are_local_unicast_and_differ(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		struct mac a = mac_random(), b = mac_random();

		assert_int_equal(a.bytes[0] & 3, 2);
		assert_memory_not_equal(&a, &b, sizeof(a));
		assert_false(mac_is_zero(&a));
	}
	assert_true(mac_is_zero(&(struct mac){}));
	assert_false(mac_is_zero(&(struct mac){{0, 0, 0, 0, 0, 1}}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_written_canonically),
		cmocka_unit_test(what_is_no_address_is_refused_and_changes_nothing),
		cmocka_unit_test(prefixes_are_parsed_or_say_what_is_wrong),
		cmocka_unit_test(the_longest_texts_fit_their_buffers),
		cmocka_unit_test(a_prefix_knows_its_first_and_last_address),
		cmocka_unit_test(a_prefix_contains_its_addresses_only),
		cmocka_unit_test(overlap_does_not_depend_on_the_order),
		cmocka_unit_test(the_next_address_carries_and_wraps),
		cmocka_unit_test(addresses_are_ordered_by_family_and_then_by_value),
		cmocka_unit_test(special_addresses_are_known),
		cmocka_unit_test(a_mapped_address_is_the_ipv4_address),
		cmocka_unit_test(a_family_has_size_version_and_bits),
		cmocka_unit_test(mac_addresses_are_parsed_or_refused),
		cmocka_unit_test(random_macs_are_local_unicast_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
