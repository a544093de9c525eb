// SPDX-License-Identifier: Apache-2.0
/** What is selected, and what keeps a device from being used; the tree is of an 82576. */
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#include "deviceplugin/inventory.h"
#include "sandbox.h"
#include "test.h"

#define DEVICES "/run/sys/bus/pci/devices"

static const char BOOT[] = "0f3c2e0a-7d1c-4a67-9f10-0b0f5b3a2c11";
static struct nl *nl;

static void put_function(const char *address, const char *driver)
{
	sh("mkdir -p " DEVICES "/%s /run/sys/bus/pci/drivers/%s && cd " DEVICES "/%s && "
	   "echo 0x020000 >class && echo 0x8086 >vendor && echo 0x10ca >device && "
	   "ln -s ../../drivers/%s driver",
	   address, driver, address, driver);
}

/** A card with two VFs, whose interface is a pair of the sandbox's. */
static int node(void **state)
{
	struct err e;

	if (sandbox(state) != 0)
		return -1;
	sh("ip link add p0 type veth peer name p1 && ip link set p0 up && ip link set p1 up");
	put_function("0000:01:00.0", "igb");
	sh("cd " DEVICES "/0000:01:00.0 && mkdir -p net/p0 && echo 1 >net/p0/type && "
	   "echo 2 >sriov_numvfs && ln -s ../0000:01:10.0 virtfn0 && ln -s ../0000:01:10.2 "
	   "virtfn1");
	for (int i = 0; i < 2; i++) {
		char address[PCI_ADDRESS];

		(void)snprintf(address, sizeof(address), "0000:01:10.%d", i * 2);
		put_function(address, "igbvf");
		sh("cd " DEVICES "/%s && ln -s ../0000:01:00.0 physfn && mkdir -p net/p0v%d && "
		   "echo 1 >net/p0v%d/type",
		   address, i, i);
	}
	nl = nl_open(NETLINK_ROUTE, &e);
	return nl ? 0 : -1;
}

static int close_node(void **state)
{
	(void)state;
	nl_closep(&nl);
	return 0;
}

static const char *const p0_words[] = {"p0"};
static struct dp_selector selector;
static struct dp_resource resource;
static struct dp_config config;

/** One resource, of all VFs of p0. */
static void select_p0(void)
{
	selector = (struct dp_selector){
		.pf_names = {.word = (const char **)(uintptr_t)p0_words, .n = 1}};
	resource = (struct dp_resource){
		.name = "vf", .prefix = "x.y", .selectors = &selector, .n_selectors = 1};
	config = (struct dp_config){.resources = &resource, .n_resources = 1};
}

static struct dp_inventory take(void)
{
	struct dp_inventory inventory;
	struct err e = {};

	if (dp_inventory_take(&inventory, &config, "/run/sys", BOOT, nl, &e) < 0)
		fail_msg("%s", e.msg);
	return inventory;
}

/** What a look says of the first VF. */
static struct dp_device first(void)
{
	struct dp_inventory inventory = take();
	struct dp_device d = *dp_inventory_find(&inventory, "0000:01:10.0");

	dp_inventory_free(&inventory);
	return d;
}

static void vfs_are_claimed_and_their_pf_is_not(void **state)
{
	struct dp_inventory inventory;

	(void)state;
	select_p0();
	inventory = take();
	assert_int_equal(inventory.n, 3);
	assert_int_equal(inventory.devices[0].resource, DP_NO_RESOURCE);
	assert_int_equal(inventory.devices[1].resource, 0);
	assert_ptr_equal(inventory.devices[2].selector, &selector);
	assert_string_equal(inventory.devices[1].trouble, "");
	assert_null(dp_inventory_find(&inventory, "0000:01:10.1"));
	dp_inventory_free(&inventory);
}

static void a_device_that_the_node_goes_out_by_is_its_own(void **state)
{
	(void)state;
	select_p0();
	sh("rm -r " DEVICES "/0000:01:00.0/virtfn* " DEVICES "/0000:01:10.*");
	for (int is_uplink = 0; is_uplink < 2; is_uplink++) {
		struct dp_inventory inventory;

		if (is_uplink)
			sh("ip addr add 10.0.0.2/24 dev p0 && ip route add default via 10.0.0.1");
		inventory = take();
		assert_int_equal(inventory.n, 1);
		assert_int_equal(inventory.devices[0].resource, is_uplink ? DP_NO_RESOURCE : 0);
		dp_inventory_free(&inventory);
	}
}

static void without_carrier_or_driver_nobody_can_use_it(void **state)
{
	(void)state;
	select_p0();
	sh("ip link set p1 down");
	assert_string_equal(first().trouble, "p0 has no carrier");
	resource.ignore_link = true;
	assert_string_equal(first().trouble, "");
	resource.ignore_link = false;
	sh("ip link set p0 down");
	assert_string_equal(first().trouble, "p0 is down");
	sh("ip link set p0 up && ip link set p1 up && rm " DEVICES "/0000:01:10.0/driver");
	assert_string_equal(first().trouble, "no driver is bound to it");
	sh("ip link del p0");
	assert_non_null(strstr(first().trouble, "p0"));
}

static struct dp_device device(void)
{
	return (struct dp_device){.pci = {.is_vf = true,
					  .class = PCI_NETWORK,
					  .vendor = 0x8086,
					  .device = 0x10ca,
					  .acpi_index = 7,
					  .link_type = ARPHRD_ETHER,
					  .pf_link_type = ARPHRD_ETHER,
					  .vf = {.address = "0000:01:10.0",
						 .pf = "0000:01:00.0",
						 .pf_netdev = "p0",
						 .number = 2,
						 .driver = "igbvf"}}};
}

/** Whether the device fits a selector with this one list. */
static bool fits(size_t list, const char *word, const struct dp_device *d)
{
	struct dp_selector s = {};

	*(struct dp_words *)((char *)&s + list) = (struct dp_words){&word, 1};
	return dp_selects(&s, &(struct dp_resource){}, d);
}
#define FITS(list, word, d) fits(offsetof(struct dp_selector, list), word, d)

static void each_list_must_have_a_word_that_fits(void **state)
{
	struct dp_device d = device();
	const int64_t seven = 7, eight = 8;

	(void)state;
	assert_true(FITS(vendors, "8086", &d) && !FITS(vendors, "15b3", &d));
	assert_true(FITS(devices, "10CA", &d) && !FITS(devices, "10c9", &d));
	assert_true(FITS(drivers, "igbvf", &d) && !FITS(drivers, "igb", &d));
	assert_true(FITS(addresses, "0000:01:10.0", &d) && !FITS(addresses, "0000:01:10.1", &d));
	assert_true(FITS(pf_names, "p0#1-2", &d) && !FITS(pf_names, "p0#3", &d));
	assert_true(FITS(root_devices, "0000:01:00.0", &d) &&
		    !FITS(root_devices, "0000:02:00.0", &d));
	assert_true(FITS(link_types, "ether", &d) && !FITS(link_types, "infiniband", &d));
	assert_true(dp_selects(&(struct dp_selector){.acpi_indexes = (int64_t *)(uintptr_t)&seven,
						     .n_acpi_indexes = 1},
			       &resource, &d));
	assert_false(dp_selects(&(struct dp_selector){.acpi_indexes = (int64_t *)(uintptr_t)&eight,
						      .n_acpi_indexes = 1},
				&resource, &d));
	assert_false(dp_selects(&(struct dp_selector){.is_rdma = true}, &resource, &d));
	assert_true(dp_selects(&(struct dp_selector){}, &(struct dp_resource){}, &d));
	assert_false(dp_selects(&(struct dp_selector){},
				&(struct dp_resource){.is_accelerator = true}, &d));
}

static void of_several_words_for_a_pf_the_first_counts(void **state)
{
	const char *words[] = {"p0#0", "p0#2"};
	const struct dp_selector s = {.pf_names = {words, 2}};
	struct dp_device d = device();

	(void)state;
	assert_false(dp_selects(&s, &(struct dp_resource){}, &d));
	d.pci.vf.number = 0;
	assert_true(dp_selects(&s, &(struct dp_resource){}, &d));
}

static void one_that_a_container_has_stays_what_it_was(void **state)
{
	struct dp_device d = device();

	(void)state;
	d.pci.link_type = -1;
	assert_false(FITS(link_types, "ether", &d));
	d.hold.kind = VF_HELD;
	assert_true(FITS(link_types, "ether", &d));
	strcpy(d.pci.vf.driver, "vfio-pci");
	assert_false(FITS(drivers, "igbvf", &d));
	strcpy(d.hold.driver, "igbvf");
	assert_true(FITS(drivers, "igbvf", &d));
	assert_true(
		dp_selects(&(struct dp_selector){.is_rdma = true}, &(struct dp_resource){}, &d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(vfs_are_claimed_and_their_pf_is_not, node,
						close_node),
		cmocka_unit_test_setup_teardown(a_device_that_the_node_goes_out_by_is_its_own, node,
						close_node),
		cmocka_unit_test_setup_teardown(without_carrier_or_driver_nobody_can_use_it, node,
						close_node),
		cmocka_unit_test(each_list_must_have_a_word_that_fits),
		cmocka_unit_test(of_several_words_for_a_pf_the_first_counts),
		cmocka_unit_test(one_that_a_container_has_stays_what_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
