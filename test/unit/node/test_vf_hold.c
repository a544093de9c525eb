// SPDX-License-Identifier: Apache-2.0
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "node/vf_hold.h"
#include "sandbox.h"
#include "test.h"

static const char BOOT[BOOT_ID] = "0f3c2e0a-7d1c-4a67-9f10-0b0f5b3a2c11";
static const struct pci_vf VF = {
	.address = "0000:01:10.0", .id = 42, .netdev = "p0v0", .driver = "igbvf"};

static int node(void **state)
{
	if (sandbox(state) != 0)
		return -1;
	sh("mkdir -p " VF_RECORD_DIR);
	return 0;
}

static struct vf plain(void)
{
	return (struct vf){.known = VF_ATTRS, .mac = {{2, 0, 0, 0, 0, 1}}, .proto = ETH_P_8021Q};
}

static void put(enum vf_file file, const struct vf_record *r)
{
	struct err e = {};

	if (vf_record_write(file, VF.address, r, &e) < 0)
		fail_msg("%s", e.msg);
}

/** A record that a container in the namespace @name has the VF. */
static struct vf_record owned_by(const char *name)
{
	struct vf_record r = {.device = 42, .network = "n", .container = "red", .ifname = "net1"};
	_cleanup_(fd_closep) int fd = pod(name);
	struct stat st;

	memcpy(r.boot, BOOT, sizeof(r.boot));
	(void)snprintf(r.netns, sizeof(r.netns), "/run/netns/%s", name);
	assert_int_equal(fstat(fd, &st), 0);
	r.ns_dev = st.st_dev;
	r.ns_ino = st.st_ino;
	return r;
}

static struct vf_hold look(const struct vf *now)
{
	struct vf_hold hold;

	vf_hold_look(&VF, BOOT, now, &hold);
	return hold;
}

static void what_nobody_has_and_nobody_met_is_free(void **state)
{
	struct vf now = plain();

	(void)state;
	assert_int_equal(look(&now).kind, VF_FREE);
	assert_string_equal(look(NULL).why, "");
}

static void a_container_has_it_as_long_as_its_namespace_lives(void **state)
{
	struct vf_record r = owned_by("red");
	struct vf_hold hold;

	(void)state;
	put(VF_USED, &r);
	hold = look(NULL);
	assert_int_equal(hold.kind, VF_HELD);
	assert_string_equal(hold.why, "held by n/red/net1");
	assert_string_equal(hold.netns, "/run/netns/red");
	assert_string_equal(hold.driver, "");
	sh("ip netns del red");
	hold = look(NULL);
	assert_int_equal(hold.kind, VF_LEFT);
	assert_string_equal(hold.why, "no DEL came for n/red/net1");
}

static void the_driver_before_is_remembered(void **state)
{
	struct vf_record r = owned_by("red");

	(void)state;
	strcpy(r.bound, "vfio-pci");
	strcpy(r.was.driver, "igbvf");
	put(VF_USED, &r);
	assert_string_equal(look(NULL).driver, "igbvf");
}

static void a_record_of_another_device_or_boot_says_nothing(void **state)
{
	struct vf_record r = owned_by("red");

	(void)state;
	r.device = 43;
	put(VF_USED, &r);
	assert_int_equal(look(NULL).kind, VF_FREE);
	r.device = 42;
	r.boot[0] = 'a';
	put(VF_USED, &r);
	assert_int_equal(look(NULL).kind, VF_FREE);
}

static void it_is_dirty_if_it_is_not_as_it_was_found(void **state)
{
	struct vf_record r = {.device = 42};
	struct vf now = plain();

	(void)state;
	memcpy(r.boot, BOOT, sizeof(r.boot));
	r.clean.attrs = plain();
	put(VF_FOUND, &r);
	assert_int_equal(look(&now).kind, VF_FREE);
	assert_int_equal(look(NULL).kind, VF_FREE); // nobody says what it is like
	now.vlan = 5;
	now.trust = true;
	assert_int_equal(look(&now).kind, VF_DIRTY);
	assert_string_equal(look(&now).why, "has vlan 5 qos 0 proto 802.1q, not vlan 0 qos 0 proto "
					    "802.1q; trust on, not trust off");
	now = plain();
	now.mac.bytes[5] = 9;
	assert_int_equal(look(&now).kind, VF_DIRTY);
	memset(&r.clean.attrs.mac, 0,
	       sizeof(r.clean.attrs.mac)); // which not every driver takes back
	put(VF_FOUND, &r);
	assert_int_equal(look(&now).kind, VF_FREE);
}

static void what_it_was_given_back_as_counts_more(void **state)
{
	struct vf_record r = {.device = 42};
	struct vf now = plain();

	(void)state;
	memcpy(r.boot, BOOT, sizeof(r.boot));
	r.clean.attrs = r.was.attrs = plain();
	r.was.attrs.spoofchk = true;
	put(VF_FOUND, &r);
	assert_int_equal(look(&now).kind, VF_DIRTY);
	now.spoofchk = true;
	assert_int_equal(look(&now).kind, VF_FREE);
}

static void an_interface_that_is_not_here_is_somebodys(void **state)
{
	struct pci_vf vf = VF;
	struct vf_hold hold;

	(void)state;
	vf.netdev[0] = '\0';
	vf_hold_look(&vf, BOOT, NULL, &hold);
	assert_int_equal(hold.kind, VF_AWAY);
	strcpy(vf.driver, "vfio-pci");
	vf_hold_look(&vf, BOOT, NULL, &hold);
	assert_int_equal(hold.kind, VF_FREE);
	vf.driver[0] = '\0';
	vf_hold_look(&vf, BOOT, NULL, &hold);
	assert_int_equal(hold.kind, VF_FREE);
}

static void a_damaged_record_leaves_it_open(void **state)
{
	(void)state;
	file_put(VF_RECORD_DIR "/0000:01:10.0", "edgeway sriov 1\n");
	assert_int_equal(look(NULL).kind, VF_UNCERTAIN);
	assert_string_equal(look(NULL).why, VF_RECORD_DIR "/0000:01:10.0: damaged");
	assert_string_equal(vf_hold_name(VF_UNCERTAIN), "uncertain");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_nobody_has_and_nobody_met_is_free, node),
		cmocka_unit_test_setup(a_container_has_it_as_long_as_its_namespace_lives, node),
		cmocka_unit_test_setup(the_driver_before_is_remembered, node),
		cmocka_unit_test_setup(a_record_of_another_device_or_boot_says_nothing, node),
		cmocka_unit_test_setup(it_is_dirty_if_it_is_not_as_it_was_found, node),
		cmocka_unit_test_setup(what_it_was_given_back_as_counts_more, node),
		cmocka_unit_test_setup(an_interface_that_is_not_here_is_somebodys, node),
		cmocka_unit_test_setup(a_damaged_record_leaves_it_open, node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
