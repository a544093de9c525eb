/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"

/** Whether there is a plugin @type in CNI_PATH; -1 and the reason if not. */
int delegate_check(const struct cni_call *call, const char *type, struct err *e) _must_check_;

/**
 * Run the plugin @type, found in CNI_PATH, with the same environment and configuration but for
 * CNI_COMMAND, which becomes @verb (CNI specification 1.1.0, section 4). Its stderr is ours. For an
 * ADD its result goes to @out, which may be NULL for the other verbs.
 *
 * Its error comes back with its own code and details, "TYPE: " before its message. ERR_DELEGATE if
 * it cannot be run, dies, or says nothing that can be understood.
 */
int delegate_run(const struct cni_call *call, const char *type, enum cni_verb verb,
		 struct cni_result *out, struct err *e) _must_check_;
