/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/** The versions of the CNI specification, in order. Results have changed shape three times. */
enum cni_version {
	CNI_0_1_0, ///< results with ip4 and ip6
	CNI_0_2_0,
	CNI_0_3_0, ///< results with interfaces, ips, routes
	CNI_0_3_1,
	CNI_0_4_0, ///< CHECK; DEL receives prevResult
	CNI_1_0_0, ///< ips without version
	CNI_1_1_0, ///< STATUS and GC; more fields in results
	CNI_VERSIONS
};

const char *cni_version_text(enum cni_version v);

/** NULL or "" is 0.1.0, as the specification has it. ERR_VERSION for what we do not speak. */
int cni_version_parse(const char *text, enum cni_version *out, struct err *e) _must_check_;
