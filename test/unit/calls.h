/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"

/** An invocation for tests of lib/cni and lib/ipam: everything it owns, in one struct. */
struct test_call {
	struct arena arena;
	struct cni_common common;
	struct cni_call call;
	struct cni_result prev; ///< as "prevResult" says
	char *text;
};

/**
 * An ADD on network "net" for container "c1", interface "eth0", with this configuration, as for
 * json_of(), of which the common keys and prevResult are read.
 */
void test_call_init(struct test_call *c, const char *json);
void test_call_done(struct test_call *c);

/** JSON from a text in which ' stands for "; the caller owns the reference. */
struct json_t *json_of(const char *text);

/** Set and clear the CNI_* variables: "CNI_COMMAND=ADD", one each, closed by NULL. */
void set_environment(const char *const variables[]);
