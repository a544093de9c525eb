// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <string.h>

#include "calls.h"
#include "cni/result.h"
#include "test.h"

/** A result that was read; what it borrows from lives until reading_done(). */
struct reading {
	json_t *doc;
	struct arena arena;
	struct cni_result r;
	struct err e;
	int rc;
};

static void reading_done(struct reading *r)
{
	json_decref(r->doc);
	arena_free(&r->arena);
}

static void read_result(struct reading *r, enum cni_version version, const char *json)
{
	*r = (struct reading){.doc = json_of(json)};
	r->rc = cni_result_read(&r->r, r->doc, "prevResult", version, &r->arena, &r->e);
}

#define READING(name) _cleanup_(reading_done) struct reading name

static void a_result_of_today_is_read_whole(void **state)
{
	READING(x);
	char text[PREFIX_TEXT];

	(void)state;
	read_result(&x, CNI_1_1_0,
		    "{'cniVersion': '1.1.0', 'interfaces': [{'name': 'cni0', 'mac': "
		    "'02:00:00:00:00:01'}, {'name': 'eth0', 'sandbox': '/run/netns/x', 'mtu': "
		    "1400, 'socketPath': '/s', 'pciID': '0000:01:00.0'}], 'ips': [{'address': "
		    "'10.1.0.5/16', 'gateway': '10.1.0.1', 'interface': 1}, {'address': "
		    "'fd00::5/64'}], 'routes': [{'dst': '0.0.0.0/0'}, {'dst': '::/0', 'gw': "
		    "'fd00::1', 'mtu': 1300, 'advmss': 1200, 'priority': 7, 'table': 100, "
		    "'scope': 253}], 'dns': {'nameservers': ['10.1.0.1'], 'domain': 'd', "
		    "'search': ['s1', 's2'], 'options': ['o']}}");
	assert_int_equal(x.rc, 0);
	assert_int_equal(x.r.n_ifaces, 2);
	assert_string_equal(x.r.ifaces[0].mac, "02:00:00:00:00:01");
	assert_null(x.r.ifaces[0].sandbox);
	assert_string_equal(x.r.ifaces[1].sandbox, "/run/netns/x");
	assert_int_equal(x.r.ifaces[1].mtu, 1400);
	assert_string_equal(x.r.ifaces[1].socket_path, "/s");
	assert_string_equal(x.r.ifaces[1].pci_id, "0000:01:00.0");
	assert_int_equal(x.r.n_ips, 2);
	assert_string_equal(prefix_format(&x.r.ips[0].address, text), "10.1.0.5/16");
	assert_string_equal(ip_format(&x.r.ips[0].gateway, text), "10.1.0.1");
	assert_int_equal(x.r.ips[0].iface, 1);
	assert_int_equal(x.r.ips[1].iface, -1);
	assert_int_equal(x.r.ips[1].gateway.family, 0);
	assert_int_equal(x.r.n_routes, 2);
	assert_int_equal(x.r.routes[0].gw.family, 0);
	assert_int_equal(x.r.routes[0].table, -1);
	assert_int_equal(x.r.routes[0].scope, -1);
	assert_int_equal(x.r.routes[1].mtu, 1300);
	assert_int_equal(x.r.routes[1].advmss, 1200);
	assert_int_equal(x.r.routes[1].priority, 7);
	assert_int_equal(x.r.routes[1].table, 100);
	assert_int_equal(x.r.routes[1].scope, 253);
	assert_int_equal(x.r.dns.n_nameservers, 1);
	assert_string_equal(x.r.dns.domain, "d");
	assert_string_equal(x.r.dns.search[1], "s2");
	assert_int_equal(x.r.dns.n_options, 1);
}

static void versions_with_a_family_in_each_address_are_read(void **state)
{
	static const enum cni_version versions[] = {CNI_0_3_0, CNI_0_3_1, CNI_0_4_0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		READING(x);

		read_result(&x, versions[i],
			    "{'interfaces': [{'name': 'eth0', 'sandbox': '/x'}], 'ips': "
			    "[{'version': '4', 'interface': 0, 'address': '10.1.0.5/16'}], "
			    "'dns': {}}");
		assert_int_equal(x.rc, 0);
		assert_int_equal(x.r.n_ips, 1);
		assert_int_equal(x.r.ips[0].iface, 0);
		assert_true(cni_dns_is_empty(&x.r.dns));
	}
}

static void the_first_shape_of_results_is_read(void **state)
{
	static const enum cni_version versions[] = {CNI_0_1_0, CNI_0_2_0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		READING(x);
		char text[PREFIX_TEXT];

		read_result(&x, versions[i],
			    "{'ip4': {'ip': '10.1.0.5/16', 'gateway': '10.1.0.1', 'routes': "
			    "[{'dst': '0.0.0.0/0'}, {'dst': '192.0.2.0/24', 'gw': '10.1.0.9'}]}, "
			    "'ip6': {'ip': 'fd00::5/64', 'routes': [{'dst': '::/0'}]}, 'dns': "
			    "{'domain': 'd'}, 'ips': [{'address': '10.9.9.9/8'}]}");
		assert_int_equal(x.rc, 0);
		assert_int_equal(x.r.n_ifaces, 0);
		assert_int_equal(x.r.n_ips, 2); // "ips" does not belong to that version
		assert_string_equal(prefix_format(&x.r.ips[0].address, text), "10.1.0.5/16");
		assert_string_equal(ip_format(&x.r.ips[0].gateway, text), "10.1.0.1");
		assert_int_equal(x.r.ips[0].iface, -1);
		assert_string_equal(prefix_format(&x.r.ips[1].address, text), "fd00::5/64");
		assert_int_equal(x.r.n_routes, 3);
		assert_string_equal(ip_format(&x.r.routes[1].gw, text), "10.1.0.9");
		assert_string_equal(prefix_format(&x.r.routes[2].dst, text), "::/0");
		assert_string_equal(x.r.dns.domain, "d");
	}
}

static void a_result_goes_by_its_own_version_if_it_has_one(void **state)
{
	READING(old);
	READING(new);

	(void)state;
	read_result(&old, CNI_1_1_0, "{'cniVersion': '0.2.0', 'ip4': {'ip': '10.1.0.5/16'}}");
	assert_int_equal(old.rc, 0);
	assert_int_equal(old.r.n_ips, 1);
	read_result(&new, CNI_0_2_0,
		    "{'cniVersion': '1.0.0', 'ips': [{'address': '10.1.0.5/16'}]}");
	assert_int_equal(new.rc, 0);
	assert_int_equal(new.r.n_ips, 1);
}

static void an_empty_result_is_a_result(void **state)
{
	READING(x);

	(void)state;
	read_result(&x, CNI_1_1_0, "{}");
	assert_int_equal(x.rc, 0);
	assert_int_equal(x.r.n_ips + x.r.n_ifaces + x.r.n_routes, 0);
}

static void further_keys_are_none_of_our_business(void **state)
{
	READING(x);

	(void)state;
	read_result(&x, CNI_1_1_0,
		    "{'strict': true, 'colour': 1, 'interfaces': [{'name': 'a', 'x': 1}], 'ips': "
		    "[{'address': '10.1.0.5/16', 'x': 1}], 'routes': [{'dst': '0.0.0.0/0', 'x': "
		    "1}], 'dns': {'x': 1}}");
	assert_int_equal(x.rc, 0);
}

static void every_mistake_names_its_place(void **state)
{
	static const struct {
		const char *json;
		int code;
		const char *msg;
	} rows[] = {
		{"{'ips': {}}", ERR_DECODE, "prevResult.ips: {}: must be a list"},
		{"{'ips': [7]}", ERR_DECODE, "prevResult.ips[0]: 7: must be an object"},
		{"{'ips': [{}]}", ERR_CONFIG, "prevResult.ips[0].address: required, but missing"},
		{"{'ips': [{'address': '10.1.0.5'}]}", ERR_CONFIG,
		 "prevResult.ips[0].address: \"10.1.0.5\": prefix length missing, write it as "
		 "address/length"},
		{"{'ips': [{'address': '10.1.0.5/16', 'gateway': 'x'}]}", ERR_CONFIG,
		 "prevResult.ips[0].gateway: \"x\": not an IP address"},
		{"{'ips': [{'address': '10.1.0.5/16', 'interface': 0}]}", ERR_CONFIG,
		 "prevResult.ips[0].interface: 0: there are 0 interfaces"},
		{"{'interfaces': [{'name': 'a'}], 'ips': [{'address': '10.1.0.5/16', 'interface': "
		 "0}, {'address': '10.1.0.6/16', 'interface': 1}]}",
		 ERR_CONFIG, "prevResult.ips[1].interface: 1: there are 1 interfaces"},
		{"{'ips': [{'address': '10.1.0.5/16', 'interface': -1}]}", ERR_CONFIG,
		 "prevResult.ips[0].interface: -1: must be 0 or more"},
		{"{'routes': [{'gw': '10.1.0.1'}]}", ERR_CONFIG,
		 "prevResult.routes[0].dst: required, but missing"},
		{"{'routes': [{'dst': '0.0.0.0/0', 'scope': 256}]}", ERR_CONFIG,
		 "prevResult.routes[0].scope: 256: must be -1..255"},
		{"{'interfaces': [{'name': 7}]}", ERR_DECODE,
		 "prevResult.interfaces[0].name: 7: must be a string"},
		{"{'dns': {'nameservers': [1]}}", ERR_DECODE,
		 "prevResult.dns.nameservers[0]: 1: must be a string"},
		{"{'ip4': {'ip': 'x'}, 'cniVersion': '0.1.0'}", ERR_CONFIG,
		 "prevResult.ip4.ip: \"x\": not an address with a prefix length, write it as "
		 "address/length"},
		{"{'cniVersion': '9.9.9'}", ERR_VERSION,
		 "prevResult.cniVersion: incompatible CNI versions"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		READING(x);

		read_result(&x, CNI_1_1_0, rows[i].json);
		if (x.rc != -1)
			fail_msg("accepted: %s", rows[i].json);
		assert_string_equal(x.e.msg, rows[i].msg);
		assert_int_equal(x.e.code, rows[i].code);
		assert_int_equal(x.r.n_ips, 0);
	}
}

static void negative_numbers_that_mean_nothing_are_refused(void **state)
{
	static const char *const keys[] = {"mtu", "advmss", "priority"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_auto_t *doc =
			json_pack("{s:[{s:s, s:i}]}", "routes", "dst", "0.0.0.0/0", keys[i], -1);
		_cleanup_(arena_free) struct arena arena = {};
		struct cni_result r = {};
		struct err e = {};

		assert_int_equal(cni_result_read(&r, doc, "result", CNI_1_1_0, &arena, &e), -1);
	}
}

/** They go into 32 bits of netlink; what does not fit must not become another number. */
static void numbers_too_large_for_the_kernel_are_refused(void **state)
{
	static const char *const keys[] = {"mtu", "advmss", "priority", "table"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_auto_t *doc = json_pack("{s:[{s:s, s:I}]}", "routes", "dst", "0.0.0.0/0",
					     keys[i], (json_int_t)INT64_C(4294967296) + 254);
		_cleanup_(arena_free) struct arena arena = {};
		struct cni_result r = {};
		struct err e = {};

		if (cni_result_read(&r, doc, "result", CNI_1_1_0, &arena, &e) == 0)
			fail_msg("routes[0].%s: 4294967550 was accepted", keys[i]);
	}
}

static void results_are_built_piece_by_piece(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct cni_result r = {};

	(void)state;
	for (int64_t i = 0; i < 20; i++) {
		assert_true(cni_result_add_iface(&r, &arena, &(struct cni_iface){.mtu = i}));
		assert_true(cni_result_add_ip(&r, &arena, &(struct cni_ip){.iface = i}));
		assert_true(cni_result_add_route(&r, &arena, &(struct cni_route){.mtu = i}));
	}
	assert_int_equal(r.n_ifaces, 20);
	assert_int_equal(r.n_ips, 20);
	assert_int_equal(r.n_routes, 20);
	for (int64_t i = 0; i < 20; i++)
		assert_true(r.ifaces[i].mtu == i && r.ips[i].iface == i && r.routes[i].mtu == i);
}

static void dns_is_empty_when_nothing_is_in_it(void **state)
{
	const char *one[] = {"x"};

	(void)state;
	assert_true(cni_dns_is_empty(&(struct cni_dns){}));
	assert_true(cni_dns_is_empty(&(struct cni_dns){.domain = ""}));
	assert_false(cni_dns_is_empty(&(struct cni_dns){.domain = "d"}));
	assert_false(cni_dns_is_empty(&(struct cni_dns){.nameservers = one, .n_nameservers = 1}));
	assert_false(cni_dns_is_empty(&(struct cni_dns){.search = one, .n_search = 1}));
	assert_false(cni_dns_is_empty(&(struct cni_dns){.options = one, .n_options = 1}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_result_of_today_is_read_whole),
		cmocka_unit_test(versions_with_a_family_in_each_address_are_read),
		cmocka_unit_test(the_first_shape_of_results_is_read),
		cmocka_unit_test(a_result_goes_by_its_own_version_if_it_has_one),
		cmocka_unit_test(an_empty_result_is_a_result),
		cmocka_unit_test(further_keys_are_none_of_our_business),
		cmocka_unit_test(every_mistake_names_its_place),
		cmocka_unit_test(negative_numbers_that_mean_nothing_are_refused),
		cmocka_unit_test(numbers_too_large_for_the_kernel_are_refused),
		cmocka_unit_test(results_are_built_piece_by_piece),
		cmocka_unit_test(dns_is_empty_when_nothing_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
