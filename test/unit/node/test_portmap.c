// SPDX-License-Identifier: Apache-2.0
/** Ports of the node: the table, its elements, and who gets a port. What packets do is for netns.
 */
#include <stdio.h>
#include <string.h>

#include "node/portmap.h"
#include "node/rules.h"
#include "sandbox.h"
#include "test.h"

static const struct attachment C1 = {"net", "c1", "eth0"}, C2 = {"net", "c2", "eth0"};

/** A mapping to port 80; @host and @condition may be NULL. */
static struct portmap mapping(uint8_t proto, uint16_t port, const char *host, const char *target,
			      const char *condition)
{
	struct portmap map = {
		.proto = proto, .host_port = port, .port = 80, .condition = condition};

	assert_null(prefix_parse(&map.target, target));
	if (host)
		assert_null(ip_parse(&map.host_ip, host));
	return map;
}

static const char *add(const struct attachment *a, const struct portmap_plan *plan)
{
	static struct err e;
	RULES(rules, &portmap_kind);

	e = (struct err){};
	return portmap_add(&rules->set, a, plan, &e) < 0 ? e.msg : NULL;
}

static const char *check(const struct attachment *a, const struct portmap_plan *plan)
{
	static struct err e;
	RULES(rules, &portmap_kind);

	e = (struct err){};
	return portmap_check(&rules->set, a, plan, &e) < 0 ? e.msg : NULL;
}

/** One TCP port that leads to @target. */
static const char *add_one(const struct attachment *a, const char *target,
			   const struct portmap_plan *notes)
{
	const struct portmap map = mapping(IPPROTO_TCP, 8080, NULL, target, NULL);
	struct portmap_plan plan = *notes;

	plan.maps = &map;
	plan.n = 1;
	return add(a, &plan);
}

/** Whether something had to be rebuilt. */
static bool mend(void)
{
	struct err e = {};
	bool mended = false;
	RULES(rules, &portmap_kind);

	if (ruleset_mend(&rules->set, &mended, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	return mended;
}

static void every_kind_of_mapping_stands_and_loads_back(void **state)
{
	const struct portmap maps[] = {
		mapping(IPPROTO_TCP, 8080, NULL, "10.1.0.5/16", NULL),
		mapping(IPPROTO_UDP, 8080, "192.0.2.1", "10.1.0.5/16", ""),
		mapping(IPPROTO_SCTP, 8080, NULL, "fd00::5/64", "mark 7"),
		mapping(IPPROTO_TCP, 8081, "2001:db8::1", "fd00::5/64", "iifname eth0"),
		mapping(IPPROTO_TCP, 8081, NULL, "10.1.0.5/16", "ip saddr != 10.0.0.0/8"),
	};
	struct portmap_plan plan = {.maps = maps, .n = ARRAY_SIZE(maps), .snat = true};

	(void)state;
	for (int all = 0; all < 2; all++) {
		plan.masq_all = all;
		assert_null(add(&C1, &plan));
		assert_null(check(&C1, &plan));
		assert_false(mend());
		assert_int_equal(lines_with("dnat ip6? to.*map"), 7);
		assert_int_equal(lines_with("masquerade$"), all ? 10 : 6);
		ruleset_loads_back();
	}
	sh("nft flush chain inet edgeway_portmap guard");
	assert_string_equal(check(&C1, &plan), "hostPort 8080/tcp is not mapped");
	assert_true(mend());
	assert_null(check(&C1, &plan));
}

static void one_address_for_several_ports_is_recorded_once(void **state)
{
	const struct portmap maps[] = {
		mapping(IPPROTO_TCP, 8080, "192.0.2.1", "10.1.0.5/16", NULL),
		mapping(IPPROTO_TCP, 8080, "192.0.2.2", "10.1.0.5/16", NULL),
		mapping(IPPROTO_TCP, 8080, "192.0.2.2", "10.1.0.5/16", NULL),
	};
	const struct portmap_plan plan = {.maps = maps, .n = ARRAY_SIZE(maps), .snat = true};

	(void)state;
	assert_null(add(&C1, &plan));
	assert_null(check(&C1, &plan));
	assert_string_equal(sh_output("tail -n +2 /run/edgeway/portmap/*"),
			    "map tcp 8080 192.0.2.1 10.1.0.5/16 80\n"
			    "hairpin tcp 8080 * 10.1.0.5/16 0\n"
			    "local tcp 8080 * 10.1.0.5/16 0\n"
			    "map tcp 8080 192.0.2.2 10.1.0.5/16 80\n");
}

static void check_names_what_is_missing(void **state)
{
	const struct portmap map = mapping(IPPROTO_UDP, 53, "192.0.2.1", "10.1.0.5/16", NULL);
	const struct portmap_plan plan = {.maps = &map, .n = 1, .snat = true};

	(void)state;
	assert_null(add(&C1, &plan));
	sh("nft delete element inet edgeway_portmap local_udp4 '{ 10.1.0.5 . 53 }'");
	assert_string_equal(check(&C1, &plan),
			    "hostPort 53/udp of 192.0.2.1 is not mapped for all sources");
	sh("nft flush map inet edgeway_portmap addr_ports4");
	assert_string_equal(check(&C1, &plan), "hostPort 53/udp of 192.0.2.1 is not mapped");
}

static void a_port_is_taken_from_the_dead_alone(void **state)
{
	const char *links[] = {"lo", "gone"};
	const struct {
		struct portmap_plan holder, claimant;
		const char *meanwhile;
		bool taken;
	} rows[] = {
		{{.netns = "/run/netns/c1"}, {.netns = "/run/netns/c2"}, "true", false},
		{{.netns = "/run/netns/c1"}, {}, "ip netns del c1", true},
		{{.netns = "/run/netns/c1"},
		 {},
		 "ip netns del c1 && ip netns add c3 && ip netns add c1",
		 true},
		{{.links = links, .n_links = 1}, {}, "true", false},
		{{.links = links, .n_links = 2}, {}, "true", true},
		{{.pod_uid = "7"}, {.pod_uid = "8"}, "true", false},
		{{.pod_uid = "7"}, {}, "true", false},
		{{.pod_uid = "7"}, {.pod_uid = "7"}, "true", true},
		{{}, {.pod_uid = "7"}, "rm /run/edgeway/portmap/*", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *why;

		sh("ip -all netns del; ip netns add c1 && ip netns add c2 && nft flush ruleset && "
		   "rm -rf /run/edgeway");
		assert_null(add_one(&C1, "10.1.0.5/16", &rows[i].holder));
		sh("%s", rows[i].meanwhile);
		why = add_one(&C2, "10.1.0.6/16", &rows[i].claimant);
		if (rows[i].taken)
			assert_null(why);
		else
			assert_string_equal(why, "hostPort 8080/tcp is held by net/c1/eth0");
	}
}

static void what_is_no_line_stands_for_nothing(void **state)
{
	static const char *const lines[] = {
		"",
		"map",
		"map tcp 8080 * 10.1.0.5/16",
		"map icmp 8080 * 10.1.0.5/16 80",
		"map tcp 65536 * 10.1.0.5/16 80",
		"map tcp 8080 any 10.1.0.5/16 80",
		"map tcp 8080 * 10.1.0.5 80",
		"nap tcp 8080 * 10.1.0.5/16 80",
		"netns 7 /run/netns/x",
	};
	struct ruleset_elem elems[RULESET_ELEMS] = {};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(portmap_kind.elems(lines[i], elems), 0);
	assert_int_equal(portmap_kind.elems("map tcp 8080 * 10.1.0.5/16 80 mark 7", elems), 1);
}

static void this_kernel_can_and_trying_leaves_nothing(void **state)
{
	struct err e = {};
	RULES(rules, &portmap_kind);

	(void)state;
	if (portmap_probe(&rules->set, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	assert_string_equal(sh_output("nft list ruleset"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define on_a_node(test) cmocka_unit_test_setup(test, sandbox)
		on_a_node(every_kind_of_mapping_stands_and_loads_back),
		on_a_node(one_address_for_several_ports_is_recorded_once),
		on_a_node(check_names_what_is_missing),
		on_a_node(a_port_is_taken_from_the_dead_alone),
		on_a_node(what_is_no_line_stands_for_nothing),
		on_a_node(this_kernel_can_and_trying_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
