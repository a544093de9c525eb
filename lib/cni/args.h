/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"

/**
 * CNI_ARGS: "K=V;K=V". Keys are case-sensitive. One that the plugin does not know is an error
 * unless IgnoreUnknown=1 is among them, as runtimes send it.
 */

/** Check the form of all pairs, and the keys against @known, a list closed by NULL. */
int cni_args_check(const struct cni_call *call, const char *const known[],
		   struct err *e) _must_check_;

/**
 * @value gets a copy of the value of @key, in arena memory and free to be cut up; NULL if it is not
 * there.
 */
int cni_args_get(const struct cni_call *call, const char *key, char **value,
		 struct err *e) _must_check_;
