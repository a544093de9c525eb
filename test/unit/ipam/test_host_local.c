// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "ipam/host_local.h"
#include "sandbox.h"
#include "test.h"

#define NET "/var/lib/cni/networks/net"

/** One call of host-local for a container; the addresses it gave are in @out. */
struct run {
	struct test_call c;
	struct host_local hl;
	struct cni_result r;
	struct err e;
	int rc;
	char out[500];
};

static void run_done(struct run *x)
{
	test_call_done(&x->c);
}

static void run_host_local(struct run *x, enum cni_verb verb, const char *container,
			   const char *json)
{
	*x = (struct run){};
	test_call_init(&x->c, json);
	x->c.call.verb = verb;
	x->c.call.at.container = container;
	if (host_local_open(&x->hl, &x->c.call, conf_lookup(x->c.call.doc, "ipam"), &x->e) < 0)
		fail_msg("%s", x->e.msg);
	switch (verb) {
	case CNI_ADD:
		x->rc = host_local_add(&x->hl, &x->r, &x->e);
		break;
	case CNI_DEL:
		x->rc = host_local_del(&x->hl, &x->e);
		break;
	case CNI_CHECK:
		x->rc = host_local_check(&x->hl, &x->e);
		break;
	case CNI_STATUS:
		x->rc = host_local_status(&x->hl, &x->e);
		break;
	default:
		if (cni_call_from_doc(&x->c.call, &x->e) < 0)
			fail_msg("%s", x->e.msg);
		x->rc = host_local_gc(&x->hl, &x->e);
	}
	for (size_t i = 0; i < x->r.n_ips; i++) {
		char text[PREFIX_TEXT];

		strcat(strcat(x->out, prefix_format(&x->r.ips[i].address, text)), " ");
	}
}

#define RUN(name, ...)                                                                             \
	_cleanup_(run_done) struct run name;                                                       \
	run_host_local(&name, __VA_ARGS__)

#define CONF(rest) "{'name': 'net', 'cniVersion': '1.1.0', 'ipam': {'type': 'host-local', " rest

/** Three addresses to give: .2, .3 and .4 (.1 is the gateway). */
#define SMALL CONF("'subnet': '10.1.0.0/24', 'rangeEnd': '10.1.0.4'}}")

/** Give container @id an address of SMALL, which must be @expected. */
static void add_one(const char *id, const char *expected)
{
	RUN(x, CNI_ADD, id, SMALL);

	if (x.rc < 0)
		fail_msg("%s", x.e.msg);
	assert_string_equal(x.out, expected);
}

static void del_one(const char *id)
{
	RUN(x, CNI_DEL, id, SMALL);

	assert_int_equal(x.rc, 0);
}

static void an_address_of_each_set_with_gateway_and_routes_is_given(void **state)
{
	RUN(x, CNI_ADD, "c1",
	    CONF("'ranges': [[{'subnet': '10.1.0.0/24'}], [{'subnet': 'fd00::/64', 'gateway': "
		 "'fd00::9'}]], 'routes': [{'dst': '0.0.0.0/0'}, {'dst': '::/0'}]}}"));
	char text[IP_TEXT];

	(void)state;
	assert_int_equal(x.rc, 0);
	assert_string_equal(x.out, "10.1.0.2/24 fd00::1/64 ");
	assert_string_equal(ip_format(&x.r.ips[0].gateway, text), "10.1.0.1");
	assert_string_equal(ip_format(&x.r.ips[1].gateway, text), "fd00::9");
	assert_int_equal(x.r.ips[0].iface, -1);
	assert_int_equal(x.r.n_routes, 2);
	assert_true(cni_dns_is_empty(&x.r.dns));
	assert_string_equal(sh_output("cd " NET " && ls && cat last_reserved_ip.*"),
			    "10.1.0.2\nfd00::1\nlast_reserved_ip.0\nlast_reserved_ip.1\nlock\n"
			    "10.1.0.2fd00::1");
}

static void addresses_go_round_and_freed_ones_come_last(void **state)
{
	(void)state;
	add_one("c1", "10.1.0.2/24 ");
	add_one("c2", "10.1.0.3/24 ");
	del_one("c1");
	add_one("c3", "10.1.0.4/24 ");
	add_one("c4", "10.1.0.2/24 ");
	del_one("c3");
	del_one("c2");
	add_one("c5", "10.1.0.3/24 ");
}

static void a_full_pool_is_said_to_be_full(void **state)
{
	(void)state;
	add_one("c1", "10.1.0.2/24 ");
	add_one("c2", "10.1.0.3/24 ");
	add_one("c3", "10.1.0.4/24 ");
	{
		RUN(add, CNI_ADD, "c4", SMALL);
		RUN(status, CNI_STATUS, NULL, SMALL);

		assert_int_equal(add.rc, -1);
		assert_int_equal(add.e.code, ERR_NO_ADDRESS);
		assert_string_equal(add.e.msg, "no IP addresses available in range set: "
					       "10.1.0.1-10.1.0.4");
		assert_int_equal(status.rc, -1);
		assert_int_equal(status.e.code, ERR_UNAVAILABLE);
		assert_string_equal(status.e.msg, add.e.msg);
	}
	del_one("c2");
	{
		RUN(status, CNI_STATUS, NULL, SMALL);

		assert_int_equal(status.rc, 0);
	}
	add_one("c4", "10.1.0.3/24 ");
}

/** Their containers are long gone: nothing has these addresses, and no runtime knows them. */
static void a_pool_full_of_the_dead_heals_itself(void **state)
{
	(void)state;
	add_one("c1", "10.1.0.2/24 ");
	add_one("c2", "10.1.0.3/24 ");
	add_one("c3", "10.1.0.4/24 ");
	sh("ip link add br0 up type bridge && ip addr add 10.1.0.3/24 dev br0 && "
	   "touch -d '1 hour ago' " NET "/10.*");
	add_one("c4", "10.1.0.2/24 ");
	assert_true(file_exists(NET "/10.1.0.3")); // alive
	add_one("c5", "10.1.0.4/24 ");
}

static void one_address_of_every_set_or_none(void **state)
{
	(void)state;
	{
		RUN(six, CNI_ADD, "other",
		    CONF("'ranges': [[{'subnet': 'fd00::/64', 'rangeStart': 'fd00::5', 'rangeEnd': "
			 "'fd00::5'}]]}}"));
		RUN(x, CNI_ADD, "c1",
		    CONF("'ranges': [[{'subnet': '10.1.0.0/24'}], [{'subnet': 'fd00::/64', "
			 "'rangeStart': 'fd00::5', 'rangeEnd': 'fd00::5'}]]}}"));

		assert_int_equal(six.rc, 0);
		assert_int_equal(x.rc, -1);
		assert_int_equal(x.r.n_ips, 0);
		assert_string_equal(x.e.msg,
				    "no IP addresses available in range set: fd00::5-fd00::5");
	}
	assert_false(file_exists(NET "/10.1.0.2"));
	assert_true(file_exists(NET "/fd00::5"));
}

static void a_second_add_for_one_interface_is_refused(void **state)
{
	(void)state;
	add_one("c1", "10.1.0.2/24 ");
	{
		RUN(x, CNI_ADD, "c1", SMALL);

		assert_int_equal(x.rc, -1);
		assert_int_equal(x.e.code, ERR_EXISTS);
		assert_string_equal(x.e.msg, "10.1.0.2 has been allocated to c1, duplicate "
					     "allocation is not allowed");
	}
	assert_string_equal(sh_output("ls " NET "/10.*"), NET "/10.1.0.2\n");
}

static void requested_addresses_are_given_or_the_reason_why_not(void **state)
{
	static const struct {
		const char *container, *ips, *out, *msg;
		int code;
	} rows[] = {
		{"c1", "'10.1.0.77'", "10.1.0.77/24 fd00::2/64 ", "", 0},
		{"c2", "'fd00::77', '10.1.0.78'", "10.1.0.78/24 fd00::77/64 ", "", 0},
		{"c3", "'10.1.0.77'", "",
		 "runtimeConfig.ips[0]: requested IP address 10.1.0.77 is not available in range "
		 "set "
		 "10.1.0.1-10.1.0.254",
		 ERR_EXISTS},
		{"c3", "'10.1.0.1'", "",
		 "runtimeConfig.ips[0]: requested ip 10.1.0.1 is subnet's gateway", ERR_CONFIG},
		{"c3", "'10.2.0.1'", "",
		 "runtimeConfig.ips[0]: failed to allocate all requested IPs: 10.2.0.1 is in no "
		 "range",
		 ERR_CONFIG},
		{"c3", "'10.1.0.80', '10.1.0.81'", "",
		 "runtimeConfig.ips[1]: failed to allocate all requested IPs: 10.1.0.81 is the "
		 "second of one range set",
		 ERR_CONFIG},
		{"c3", "'10.1.0.0'", "",
		 "runtimeConfig.ips[0]: failed to allocate all requested IPs: 10.1.0.0 is in no "
		 "range",
		 ERR_CONFIG},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char json[500];
		_cleanup_(run_done) struct run x;

		(void)snprintf(json, sizeof(json),
			       CONF("'ranges': [[{'subnet': '10.1.0.0/24'}], [{'subnet': "
				    "'fd00::/64'}]]}, 'runtimeConfig': {'ips': [%s]}}"),
			       rows[i].ips);
		run_host_local(&x, CNI_ADD, rows[i].container, json);
		assert_string_equal(x.e.msg, rows[i].msg);
		assert_int_equal(x.rc, rows[i].code ? -1 : 0);
		assert_int_equal(x.e.code, rows[i].code);
		assert_string_equal(x.out, rows[i].out);
	}
	assert_string_equal(sh_output("ls " NET " | grep -c '[.:].*[.:]'"), "4\n");
}

static void del_works_without_anything_being_there(void **state)
{
	(void)state;
	del_one("c1");
	assert_false(file_exists("/var/lib/cni"));
	add_one("c1", "10.1.0.2/24 ");
	del_one("c1");
	del_one("c1");
}

static void check_wants_a_lease(void **state)
{
	(void)state;
	{
		RUN(x, CNI_CHECK, "c1", SMALL);

		assert_int_equal(x.rc, -1);
		assert_int_equal(x.e.code, ERR_MISMATCH);
		assert_string_equal(x.e.msg, "host-local: Failed to find address added by "
					     "container c1");
	}
	add_one("c1", "10.1.0.2/24 ");
	{
		RUN(x, CNI_CHECK, "c1", SMALL);
		RUN(other, CNI_CHECK, "c2", SMALL);

		assert_int_equal(x.rc, 0);
		assert_int_equal(other.rc, -1);
	}
}

static void check_wants_the_addresses_that_were_given(void **state)
{
	static const struct {
		const char *prev;
		int rc;
	} rows[] = {
		{"10.1.0.2/24", 0},
		{"10.1.0.3/24", -1}, // another's
		{"10.1.0.4/24", -1}, // nobody's
		{"10.9.9.9/24", 0},  // of a later plugin: none of our sets
	};

	(void)state;
	add_one("c1", "10.1.0.2/24 ");
	add_one("c2", "10.1.0.3/24 ");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char json[500];
		_cleanup_(run_done) struct run x;

		(void)snprintf(json, sizeof(json),
			       CONF("'subnet': '10.1.0.0/24'}, 'prevResult': {'ips': [{'address': "
				    "'%s'}]}}"),
			       rows[i].prev);
		run_host_local(&x, CNI_CHECK, "c1", json);
		assert_int_equal(x.rc, rows[i].rc);
		assert_int_equal(x.e.code, x.rc ? ERR_MISMATCH : 0);
	}
}

static void gc_keeps_what_is_valid_and_nothing_else(void **state)
{
	(void)state;
	add_one("c1", "10.1.0.2/24 ");
	add_one("c2", "10.1.0.3/24 ");
	add_one("c3", "10.1.0.4/24 ");
	{
		RUN(x, CNI_GC, NULL,
		    CONF("'subnet': '10.1.0.0/24'}, 'cni.dev/valid-attachments': "
			 "[{'containerID': 'c2', 'ifname': 'eth0'}, {'containerID': 'c3', "
			 "'ifname': 'eth1'}]}"));

		assert_int_equal(x.rc, 0);
	}
	assert_string_equal(sh_output("ls " NET "/10.*"), NET "/10.1.0.3\n");
}

static void a_nearly_full_large_pool_is_searched_quickly(void **state)
{
	(void)state;
	sh("mkdir -p " NET " && cd " NET " && for i in $(seq 2 254); do printf 'x\\r\\neth0' > "
	   "10.1.0.$i; done && rm 10.1.0.200 && printf 10.1.0.1 > last_reserved_ip.0");
	{
		RUN(x, CNI_ADD, "c1", CONF("'subnet': '10.1.0.0/24'}}"));

		assert_string_equal(x.out, "10.1.0.200/24 ");
	}
}

static void name_service_comes_from_a_file(void **state)
{
	(void)state;
	file_put("/run/resolv.conf", "nameserver 10.1.0.1\nsearch a b\n");
	{
		RUN(x, CNI_ADD, "c1",
		    CONF("'subnet': '10.1.0.0/24', 'resolvConf': "
			 "'/run/resolv.conf'}}"));
		RUN(none, CNI_ADD, "c2",
		    CONF("'subnet': '10.1.0.0/24', 'resolvConf': "
			 "'/run/none'}}"));

		assert_int_equal(x.rc, 0);
		assert_string_equal(x.r.dns.nameservers[0], "10.1.0.1");
		assert_int_equal(x.r.dns.n_search, 2);
		assert_int_equal(none.rc, -1);
		assert_string_equal(none.e.msg, "ipam.resolvConf: open /run/none: No such file "
						"or directory");
	}
	assert_string_equal(sh_output("ls " NET "/10.*"), NET "/10.1.0.2\n"); // nothing reserved
}

static int tests_here(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(an_address_of_each_set_with_gateway_and_routes_is_given),
		on_a_node(addresses_go_round_and_freed_ones_come_last),
		on_a_node(a_full_pool_is_said_to_be_full),
		on_a_node(a_pool_full_of_the_dead_heals_itself),
		on_a_node(one_address_of_every_set_or_none),
		on_a_node(a_second_add_for_one_interface_is_refused),
		on_a_node(requested_addresses_are_given_or_the_reason_why_not),
		on_a_node(del_works_without_anything_being_there),
		on_a_node(check_wants_a_lease),
		on_a_node(check_wants_the_addresses_that_were_given),
		on_a_node(gc_keeps_what_is_valid_and_nothing_else),
		on_a_node(a_nearly_full_large_pool_is_searched_quickly),
		on_a_node(name_service_comes_from_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return among_own_processes(tests_here);
}
