// SPDX-License-Identifier: Apache-2.0
/**
 * What the kernel answers is written here with the builder, in its shape: machines that run these
 * tests have no virtual functions. With real ones they are played in a guest
 * (test/lab/guest/sriov_test).
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "netlink/conversation.h"
#include "netlink/vf.h"
#include "sandbox.h"
#include "test.h"

static const struct vf FULL = {
	.known = VF_ATTRS,
	.mac = {{2, 0, 0, 0, 0, 7}},
	.vlan = 100,
	.qos = 3,
	.proto = ETH_P_8021AD,
	.spoofchk = true,
	.trust = true,
	.link_state = VF_LINK_DISABLE,
	.min_rate = 10,
	.max_rate = 1000,
};

static int connect_to_kernel(void **state)
{
	return conversation_begin(state, NETLINK_ROUTE,
				  "ip link add veth0 type veth peer name veth1");
}

static bool parse(const struct nl_msg *m, uint32_t number, struct vf *out)
{
	return vf_parse((const void *)m->buf, number, out);
}

static void what_is_set_is_what_is_read(void **state)
{
	(void)state;
	for (unsigned int known = 1; known <= VF_ATTRS; known++) {
		struct vf values = FULL, back = {};
		struct nl_msg m = {};

		values.known = known | VF_MAC; // by which a VF is told from the others
		vf_set(&m, 5, 2, &values);
		assert_true(parse(&m, 2, &back));
		assert_int_equal(back.known, values.known);
		assert_int_equal(vf_diff(&back, &values), 0);
		assert_int_equal(vf_diff(&back, &FULL), VF_ATTRS & ~values.known);
		assert_false(parse(&m, 0, &back));
		nl_msg_free(&m);
	}
}

/** The attributes of one VF as a driver that knows nothing of spoofchk and trust has them. */
static void put_plain(struct nl_msg *m, uint32_t number, uint32_t vlan)
{
	const struct ifla_vf_mac mac = {.vf = number, .mac = {2, 0, 0, 0, 1, (uint8_t)number}};
	const struct ifla_vf_vlan tag = {.vf = number, .vlan = vlan, .qos = 1};
	const struct ifla_vf_spoofchk unset = {.vf = number, .setting = UINT32_MAX};
	const struct ifla_vf_link_state odd = {.vf = number, .link_state = 77};

	nl_nest(m, IFLA_VF_INFO) {
		nl_put(m, IFLA_VF_MAC, &mac, sizeof(mac));
		nl_put(m, IFLA_VF_VLAN, &tag, sizeof(tag));
		nl_put(m, IFLA_VF_SPOOFCHK, &unset, sizeof(unset));
		nl_put(m, IFLA_VF_TRUST, &unset, sizeof(unset));
		nl_put(m, IFLA_VF_LINK_STATE, &odd, sizeof(odd));
		nl_put(m, IFLA_VF_RATE, &mac, 5); // cut short
	}
}

static void each_of_many_is_found_by_its_number(void **state)
{
	const struct ifinfomsg hdr = {.ifi_index = 5};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct vf vf = {.vlan = 4711};

	(void)state;
	nl_begin(&m, RTM_NEWLINK, 0, &hdr, sizeof(hdr));
	nl_nest(&m, IFLA_VFINFO_LIST) {
		nl_u32(&m, IFLA_VF_INFO + 1, 0); // passed over
		for (uint32_t i = 0; i < 256; i++)
			put_plain(&m, i, i + 1);
	}
	for (uint32_t i = 0; i < 256; i++) {
		assert_true(parse(&m, i, &vf));
		assert_int_equal(vf.known, VF_MAC | VF_VLAN);
		assert_int_equal(vf.vlan, i + 1);
		assert_int_equal(vf.qos, 1);
		assert_int_equal(vf.proto, ETH_P_8021Q);
		assert_int_equal(vf.mac.bytes[5], i);
	}
	assert_false(parse(&m, 256, &vf));
	assert_int_equal(vf.vlan, 256);
}

static void put_count(struct nl_msg *m, uint16_t attr, uint64_t value)
{
	nl_put(m, attr, &value, sizeof(value));
}

struct seen {
	uint32_t numbers[4];
	struct vf_stats stats[4];
	size_t n, stop;
};

static int see(uint32_t number, const struct vf *vf, const struct vf_stats *stats, void *ctx,
	       struct err *e)
{
	struct seen *seen = ctx;

	assert_int_equal(vf->vlan, number + 1);
	seen->numbers[seen->n] = number;
	seen->stats[seen->n++] = *stats;
	return seen->n == seen->stop ? err_set(e, ERR_KERNEL, "enough") : 0;
}

static void all_are_read_with_what_is_counted(void **state)
{
	const struct ifinfomsg hdr = {.ifi_index = 5};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct seen seen = {}, some = {.stop = 1};
	struct err e = {};

	(void)state;
	nl_begin(&m, RTM_NEWLINK, 0, &hdr, sizeof(hdr));
	nl_nest(&m, IFLA_VFINFO_LIST) {
		put_plain(&m, 0, 1);
		nl_nest(&m, IFLA_VF_INFO) {
			const struct ifla_vf_mac mac = {.vf = 1};
			const struct ifla_vf_vlan tag = {.vf = 1, .vlan = 2};

			nl_put(&m, IFLA_VF_MAC, &mac, sizeof(mac));
			nl_put(&m, IFLA_VF_VLAN, &tag, sizeof(tag));
			nl_nest(&m, IFLA_VF_STATS) {
				put_count(&m, IFLA_VF_STATS_RX_BYTES, UINT64_MAX);
				put_count(&m, IFLA_VF_STATS_TX_DROPPED, 7);
				nl_u32(&m, IFLA_VF_STATS_TX_BYTES, 9); // cut short
			}
		}
	}
	assert_int_equal(vf_parse_all((const void *)m.buf, see, &seen, &e), 0);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.numbers[1], 1);
	assert_false(seen.stats[0].known);
	assert_true(seen.stats[1].known);
	assert_true(seen.stats[1].rx_bytes == UINT64_MAX);
	assert_int_equal(seen.stats[1].tx_dropped, 7);
	assert_int_equal(seen.stats[1].tx_bytes, 0);
	assert_int_equal(vf_parse_all((const void *)m.buf, see, &some, &e), -1);
	assert_int_equal(some.n, 1);
}

static void a_difference_is_one_that_both_know_or_the_first_lacks(void **state)
{
	struct vf a = FULL, b = FULL;

	(void)state;
	a.trust = false;
	a.qos = 0;
	assert_int_equal(vf_diff(&a, &b), VF_TRUST | VF_VLAN);
	b.known = VF_TRUST;
	assert_int_equal(vf_diff(&a, &b), VF_TRUST);
	a.known = 0;
	assert_int_equal(vf_diff(&a, &b), VF_TRUST);
	a = b = FULL;
	a.vlan = b.vlan = 0;
	a.proto = ETH_P_8021Q;
	assert_int_equal(vf_diff(&a, &b), 0);
}

static void attributes_are_written_as_ip_has_them(void **state)
{
	static const struct {
		enum vf_attr attr;
		const char *text;
	} cases[] = {
		{VF_MAC, "mac 02:00:00:00:00:07"},
		{VF_VLAN, "vlan 100 qos 3 proto 802.1ad"},
		{VF_RATE, "min_tx_rate 10 max_tx_rate 1000"},
		{VF_SPOOFCHK, "spoofchk on"},
		{VF_TRUST, "trust on"},
		{VF_LINK_STATE, "link_state disable"},
	};
	const struct vf off = {.proto = ETH_P_8021Q};
	char buf[VF_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(vf_text(&FULL, cases[i].attr, buf), cases[i].text);
	assert_string_equal(vf_text(&off, VF_VLAN, buf), "vlan 0 qos 0 proto 802.1q");
	assert_string_equal(vf_text(&off, VF_TRUST, buf), "trust off");
	assert_string_equal(vf_text(&off, VF_LINK_STATE, buf), "link_state auto");
}

static void what_has_no_vfs_says_so(void **state)
{
	int index = nl_ifindex(*state, "veth0");
	struct vf vf = {.vlan = 4711};
	struct nl_msg m = {};
	struct err e = {};

	assert_int_equal(vf_get(*state, index, 0, &vf, &e), -1);
	assert_int_equal(e.os, ENODEV);
	assert_non_null(strstr(e.msg, "read VF 0 of interface"));
	assert_int_equal(vf_get(*state, 4711, 0, &vf, &e), -1);
	assert_int_equal(e.os, ENODEV);
	assert_int_equal(vf.vlan, 4711);

	vf_set(&m, index, 0, &FULL);
	assert_int_equal(nl_call(*state, &m, &e), -1);
	assert_int_equal(e.os, EOPNOTSUPP);
	assert_non_null(strstr(e.msg, "set VF 0 of interface"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_set_is_what_is_read),
		cmocka_unit_test(each_of_many_is_found_by_its_number),
		cmocka_unit_test(all_are_read_with_what_is_counted),
		cmocka_unit_test(a_difference_is_one_that_both_know_or_the_first_lacks),
		cmocka_unit_test(attributes_are_written_as_ip_has_them),
		cmocka_unit_test_setup_teardown(what_has_no_vfs_says_so, connect_to_kernel,
						conversation_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
