// SPDX-License-Identifier: Apache-2.0
/** The tree is what sysfs shows for an 82576 with two VFs, and for a card with RDMA. */
#include <net/if_arp.h>
#include <string.h>

#include "node/pci_device.h"
#include "sandbox.h"
#include "test.h"

#define DEVICES "/run/sys/bus/pci/devices"
#define PF      "0000:01:00.0"
#define VF0     "0000:01:10.0"
#define VF1     "0000:01:10.2"

static void put_function(const char *address, const char *device, const char *driver)
{
	sh("mkdir -p " DEVICES "/%s /run/sys/bus/pci/drivers/%s && cd " DEVICES "/%s && "
	   "echo 0x020000 >class && echo 0x8086 >vendor && echo 0x%s >device && "
	   "echo -1 >numa_node && ln -sfn ../../drivers/%s driver",
	   address, driver, address, device, driver);
}

static int node(void **state)
{
	if (sandbox(state) != 0)
		return -1;
	put_function(PF, "10c9", "igb");
	put_function(VF0, "10ca", "igbvf");
	put_function(VF1, "10ca", "vfio-pci");
	sh("cd " DEVICES " && mkdir -p " PF "/net/p0 " VF0 "/net/p0v0 && echo 2 >" PF
	   "/sriov_numvfs && echo 1 >" PF "/net/p0/type && echo 1 >" VF0 "/net/p0v0/type && "
	   "ln -s ../" VF0 " " PF "/virtfn0 && ln -s ../" VF1 " " PF "/virtfn1 && "
	   "ln -s ../" PF " " VF0 "/physfn && ln -s ../" PF " " VF1 "/physfn && "
	   "mkdir -p /run/sys/groups/9 && ln -s ../../../../groups/9 " VF1 "/iommu_group && "
	   "echo 4 >" VF0 "/acpi_index");
	sh("mkdir -p " DEVICES "/0000:00:1f.0 " DEVICES "/0000:02:00.0 && "
	   "echo 0x060100 >" DEVICES "/0000:00:1f.0/class && "
	   "echo 0x120000 >" DEVICES "/0000:02:00.0/class");
	return 0;
}

static struct pci_device must_read(const char *address)
{
	struct pci_device d = {};

	assert_int_equal(pci_device_read("/run/sys", address, 0, &d), 1);
	return d;
}

static void a_vf_is_told_from_its_pf(void **state)
{
	struct pci_device pf = must_read(PF), vf = must_read(VF0), other = must_read(VF1);

	(void)state;
	assert_false(pf.is_vf);
	assert_true(pf.has_vfs);
	assert_string_equal(pf.vf.pf, PF);
	assert_string_equal(pf.vf.pf_netdev, "p0");
	assert_int_equal(pf.class, PCI_NETWORK);

	assert_true(vf.is_vf);
	assert_int_equal(vf.vendor, 0x8086);
	assert_int_equal(vf.device, 0x10ca);
	assert_int_equal(vf.acpi_index, 4);
	assert_int_equal(vf.link_type, ARPHRD_ETHER);
	assert_int_equal(vf.uplinks, 1);
	assert_string_equal(vf.vf.pf, PF);
	assert_string_equal(vf.vf.driver, "igbvf");

	assert_int_equal(other.vf.number, 1);
	assert_int_equal(other.link_type, -1);
	assert_int_equal(other.pf_link_type, ARPHRD_ETHER);
	assert_int_equal(other.vf.iommu_group, 9);
}

static void only_network_cards_and_accelerators_are_listed(void **state)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct pci_device *list;
	struct err e = {};
	size_t n;

	(void)state;
	assert_int_equal(pci_device_list("/run/sys", &arena, &list, &n, &e), 0);
	assert_int_equal(n, 4);
	assert_string_equal(list[0].vf.address, PF);
	assert_string_equal(list[1].vf.address, VF0);
	assert_string_equal(list[2].vf.address, VF1);
	assert_int_equal(list[2].vf.number, 1);
	assert_int_equal(list[3].class, PCI_ACCELERATOR);
	assert_int_equal(pci_device_list("/run/nothing", &arena, &list, &n, &e), 0);
	assert_int_equal(n, 0);
}

static void a_vf_that_its_pf_does_not_list_is_not_there_yet(void **state)
{
	struct pci_device d;

	(void)state;
	sh("rm " DEVICES "/" PF "/virtfn0");
	assert_int_equal(pci_device_read("/run/sys", VF0, 0, &d), 0);
	assert_int_equal(pci_device_read("/run/sys", VF1, 7, &d), 1); // a wrong guess
	assert_int_equal(d.vf.number, 1);
	sh("rm -r " DEVICES "/" PF "/net");
	assert_int_equal(pci_device_read("/run/sys", VF1, 0, &d), 1);
	assert_string_equal(d.vf.pf_netdev, "");
	assert_int_equal(d.uplinks, 0);
}

static void programs_reach_devices_by_files(void **state)
{
	struct pci_node nodes[PCI_NODES];
	struct pci_device d = must_read(VF1);

	(void)state;
	assert_int_equal(pci_device_nodes("/run/sys", &d, nodes), 2);
	assert_string_equal(nodes[0].host, "/dev/vfio/vfio");
	assert_string_equal(nodes[1].host, "/dev/vfio/9");
	sh("echo vfio-noiommu >/run/sys/groups/9/name");
	assert_int_equal(pci_device_nodes("/run/sys", &d, nodes), 2);
	assert_string_equal(nodes[1].host, "/dev/vfio/noiommu-9");
	assert_string_equal(nodes[1].inside, "/dev/vfio/9");

	put_function(VF1, "10ca", "igb_uio");
	sh("mkdir -p " DEVICES "/" VF1 "/uio/uio3");
	d = must_read(VF1);
	assert_int_equal(pci_device_nodes("/run/sys", &d, nodes), 1);
	assert_string_equal(nodes[0].host, "/dev/uio3");

	d = must_read(VF0);
	assert_int_equal(pci_device_nodes("/run/sys", &d, nodes), 0);
}

static void verbs_have_their_files_in_one_directory(void **state)
{
	static const char *const want[] = {"/dev/infiniband/issm1", "/dev/infiniband/umad1",
					   "/dev/infiniband/uverbs1", "/dev/infiniband/rdma_cm"};
	struct pci_node nodes[PCI_NODES];
	struct pci_device d = must_read(VF0);

	(void)state;
	assert_int_equal(pci_rdma_nodes("/run/sys", &d, nodes), 0);
	sh("cd " DEVICES "/" VF0 " && mkdir -p infiniband/mlx5_1 infiniband_verbs/uverbs1 "
	   "infiniband_mad/umad1 infiniband_mad/issm1");
	d = must_read(VF0);
	assert_true(d.is_rdma);
	assert_string_equal(d.rdma, "mlx5_1");
	assert_int_equal(pci_rdma_nodes("/run/sys", &d, nodes), ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_string_equal(nodes[i].inside, want[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_vf_is_told_from_its_pf, node),
		cmocka_unit_test_setup(only_network_cards_and_accelerators_are_listed, node),
		cmocka_unit_test_setup(a_vf_that_its_pf_does_not_list_is_not_there_yet, node),
		cmocka_unit_test_setup(programs_reach_devices_by_files, node),
		cmocka_unit_test_setup(verbs_have_their_files_in_one_directory, node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
