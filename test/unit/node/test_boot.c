// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "node/boot.h"
#include "sandbox.h"
#include "test.h"

static void the_boot_has_the_kernels_id(void **state)
{
	char id[BOOT_ID], line[BOOT_ID + 2];
	struct err e = {};

	(void)state;
	assert_int_equal(boot_id(id, &e), 0);
	assert_int_equal(strlen(id), BOOT_ID - 1);
	(void)snprintf(line, sizeof(line), "%s\n", id);
	assert_string_equal(file_text("/proc/sys/kernel/random/boot_id"), line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_boot_has_the_kernels_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
