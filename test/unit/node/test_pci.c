// SPDX-License-Identifier: Apache-2.0
/**
 * The trees are those that sysfs shows for an 82576 (two VFs, driver igb) and, in switchdev mode,
 * for a ConnectX-5. Binding a driver needs the real thing: test/lab/guest/sriov_test.
 */
#include <errno.h>
#include <string.h>

#include "node/pci.h"
#include "sandbox.h"
#include "test.h"

#define DEVICES "/run/sys/bus/pci/devices"
#define PF      "0000:01:00.0"
#define VF0     "0000:01:10.0"
#define VF1     "0000:01:10.2"

/** A node with a PF, whose interface is p0, and two VFs of which the first has an interface. */
static int node(void **state)
{
	if (sandbox(state) != 0)
		return -1;
	sh("mkdir -p " DEVICES "/" PF "/net/p0 " DEVICES "/" VF0 "/net/p0v0 " DEVICES "/" VF1
	   " /run/sys/bus/pci/drivers/igbvf /run/sys/bus/pci/drivers/vfio-pci /run/sys/groups/7");
	sh("cd " DEVICES "/" PF " && echo 2 >sriov_numvfs && ln -s ../" VF0 " virtfn0 && "
	   "ln -s ../" VF1 " virtfn1");
	sh("for vf in " VF0 " " VF1 "; do cd " DEVICES "/$vf && ln -s ../" PF " physfn && "
	   "echo -1 >numa_node && ln -s ../../drivers/igbvf driver; done");
	sh("cd " DEVICES "/" VF0 " && ln -s ../../../../groups/7 iommu_group && echo 1 >numa_node");
	return 0;
}

static struct pci_vf find(const char *address)
{
	struct pci_vf vf = {};
	struct err e = {};

	if (pci_vf_find("/run/sys", address, &vf, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	return vf;
}

static void refused(const char *address, int code, const char *msg)
{
	struct pci_vf vf = {.number = 4711};
	struct err e = {};

	assert_int_equal(pci_vf_find("/run/sys", address, &vf, &e), -1);
	assert_string_equal(e.msg, msg);
	assert_int_equal(e.code, code);
	assert_int_equal(vf.number, 4711);
}

static void a_vf_is_found_with_its_pf_and_number(void **state)
{
	struct pci_vf first = find(VF0), second = find(VF1);

	(void)state;
	assert_string_equal(first.address, VF0);
	assert_string_equal(first.pf, PF);
	assert_string_equal(first.pf_netdev, "p0");
	assert_string_equal(first.netdev, "p0v0");
	assert_string_equal(first.driver, "igbvf");
	assert_string_equal(first.representor, "");
	assert_int_equal(first.number, 0);
	assert_int_equal(first.numa_node, 1);
	assert_int_equal(first.iommu_group, 7);

	assert_int_equal(second.number, 1);
	assert_string_equal(second.netdev, "");
	assert_int_equal(second.numa_node, -1);
	assert_int_equal(second.iommu_group, -1);
	assert_true(first.id != second.id);
	assert_true(first.id == find(VF0).id);
}

static void a_vf_made_anew_is_another(void **state)
{
	uint64_t id = find(VF1).id;

	(void)state;
	sh("cp -a " DEVICES "/" VF1 " /run/copy && rm -r " DEVICES "/" VF1 " && "
	   "mv /run/copy " DEVICES "/" VF1);
	assert_true(find(VF1).id != id);
}

static void interface_and_driver_are_read_anew(void **state)
{
	struct pci_vf vf = find(VF0);
	struct err e = {};

	(void)state;
	sh("cd " DEVICES "/" VF0 " && mv net/p0v0 net/dev8");
	assert_int_equal(pci_vf_refresh("/run/sys", &vf, &e), 0);
	assert_string_equal(vf.netdev, "dev8");
	sh("cd " DEVICES "/" VF0 " && rm -r net driver && ln -s ../../drivers/vfio-pci driver");
	assert_int_equal(pci_vf_refresh("/run/sys", &vf, &e), 0);
	assert_string_equal(vf.netdev, "");
	assert_string_equal(vf.driver, "vfio-pci");
	assert_true(pci_driver_is_userspace(vf.driver));
	sh("rm " DEVICES "/" VF0 "/driver");
	assert_int_equal(pci_vf_refresh("/run/sys", &vf, &e), 0);
	assert_string_equal(vf.driver, "");
	assert_false(pci_driver_is_userspace(vf.driver));
	assert_false(pci_driver_is_userspace("igbvf"));
	sh("rm -r " DEVICES "/" VF0);
	assert_int_equal(pci_vf_refresh("/run/sys", &vf, &e), 0); // a device that is gone
}

static void what_cannot_be_read_is_not_taken_for_absent(void **state)
{
	struct pci_vf vf = find(VF0);
	struct err e = {};

	(void)state;
	sh("cd " DEVICES "/" VF0 " && rm driver && ln -s $(printf %%0100d 0) driver");
	assert_int_equal(pci_vf_refresh("/run/sys", &vf, &e), -1);
	assert_string_equal(e.msg, "read the driver of " VF0 ": File name too long");
	assert_string_equal(vf.driver, "igbvf");
	sh("cd " DEVICES "/" VF0 " && rm -r driver net && touch net");
	assert_int_equal(pci_vf_refresh("/run/sys", &vf, &e), -1);
	assert_string_equal(e.msg, "list the interfaces of " VF0 ": Not a directory");
	assert_string_equal(vf.netdev, "p0v0");
	sh("cd " DEVICES "/" VF0 " && rm physfn && touch physfn");
	refused(VF0, ERR_IO, "read physfn of " VF0 ": Invalid argument");
}

static void what_is_no_vf_is_refused(void **state)
{
	(void)state;
	refused("0000:01:00.7", ERR_CONFIG,
		"find PCI device 0000:01:00.7: No such file or directory");
	refused(PF, ERR_CONFIG, PF " is no virtual function");
	sh("rm " DEVICES "/" PF "/virtfn1");
	refused(VF1, ERR_UNAVAILABLE,
		PF " does not list its VF " VF1 ": No such file or directory");
}

static void an_address_has_one_form(void **state)
{
	static const char *const wrong[] = {"",
					    "eth0",
					    "01:10.0",
					    "0000:01:10",
					    "0000:01:10.8",
					    "0000:01:10.00",
					    "0000:0A:10.0",
					    "0000-01:10.0",
					    "../0:01:10.0",
					    "0000:01:10./",
					    "000:01:10.0"};

	(void)state;
	assert_null(pci_address_check(VF0));
	assert_null(pci_address_check("abcd:ef:1f.7"));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_non_null(pci_address_check(wrong[i]));
	refused("eth0", ERR_CONFIG,
		"\"eth0\": must be a PCI address as in \"0000:03:10.0\", in lower case");
}

static void a_pf_in_switchdev_mode_has_representors_beside_its_uplink(void **state)
{
	static const char ports[] =
		"cd " DEVICES "/" PF "/net && rm -r p0 && for port in "
		"a:pf0vf0 b:pf0vf1 c:p0 d:pf0sf1 e:c1pf0vf1 f:pf0; do "
		"mkdir ${port%%:*} && echo ${port#*:} >${port%%:*}/phys_port_name; done";

	(void)state;
	sh("%s", ports);
	assert_string_equal(find(VF0).pf_netdev, "c");
	assert_string_equal(find(VF0).representor, "a");
	sh("rm -r " DEVICES "/" PF "/net/e");
	assert_string_equal(find(VF1).representor, "b");
}

static void a_pf_whose_interface_is_in_doubt_is_refused(void **state)
{
	(void)state;
	sh("mkdir " DEVICES "/" PF "/net/p1"); // two ports on one function, as ConnectX-3 has
	refused(VF0, ERR_UNAVAILABLE,
		"physical function " PF " of " VF0 " has several interfaces here");
	sh("rm -r " DEVICES "/" PF "/net");
	refused(VF0, ERR_UNAVAILABLE, "physical function " PF " of " VF0 " has no interface here");
}

static void a_driver_that_does_not_come_is_an_error(void **state)
{
	struct pci_vf vf = find(VF0);
	struct err e = {};

	(void)state;
	sh("cd /run/sys/bus/pci && touch drivers_probe drivers/igbvf/unbind devices/" VF0
	   "/driver_override");
	assert_int_equal(pci_vf_bind("/run/sys", &vf, "vfio-pci", &e), -1);
	assert_string_equal(e.msg, "bind " VF0 " to vfio-pci: it has igbvf");
	assert_string_equal(file_text(DEVICES "/" VF0 "/driver_override"), "vfio-pci");
	assert_string_equal(file_text("/run/sys/bus/pci/drivers/igbvf/unbind"), VF0);
	assert_string_equal(file_text("/run/sys/bus/pci/drivers_probe"), VF0);
	sh("rm " DEVICES "/" VF0 "/driver_override");
	assert_int_equal(pci_vf_bind("/run/sys", &vf, "vfio-pci", &e), -1);
	assert_int_equal(e.os, ENOENT);
	assert_int_equal(pci_vf_bind("/run/sys", &vf, "igbvf", &e), 0); // it has it
}

static void taking_a_binding_back_ends_with_the_override_gone(void **state)
{
	struct pci_vf vf = find(VF0);
	struct err e = {};

	(void)state;
	sh("cd /run/sys/bus/pci && touch drivers_probe drivers/igbvf/unbind && "
	   "touch devices/" VF0 "/driver_override");
	assert_int_equal(pci_vf_unbind("/run/sys", &vf, "igbvf", &e), 0); // had not come further
	assert_string_equal(file_text(DEVICES "/" VF0 "/driver_override"), "\n");
	assert_string_equal(file_text("/run/sys/bus/pci/drivers_probe"), "");
	assert_int_equal(pci_vf_unbind("/run/sys", &vf, "ixgbevf", &e), -1);
	assert_string_equal(e.msg, "bind " VF0 " to ixgbevf: it has igbvf");
	sh("cd /run/sys/bus/pci && rm drivers_probe devices/" VF0 "/driver");
	vf.driver[0] = '\0';
	assert_int_equal(pci_vf_unbind("/run/sys", &vf, "", &e), 0); // it had none
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_vf_is_found_with_its_pf_and_number, node),
		cmocka_unit_test_setup(a_vf_made_anew_is_another, node),
		cmocka_unit_test_setup(interface_and_driver_are_read_anew, node),
		cmocka_unit_test_setup(what_cannot_be_read_is_not_taken_for_absent, node),
		cmocka_unit_test_setup(what_is_no_vf_is_refused, node),
		cmocka_unit_test_setup(an_address_has_one_form, node),
		cmocka_unit_test_setup(a_pf_in_switchdev_mode_has_representors_beside_its_uplink,
				       node),
		cmocka_unit_test_setup(a_pf_whose_interface_is_in_doubt_is_refused, node),
		cmocka_unit_test_setup(a_driver_that_does_not_come_is_an_error, node),
		cmocka_unit_test_setup(taking_a_binding_back_ends_with_the_override_gone, node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
