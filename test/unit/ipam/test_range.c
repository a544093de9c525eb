// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "addresses.h"
#include "calls.h"
#include "ipam/range.h"
#include "test.h"

/** Sets out of JSON, in which ' stands for ", as they stand in ipam.ranges. */
struct pools {
	struct {
		struct range_set *sets;
		size_t n;
	} list;
	json_t *doc;
	struct arena arena;
	struct err e;
	int rc;
};

static void pools_done(struct pools *p)
{
	json_decref(p->doc);
	arena_free(&p->arena);
}

static void read_pools(struct pools *p, const char *json)
{
	const struct conf_field fields[] = {
		{.kind = CONF_LIST,
		 .key = "ranges",
		 .sub = &range_set_elem,
		 .elem_size = sizeof(struct range_set),
		 .offset = offsetof(struct pools, list.sets),
		 .count_offset = offsetof(struct pools, list.n)},
		conf_end,
	};
	struct conf_report report = {.strict = true};

	*p = (struct pools){.doc = json_of(json)};
	if (conf_read(p, fields, p->doc, "ipam", &report, &p->arena, &p->e) < 0)
		fail_msg("%s", p->e.msg);
	for (size_t i = 0; i < p->list.n; i++)
		p->list.sets[i].path = arena_printf(&p->arena, "ipam.ranges[%zu]", i);
	p->rc = range_sets_check(p->list.sets, p->list.n, &p->e);
}

#define POOLS(name, json)                                                                          \
	_cleanup_(pools_done) struct pools name;                                                   \
	read_pools(&name, json)

static void what_is_absent_is_derived_from_the_subnet(void **state)
{
	static const struct {
		const char *json, *start, *end, *gateway;
	} rows[] = {
		{"{'ranges': [[{'subnet': '10.1.0.0/16'}]]}", "10.1.0.1", "10.1.255.254",
		 "10.1.0.1"},
		{"{'ranges': [[{'subnet': '10.1.0.8/30'}]]}", "10.1.0.9", "10.1.0.10", "10.1.0.9"},
		{"{'ranges': [[{'subnet': 'fd00::/64'}]]}", "fd00::1", "fd00::ffff:ffff:ffff:ffff",
		 "fd00::1"},
		{"{'ranges': [[{'subnet': 'fd00::/126'}]]}", "fd00::1", "fd00::3", "fd00::1"},
		{"{'ranges': [[{'subnet': '10.1.0.0/16', 'rangeStart': '10.1.3.0', 'rangeEnd': "
		 "'10.1.3.9', 'gateway': '10.1.3.5'}]]}",
		 "10.1.3.0", "10.1.3.9", "10.1.3.5"},
		{"{'ranges': [[{'subnet': '10.1.0.0/16', 'gateway': '10.9.0.1'}]]}", "10.1.0.1",
		 "10.1.255.254", "10.9.0.1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		POOLS(p, rows[i].json);
		const struct range *r = p.list.sets[0].ranges;
		char text[IP_TEXT];

		if (p.rc < 0)
			fail_msg("%s", p.e.msg);
		assert_string_equal(ip_format(&r->start, text), rows[i].start);
		assert_string_equal(ip_format(&r->end, text), rows[i].end);
		assert_string_equal(ip_format(&r->gateway, text), rows[i].gateway);
	}
}

static void every_mistake_names_its_place(void **state)
{
	static const char *const rows[][2] = {
		{"{'ranges': [[{'subnet': '10.1.0.5/16'}]]}",
		 "ipam.ranges[0][0].subnet: \"10.1.0.5/16\": Network has host bits set; write "
		 "\"10.1.0.0/16\""},
		{"{'ranges': [[{'subnet': '10.1.0.0/31'}]]}",
		 "ipam.ranges[0][0].subnet: \"10.1.0.0/31\": Network too small to allocate from; "
		 "a /30 is the least"},
		{"{'ranges': [[{'subnet': 'fd00::7/128'}]]}",
		 "ipam.ranges[0][0].subnet: \"fd00::7/128\": Network too small to allocate from; "
		 "a /126 is the least"},
		{"{'ranges': [[{'subnet': '10.1.0.0/16'}, {'subnet': '10.2.0.0/16', "
		 "'rangeStart': '10.1.0.5'}]]}",
		 "ipam.ranges[0][1].rangeStart: \"10.1.0.5\": not in the subnet 10.2.0.0/16"},
		{"{'ranges': [[{'subnet': '10.1.0.0/16', 'rangeEnd': '10.2.0.0'}]]}",
		 "ipam.ranges[0][0].rangeEnd: \"10.2.0.0\": not in the subnet 10.1.0.0/16"},
		{"{'ranges': [[{'subnet': '10.1.0.0/16', 'rangeEnd': 'fd00::1'}]]}",
		 "ipam.ranges[0][0].rangeEnd: \"fd00::1\": not in the subnet 10.1.0.0/16"},
		{"{'ranges': [[{'subnet': '10.1.0.0/16', 'gateway': 'fd00::1'}]]}",
		 "ipam.ranges[0][0].gateway: \"fd00::1\": not of the subnet's family"},
		{"{'ranges': [[{'subnet': '10.1.0.0/16', 'rangeStart': '10.1.0.9', 'rangeEnd': "
		 "'10.1.0.5'}]]}",
		 "ipam.ranges[0][0].rangeStart: \"10.1.0.9\": after rangeEnd \"10.1.0.5\""},
		{"{'ranges': [[]]}", "ipam.ranges[0]: an empty set of ranges"},
		{"{'ranges': [[{'subnet': '10.1.0.0/16'}, {'subnet': 'fd00::/64'}]]}",
		 "ipam.ranges[0][1].subnet: mixed address families in one set"},
		{"{'ranges': [[{'subnet': '10.1.0.0/16'}, {'subnet': '10.1.128.0/17'}]]}",
		 "ipam.ranges[0][1]: overlaps with ipam.ranges[0][0]"},
		{"{'ranges': [[{'subnet': '10.1.0.0/16'}], [{'subnet': 'fd00::/64'}], "
		 "[{'subnet': '10.2.0.0/16'}, {'subnet': '10.0.0.0/8'}]]}",
		 "ipam.ranges[2][1]: overlaps with ipam.ranges[0][0]"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		POOLS(p, rows[i][0]);

		if (p.rc != -1)
			fail_msg("accepted: %s", rows[i][0]);
		assert_string_equal(p.e.msg, rows[i][1]);
		assert_int_equal(p.e.code, ERR_CONFIG);
	}
}

static void parts_of_one_subnet_do_not_overlap(void **state)
{
	POOLS(p, "{'ranges': [[{'subnet': '10.1.0.0/16', 'rangeStart': '10.1.0.5', 'rangeEnd': "
		 "'10.1.0.7'}, {'subnet': '10.1.0.0/16', 'rangeStart': '10.1.0.8', 'rangeEnd': "
		 "'10.1.0.9'}]]}");

	(void)state;
	assert_int_equal(p.rc, 0);
}

static void a_single_range_is_named_without_an_index(void **state)
{
	struct range r = {};
	struct range_set set = {.ranges = &r, .n = 1, .path = "ipam", .single = true};
	struct err e = {};

	(void)state;
	r.subnet = prefix_of("10.1.0.0/32");
	assert_int_equal(range_sets_check(&set, 1, &e), -1);
	assert_string_equal(e.msg, "ipam.subnet: \"10.1.0.0/32\": Network too small to allocate "
				   "from; a /30 is the least");
}

/** The addresses of the first set, in the order of the round after @last. */
static const char *walk(const struct pools *p, const char *last)
{
	static char text[2000];
	struct ipaddr at = {}, from = {};
	struct range_cursor c;
	const struct range *r;

	if (last)
		from = ip_of(last);
	c = range_start(&p->list.sets[0], &from);
	text[0] = '\0';
	for (int i = 0; (r = range_next(&c, &at)); i++) {
		char one[IP_TEXT];

		if (i > 100)
			fail_msg("no end: %s", text);
		assert_ptr_equal(r, range_find(&p->list.sets[0], &at));
		strcat(strcat(text, ip_format(&at, one)), " ");
	}
	return text;
}

static void the_round_goes_through_all_ranges_and_around(void **state)
{
	POOLS(p, "{'ranges': [[{'subnet': '10.1.0.0/29'}, {'subnet': '10.0.0.0/16', 'rangeStart': "
		 "'10.0.0.254', 'rangeEnd': '10.0.1.1', 'gateway': '10.0.1.0'}]]}");
	static const struct {
		const char *last, *order;
	} rows[] = {
		{NULL, "10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 10.1.0.6 10.0.0.254 10.0.0.255 "
		       "10.0.1.1 "},
		{"10.1.0.3", "10.1.0.4 10.1.0.5 10.1.0.6 10.0.0.254 10.0.0.255 10.0.1.1 10.1.0.2 "
			     "10.1.0.3 "},
		{"10.1.0.6", "10.0.0.254 10.0.0.255 10.0.1.1 10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 "
			     "10.1.0.6 "},
		{"10.0.1.1", "10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 10.1.0.6 10.0.0.254 10.0.0.255 "
			     "10.0.1.1 "},
		{"10.0.0.255", "10.0.1.1 10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 10.1.0.6 10.0.0.254 "
			       "10.0.0.255 "},
		{"10.99.0.1", "10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 10.1.0.6 10.0.0.254 "
			      "10.0.0.255 10.0.1.1 "}, // not of the set
		{"fd00::1", "10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 10.1.0.6 10.0.0.254 "
			    "10.0.0.255 10.0.1.1 "},
		{"10.1.0.1", "10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 10.1.0.6 10.0.0.254 10.0.0.255 "
			     "10.0.1.1 "}, // the gateway
	};

	(void)state;
	assert_int_equal(p.rc, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(walk(&p, rows[i].last), rows[i].order);
}

static void a_range_at_the_end_of_all_addresses_wraps(void **state)
{
	POOLS(p4, "{'ranges': [[{'subnet': '255.255.255.248/29', 'rangeEnd': "
		  "'255.255.255.255'}]]}");
	POOLS(p6, "{'ranges': [[{'subnet': 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc/126'}]]}");

	(void)state;
	assert_string_equal(walk(&p4, "255.255.255.253"),
			    "255.255.255.254 255.255.255.255 255.255.255.250 255.255.255.251 "
			    "255.255.255.252 255.255.255.253 ");
	assert_string_equal(walk(&p6, NULL), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe "
					     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ");
}

static void one_address_may_be_all_or_nothing(void **state)
{
	POOLS(one, "{'ranges': [[{'subnet': '10.1.0.0/24', 'rangeStart': '10.1.0.5', 'rangeEnd': "
		   "'10.1.0.5'}]]}");
	POOLS(none, "{'ranges': [[{'subnet': '10.1.0.0/24', 'rangeStart': '10.1.0.5', 'rangeEnd': "
		    "'10.1.0.5', 'gateway': '10.1.0.5'}]]}");

	(void)state;
	assert_string_equal(walk(&one, NULL), "10.1.0.5 ");
	assert_string_equal(walk(&one, "10.1.0.5"), "10.1.0.5 ");
	assert_string_equal(walk(&none, NULL), "");
	assert_string_equal(walk(&none, "10.1.0.5"), "");
}

static void an_address_is_found_in_its_range(void **state)
{
	POOLS(p, "{'ranges': [[{'subnet': '10.1.0.0/29', 'rangeStart': '10.1.0.3'}, {'subnet': "
		 "'10.2.0.0/29'}]]}");
	const struct range_set *set = &p.list.sets[0];
	struct ipaddr in_first = ip_of("10.1.0.3"), in_second = ip_of("10.2.0.6"),
		      before = ip_of("10.1.0.2"), broadcast = ip_of("10.2.0.7"),
		      six = ip_of("fd00::1");

	(void)state;
	assert_ptr_equal(range_find(set, &in_first), &set->ranges[0]);
	assert_ptr_equal(range_find(set, &in_second), &set->ranges[1]);
	assert_null(range_find(set, &before));
	assert_null(range_find(set, &broadcast));
	assert_null(range_find(set, &six));
}

static void a_set_is_spelt_for_messages(void **state)
{
	POOLS(p, "{'ranges': [[{'subnet': '10.1.0.0/29'}, {'subnet': '10.2.0.0/29', 'rangeEnd': "
		 "'10.2.0.3'}]]}");
	char text[256], tiny[12];

	(void)state;
	assert_string_equal(range_set_format(&p.list.sets[0], text, sizeof(text)),
			    "10.1.0.1-10.1.0.6,10.2.0.1-10.2.0.3");
	assert_int_equal(strlen(range_set_format(&p.list.sets[0], tiny, sizeof(tiny))), 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_absent_is_derived_from_the_subnet),
		cmocka_unit_test(every_mistake_names_its_place),
		cmocka_unit_test(parts_of_one_subnet_do_not_overlap),
		cmocka_unit_test(a_single_range_is_named_without_an_index),
		cmocka_unit_test(the_round_goes_through_all_ranges_and_around),
		cmocka_unit_test(a_range_at_the_end_of_all_addresses_wraps),
		cmocka_unit_test(one_address_may_be_all_or_nothing),
		cmocka_unit_test(an_address_is_found_in_its_range),
		cmocka_unit_test(a_set_is_spelt_for_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
