// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <string.h>

#include "ipam/opened.h"
#include "test.h"

#define CONF(rest) "{'ipam': {'type': 'static', " rest "}"
#define TWO                                                                                        \
	"'addresses': [{'address': '10.1.0.5/24', 'gateway': '10.1.0.1'}, "                        \
	"{'address': 'fd00::5/64'}]"
#define PREV(ips) CONF(TWO "}, 'prevResult': {'ips': [" ips "]}")

static void an_add_reports_what_was_read(void **state)
{
	STATIC(o, CNI_1_1_0, "",
	       CONF(TWO ", 'routes': [{'dst': '::/0'}], 'dns': {'domain': 'd'}}"));
	struct cni_result r = {};
	char text[PREFIX_TEXT];

	(void)state;
	assert_int_equal(o.rc, 0);
	assert_int_equal(static_add(&o.s, &r, &o.e), 0);
	assert_int_equal(r.n_ifaces, 0);
	assert_int_equal(r.n_ips, 2);
	assert_string_equal(prefix_format(&r.ips[0].address, text), "10.1.0.5/24");
	assert_string_equal(ip_format(&r.ips[0].gateway, text), "10.1.0.1");
	assert_int_equal(r.ips[0].iface, -1);
	assert_string_equal(prefix_format(&r.ips[1].address, text), "fd00::5/64");
	assert_int_equal(r.ips[1].gateway.family, 0);
	assert_int_equal(r.n_routes, 1);
	assert_string_equal(r.dns.domain, "d");
}

static void an_add_without_addresses_reports_none(void **state)
{
	STATIC(o, CNI_1_1_0, "", CONF("'routes': [{'dst': '0.0.0.0/0'}]}"));
	struct cni_result r = {};

	(void)state;
	assert_int_equal(o.rc, 0);
	assert_int_equal(static_add(&o.s, &r, &o.e), 0);
	assert_int_equal(r.n_ips, 0);
	assert_int_equal(r.n_routes, 1);
}

static void a_check_is_content_with_what_an_add_reported_and_more(void **state)
{
	static const char *const rows[] = {
		PREV("{'address': '10.1.0.5/24', 'gateway': '10.1.0.1'}, {'address': "
		     "'fd00::5/64'}"),
		// a gateway by the interface's plugin, an address by a later one, another order
		PREV("{'address': 'fd00::5/64', 'gateway': 'fd00::1'}, {'address': "
		     "'192.0.2.5/24'}, {'address': '10.1.0.5/24', 'gateway': '10.1.0.1'}"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		STATIC(o, CNI_1_1_0, "", rows[i]);

		assert_int_equal(o.rc, 0);
		assert_int_equal(static_check(&o.s, &o.e), 0);
	}
}

static void a_check_names_what_differs(void **state)
{
	static const char *const rows[][2] = {
		{PREV("{'address': '10.1.0.5/24', 'gateway': '10.1.0.1'}"),
		 "static: prevResult lacks address fd00::5/64 of ipam.addresses[1].address"},
		{PREV("{'address': '10.1.0.5/16', 'gateway': '10.1.0.1'}, {'address': "
		      "'fd00::5/64'}"),
		 "static: prevResult lacks address 10.1.0.5/24 of ipam.addresses[0].address"},
		{PREV("{'address': '10.1.0.5/24', 'gateway': '10.1.0.2'}, {'address': "
		      "'fd00::5/64'}"),
		 "static: prevResult's gateway of 10.1.0.5/24 is not the 10.1.0.1 of "
		 "ipam.addresses[0].gateway"},
		{PREV("{'address': '10.1.0.5/24'}, {'address': 'fd00::5/64'}"),
		 "static: prevResult's gateway of 10.1.0.5/24 is not the 10.1.0.1 of "
		 "ipam.addresses[0].gateway"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		STATIC(o, CNI_1_1_0, "", rows[i][0]);

		assert_int_equal(o.rc, 0);
		assert_int_equal(static_check(&o.s, &o.e), -1);
		assert_string_equal(o.e.msg, rows[i][1]);
		assert_int_equal(o.e.code, ERR_MISMATCH);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_add_reports_what_was_read),
		cmocka_unit_test(an_add_without_addresses_reports_none),
		cmocka_unit_test(a_check_is_content_with_what_an_add_reported_and_more),
		cmocka_unit_test(a_check_names_what_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
