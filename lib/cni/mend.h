/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "node/ruleset.h"

/**
 * For STATUS: ruleset_mend(), and a warning if that has found anything to mend. Without nf_tables
 * no ADD that needs @rules would succeed, so ERR_UNAVAILABLE.
 */
int cni_mend(struct ruleset *rules, struct err *e) _must_check_;
