/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/**
 * Pin again the maps that are not, while programs at our filters still use them: somebody has
 * unmounted the bpffs or removed the pins, or has another one mounted. Without them the programs
 * that replace those would know of no pod that is there.
 */
int recover_maps(struct err *e) _must_check_;
