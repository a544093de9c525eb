// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>

#include "node/vf_record.h"
#include "sandbox.h"
#include "test.h"

#define VF0  "0000:01:10.0"
#define FILE "/var/lib/edgeway/sriov/" VF0

/** Every member has a value of its own. */
static struct vf_record full(void)
{
	struct vf_record r = {
		.boot = "0f3c2e0a-7d1c-4a67-9f10-0b0f5b3a2c11",
		.device = UINT64_MAX - 1,
		.network = "net",
		.container = "c1",
		.ifname = "net1",
		.netns = "/run/netns/cni-a b",
		.ns_dev = 4,
		.ns_ino = 4026532001,
		.permanent = {{2, 0, 0, 0, 0, 1}},
		.info = "/run/info/net1",
		.bound = "vfio-pci",
		.was = {.attrs = {.known = VF_ATTRS,
				  .mac = {{2, 0, 0, 0, 0, 2}},
				  .vlan = 4094,
				  .proto = ETH_P_8021AD,
				  .qos = 7,
				  .spoofchk = true,
				  .link_state = VF_LINK_DISABLE,
				  .min_rate = UINT32_MAX,
				  .max_rate = 5},
			.address = {{2, 0, 0, 0, 0, 3}},
			.mtu = 9000,
			.flags = 0x100,
			.name = "enp1s0f0v0",
			.driver = "igbvf"},
	};

	r.clean = r.was;
	r.clean.attrs.trust = true;
	r.clean.attrs.spoofchk = false;
	r.clean.attrs.vlan = 1;
	r.clean.mtu = 1500;
	r.clean.flags = 0;
	return r;
}

static void put(const struct vf_record *record)
{
	_cleanup_(fd_closep) int lock = -1;
	struct err e = {};

	assert_int_equal(vf_record_lock(VF0, &lock, &e), 0);
	if (vf_record_write(VF_USED, VF0, record, &e) < 0)
		fail_msg("%s", e.msg);
}

static void a_record_is_read_as_it_was_written(void **state)
{
	struct vf_record r = full(), back;
	struct err e = {};

	(void)state;
	put(&r);
	memset(&back, 0, sizeof(back));
	assert_int_equal(vf_record_read(VF_USED, VF0, &back, &e), 1);
	assert_string_equal(back.netns, r.netns);
	assert_string_equal(back.info, "/run/info/net1");
	assert_string_equal(back.bound, r.bound);
	assert_string_equal(back.network, "net");
	assert_string_equal(back.container, "c1");
	assert_string_equal(back.ifname, "net1");
	assert_true(back.device == r.device && back.ns_dev == r.ns_dev && back.ns_ino == r.ns_ino);
	assert_memory_equal(&back.permanent, &r.permanent, sizeof(r.permanent));
	assert_int_equal(back.was.attrs.known, VF_ATTRS);
	assert_int_equal(vf_diff(&back.was.attrs, &r.was.attrs), 0);
	assert_int_equal(vf_diff(&back.clean.attrs, &r.clean.attrs), 0);
	assert_int_equal(vf_diff(&back.was.attrs, &back.clean.attrs),
			 VF_TRUST | VF_SPOOFCHK | VF_VLAN);
	assert_string_equal(back.was.name, "enp1s0f0v0");
	assert_string_equal(back.clean.driver, "igbvf");
	assert_int_equal(back.was.mtu, 9000);
	assert_int_equal(back.was.flags, 0x100);
	assert_int_equal(back.clean.flags, 0);
	assert_int_equal(back.clean.mtu, 1500);
	assert_memory_equal(&back.clean.address, &r.was.address, sizeof(struct mac));
	sh("test $(stat -c %%a " FILE ") = 600");
}

static void used_and_found_are_two(void **state)
{
	struct vf_record r = full();
	struct err e = {};

	(void)state;
	put(&r);
	assert_int_equal(vf_record_read(VF_FOUND, VF0, &r, &e), 0);
	r.container[0] = '\0';
	assert_int_equal(vf_record_write(VF_FOUND, VF0, &r, &e), 0);
	assert_int_equal(vf_record_remove(VF_USED, VF0, &e), 0);
	assert_int_equal(vf_record_remove(VF_USED, VF0, &e), 0);
	assert_int_equal(vf_record_read(VF_USED, VF0, &r, &e), 0);
	assert_int_equal(vf_record_read(VF_FOUND, VF0, &r, &e), 1);
	assert_string_equal(r.container, "");
}

static void what_is_not_whole_is_no_record(void **state)
{
	static const char *const damages[] = {
		"truncate -s 0",
		"sed -i '$d'", // the last line
		"sed -i 1d",
		"sed -i 's/^was.trust .*/was.trust 2/'",
		"sed -i 's/^was.qos .*/was.qos 256/'",
		"sed -i 's/^was.link_state .*/was.link_state 3/'",
		"sed -i 's/^clean.mac .*/clean.mac 02:00/'",
		"sed -i 's/^device .*/device x/'",
		"sed -i 's/^device .*/device/'",
		"sed -i 's/^interface .*/interface 0123456789abcdef/'",
	};
	struct vf_record r = full(), back = {.device = 4711};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct err e = {};

		put(&r);
		sh("%s " FILE, damages[i]);
		assert_int_equal(vf_record_read(VF_USED, VF0, &back, &e), -1);
		assert_int_equal(e.code, ERR_DECODE);
		assert_string_equal(e.msg, FILE ": damaged");
		assert_int_equal(back.device, 4711);
	}
}

static void keys_of_later_versions_are_passed_over(void **state)
{
	struct vf_record r = full();
	struct err e = {};

	(void)state;
	put(&r);
	sh("sed -i '2i later 1\\nwas.later x' " FILE);
	assert_int_equal(vf_record_read(VF_USED, VF0, &r, &e), 1);
}

static void a_record_is_of_one_boot_and_one_device(void **state)
{
	struct vf_record r = full();
	struct pci_vf vf = {.address = VF0, .id = r.device};

	(void)state;
	assert_true(vf_record_is_of(&r, &vf, r.boot));
	assert_false(vf_record_is_of(&r, &vf, "another"));
	vf.id++;
	assert_false(vf_record_is_of(&r, &vf, r.boot));
}

static void a_record_belongs_to_one_attachment(void **state)
{
	struct vf_record r = full();

	(void)state;
	assert_true(vf_record_belongs(&r, &(struct attachment){"net", "c1", "net1"}));
	assert_false(vf_record_belongs(&r, &(struct attachment){"ne", "c1", "net1"}));
	assert_false(vf_record_belongs(&r, &(struct attachment){"net", "c2", "net1"}));
	assert_false(vf_record_belongs(&r, &(struct attachment){"net", "c1", "net2"}));
}

static void vfs_in_use_are_listed(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct vf_record r = full();
	const char **addresses;
	struct err e = {};
	size_t n = 4711;

	(void)state;
	assert_int_equal(vf_record_list(&arena, &addresses, &n, &e), 0);
	assert_int_equal(n, 0);
	put(&r);
	assert_int_equal(vf_record_write(VF_FOUND, VF0, &r, &e), 0);
	assert_int_equal(vf_record_list(&arena, &addresses, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(addresses[0], VF0);
}

static void what_cannot_be_written_is_refused(void **state)
{
	struct vf_record r = full();
	struct err e = {};

	(void)state;
	assert_int_equal(vf_record_write(VF_USED, VF0, &r, &e), -1);
	assert_int_equal(e.os, ENOENT); // nobody has taken the lock, so there is no directory
	(void)snprintf(r.netns, sizeof(r.netns), "/run/a\nbound vfio-pci");
	assert_int_equal(vf_record_write(VF_USED, VF0, &r, &e), -1);
	assert_int_equal(e.code, ERR_ENV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_record_is_read_as_it_was_written, sandbox),
		cmocka_unit_test_setup(used_and_found_are_two, sandbox),
		cmocka_unit_test_setup(what_is_not_whole_is_no_record, sandbox),
		cmocka_unit_test_setup(keys_of_later_versions_are_passed_over, sandbox),
		cmocka_unit_test(a_record_is_of_one_boot_and_one_device),
		cmocka_unit_test(a_record_belongs_to_one_attachment),
		cmocka_unit_test_setup(vfs_in_use_are_listed, sandbox),
		cmocka_unit_test_setup(what_cannot_be_written_is_refused, sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
