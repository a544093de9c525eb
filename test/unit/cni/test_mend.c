// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "addresses.h"
#include "capture.h"
#include "cni/mend.h"
#include "node/masq.h"
#include "node/rules.h"
#include "sandbox.h"
#include "test.h"

/** What a warning says when the rules of masquerading are mended. */
static const char *said(void)
{
	struct capture log = capture_begin(STDERR_FILENO);
	struct err e = {};
	RULES(rules, &masq_kind);

	if (cni_mend(&rules->set, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
	return capture_end(&log);
}

static void what_is_mended_is_said_once(void **state)
{
	static const struct attachment at = {"net", "c1", "eth0"};
	struct prefix address = prefix_of("10.1.0.5/16");
	struct err e = {};
	RULES(rules, &masq_kind);

	(void)state;
	assert_string_equal(said(), "");
	assert_string_equal(sh_output("nft list ruleset"), "");
	assert_int_equal(masq_add(&rules->set, &at, &address, 1, &e), 0);
	assert_string_equal(said(), "");
	sh("nft flush ruleset");
	assert_non_null(
		strstr(said(), "table edgeway_masq was flushed or changed, and has been rebuilt"));
	assert_string_equal(addresses_in_sets(), "10.1.0.5 net/c1/eth0,");
	assert_string_equal(said(), "");
}

static void what_cannot_be_mended_is_unavailable(void **state)
{
	static const struct attachment at = {"net", "c1", "eth0"};
	struct prefix address = prefix_of("10.1.0.5/16");
	struct err e = {};
	RULES(rules, &masq_kind);

	(void)state;
	assert_int_equal(masq_add(&rules->set, &at, &address, 1, &e), 0);
	sh("nft flush ruleset && rm -f /run/edgeway/masq.lock && mkdir /run/edgeway/masq.lock");
	assert_int_equal(cni_mend(&rules->set, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_mended_is_said_once, sandbox),
		cmocka_unit_test_setup(what_cannot_be_mended_is_unavailable, sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
