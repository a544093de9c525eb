/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

enum { BOOT_ID = 37 }; ///< a UUID and the NUL

/** The kernel's random id of this boot (/proc/sys/kernel/random/boot_id) into @buf of BOOT_ID. */
int boot_id(char *buf, struct err *e) _must_check_;
