// SPDX-License-Identifier: Apache-2.0
/** VLANs of bridge ports: requests as they are laid out in memory, and where bridges filter, sent.
 */
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "netlink/conversation.h"
#include "netlink/port.h"
#include "sandbox.h"
#include "test.h"

/** One VLAN or the end of a range, as an attribute. */
struct vlan_attr {
	struct nlattr a;
	struct bridge_vlan_info info;
};

/** A change of the VLANs of port 7: the headers, and what is nested in IFLA_AF_SPEC. */
struct change {
	struct nlmsghdr h;
	struct ifinfomsg link;
	struct nlattr spec;
	union {
		struct vlan_attr vlans[2];
		struct {
			struct nlattr a;
			uint16_t flags, padding;
			struct vlan_attr vlan;
		} self;
	};
};

#define VLAN(f, v)                                                                                 \
	{                                                                                          \
		{sizeof(struct vlan_attr), IFLA_BRIDGE_VLAN_INFO},                                 \
		{                                                                                  \
			.flags = (f), .vid = (v)                                                   \
		}                                                                                  \
	}

/** Fails unless @m is @expected with @n attributes of eight bytes each in its nest. */
static void a_change_is(struct nl_msg *m, uint16_t type, struct change expected, uint32_t n)
{
	uint32_t spec = NLA_HDRLEN + n * (uint32_t)sizeof(struct vlan_attr);

	expected.h = (struct nlmsghdr){
		.nlmsg_len = offsetof(struct change, spec) + spec,
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST,
	};
	expected.link = (struct ifinfomsg){.ifi_family = AF_BRIDGE, .ifi_index = 7};
	expected.spec =
		(struct nlattr){.nla_len = (uint16_t)spec, .nla_type = IFLA_AF_SPEC | NLA_F_NESTED};
	assert_int_equal(m->len, expected.h.nlmsg_len);
	assert_memory_equal(m->buf, &expected, m->len);
	nl_msg_free(m);
}

static void a_single_vlan_is_one_attribute(void **state)
{
	struct nl_msg m = {};

	(void)state;
	port_vlan_add(&m, 7, &(struct port_vlans){.first = 100, .last = 100});
	assert_string_equal(m.label[0], "add VLANs 100-100 of bridge port 7");
	a_change_is(&m, RTM_SETLINK, (struct change){.vlans = {VLAN(0, 100)}}, 1);
	port_vlan_add(&m, 7, &(struct port_vlans){.first = 100, .last = 100, .native = true});
	a_change_is(
		&m, RTM_SETLINK,
		(struct change){
			.vlans = {VLAN(BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED, 100)}},
		1);
}

static void a_range_is_its_two_ends(void **state)
{
	struct nl_msg m = {};

	(void)state;
	port_vlan_add(&m, 7, &(struct port_vlans){.first = 200, .last = 299});
	a_change_is(&m, RTM_SETLINK,
		    (struct change){.vlans = {VLAN(BRIDGE_VLAN_INFO_RANGE_BEGIN, 200),
					      VLAN(BRIDGE_VLAN_INFO_RANGE_END, 299)}},
		    2);
}

static void clearing_takes_all_vlans_there_can_be(void **state)
{
	struct nl_msg m = {};

	(void)state;
	port_vlan_clear(&m, 7);
	assert_string_equal(m.label[0], "delete VLANs 1-4094 of bridge port 7");
	a_change_is(&m, RTM_DELLINK,
		    (struct change){.vlans = {VLAN(BRIDGE_VLAN_INFO_RANGE_BEGIN, 1),
					      VLAN(BRIDGE_VLAN_INFO_RANGE_END, 4094)}},
		    2);
}

static void the_nodes_own_end_says_so_first(void **state)
{
	struct change expected = {
		.self = {{6, IFLA_BRIDGE_FLAGS}, BRIDGE_FLAGS_SELF, 0, VLAN(0, 100)}};
	struct nl_msg m = {};

	(void)state;
	bridge_vlan_add(&m, 7, 100);
	a_change_is(&m, RTM_SETLINK, expected, 2);
}

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_ROUTE,
				  "ip link add br0 up type bridge vlan_filtering 1 && "
				  "ip link add veth0 up master br0 type veth peer name veth1");
}

/** Fails unless port_vlan_get() and bridge(8) agree: "1pu 200 201", p for PVID, u for untagged. */
static void vlans_are(struct nl *nl, const char *link, const char *expected)
{
	uint8_t flags[PORT_VLANS];
	char text[512] = "";
	struct err e = {};

	if (port_vlan_get(nl, nl_ifindex(nl, link), flags, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	for (int vid = 0; vid < PORT_VLANS; vid++) {
		size_t n = strlen(text);

		if (flags[vid] & PORT_VLAN_MEMBER)
			(void)snprintf(text + n, sizeof(text) - n, "%s%d%s%s", n ? " " : "", vid,
				       flags[vid] & PORT_VLAN_PVID ? "p" : "",
				       flags[vid] & PORT_VLAN_UNTAGGED ? "u" : "");
		else
			assert_int_equal(flags[vid], 0);
	}
	assert_string_equal(text, expected);
	(void)snprintf(text, sizeof(text), "%s\n", expected);
	assert_string_equal(
		sh_output("bridge vlan show dev %s | sed '1d; s/^%s//; s/^[ \\t]*//; s/ PVID/p/; "
			  "s/ Egress Untagged/u/; s/pu/pu/; s/p u/pu/; s/ *$//' | grep . | "
			  "paste -sd' '",
			  link, link),
		text);
}

static void vlans_are_added_and_cleared_and_read_back(void **state)
{
	int index = nl_ifindex(*state, "veth0");
	struct nl_msg m = {};

	vlans_are(*state, "veth0", "1pu"); // what joining gives
	port_vlan_clear(&m, index);
	port_vlan_add(&m, index, &(struct port_vlans){.first = 100, .last = 100, .native = true});
	port_vlan_add(&m, index, &(struct port_vlans){.first = 200, .last = 203});
	port_vlan_add(&m, index, &(struct port_vlans){.first = 4094, .last = 4094});
	must_call(*state, &m);
	vlans_are(*state, "veth0", "100pu 200 201 202 203 4094");
	vlans_are(*state, "br0", "1pu");
	port_vlan_clear(&m, index);
	must_call(*state, &m);
	vlans_are(*state, "veth0", "");
}

static void a_later_call_overrides_an_earlier_one(void **state)
{
	int index = nl_ifindex(*state, "veth0");
	struct nl_msg m = {};

	port_vlan_add(&m, index, &(struct port_vlans){.first = 99, .last = 101});
	port_vlan_add(&m, index, &(struct port_vlans){.first = 100, .last = 100, .native = true});
	must_call(*state, &m);
	vlans_are(*state, "veth0", "1u 99 100pu 101");
}

static void the_nodes_own_end_joins_with_tags(void **state)
{
	struct nl_msg m = {};

	bridge_vlan_add(&m, nl_ifindex(*state, "br0"), 100);
	must_call(*state, &m);
	vlans_are(*state, "br0", "1pu 100");
	vlans_are(*state, "veth0", "1pu");
}

static void what_is_no_port_has_no_vlans(void **state)
{
	uint8_t flags[PORT_VLANS];
	struct nl_msg m = {};
	struct err e = {};

	port_vlan_add(&m, nl_ifindex(*state, "veth1"), &(struct port_vlans){100, 100, false});
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_int_equal(e.code, ERR_KERNEL);
	assert_int_equal(port_vlan_get(*state, 4711, flags, &e), -1);
	assert_int_equal(e.os, ENODEV);
}

static void say_skipped(const char *name)
{
	printf("ok - %s # SKIP bridges of this kernel cannot filter VLANs "
	       "(CONFIG_BRIDGE_VLAN_FILTERING)\n",
	       name);
}

/** Whether bridges filter here; kernels that cannot either refuse or make one that does not. */
static bool bridges_filter(void)
{
	return sandbox(NULL) == 0 &&
	       sh_status("ip link add probe type bridge vlan_filtering 1 2>&1 && "
			 "ip -d link show probe | grep -q 'vlan_filtering 1'") == 0;
}

int main(void)
{
	const struct CMUnitTest layout[] = {
		cmocka_unit_test(a_single_vlan_is_one_attribute),
		cmocka_unit_test(a_range_is_its_two_ends),
		cmocka_unit_test(clearing_takes_all_vlans_there_can_be),
		cmocka_unit_test(the_nodes_own_end_says_so_first),
	};
	const struct CMUnitTest sent[] = {
#define conversation(test)                                                                         \
	cmocka_unit_test_setup_teardown(test, connect_to_kernel, conversation_end)
		conversation(vlans_are_added_and_cleared_and_read_back),
		conversation(a_later_call_overrides_an_earlier_one),
		conversation(the_nodes_own_end_joins_with_tags),
		conversation(what_is_no_port_has_no_vlans),
	};
	int failed = cmocka_run_group_tests(layout, NULL, NULL);

	if (bridges_filter())
		return failed + cmocka_run_group_tests(sent, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		say_skipped(sent[i].name);
	return failed;
}
