// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "cni/device_info.h"
#include "sandbox.h"
#include "test.h"

#define FILE "/run/n-c1_net1-device.json"

static const struct device_info VF = {"0000:01:10.0", "0000:01:00.0", "eth\"7", "mlx5_2"};

static void what_is_known_is_written(void **state)
{
	struct err e = {};

	(void)state;
	assert_int_equal(device_info_write(FILE, &VF, &e), 0);
	assert_string_equal(file_text(FILE),
			    "{\"type\":\"pci\",\"version\":\"1.1.0\",\"pci\":{"
			    "\"pci-address\":\"0000:01:10.0\",\"pf-pci-address\":\"0000:01:00.0\","
			    "\"representor-device\":\"eth\\\"7\",\"rdma-device\":\"mlx5_2\"}}");
	assert_int_equal(device_info_write(FILE, &(struct device_info){"a", "", "", ""}, &e), 0);
	assert_string_equal(
		file_text(FILE),
		"{\"type\":\"pci\",\"version\":\"1.1.0\",\"pci\":{\"pci-address\":\"a\"}}");
	assert_int_equal(device_info_remove(FILE, &e), 0);
	assert_false(file_exists(FILE));
	assert_int_equal(device_info_remove(FILE, &e), 0);
}

static void without_a_path_there_is_nothing_to_do(void **state)
{
	struct err e = {};

	(void)state;
	assert_int_equal(device_info_write(NULL, &VF, &e), 0);
	assert_int_equal(device_info_write("", &VF, &e), 0);
	assert_int_equal(device_info_remove(NULL, &e), 0);
	assert_int_equal(device_info_remove("relative", &e), 0);
}

static void a_path_that_will_not_do_is_named(void **state)
{
	struct err e = {};

	(void)state;
	assert_int_equal(device_info_write("relative", &VF, &e), -1);
	assert_string_equal(e.msg,
			    "runtimeConfig.CNIDeviceInfoFile: \"relative\": must begin with /");
	assert_int_equal(device_info_write("/run/none/f", &VF, &e), -1);
	assert_int_equal(e.os, ENOENT);
	sh("mkdir /run/d");
	assert_int_equal(device_info_remove("/run/d", &e), -1);
	assert_non_null(strstr(e.msg, "remove /run/d"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_known_is_written, sandbox),
		cmocka_unit_test_setup(without_a_path_there_is_nothing_to_do, sandbox),
		cmocka_unit_test_setup(a_path_that_will_not_do_is_named, sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
