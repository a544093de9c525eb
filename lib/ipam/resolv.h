/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/result.h"

/** Read nameserver, domain, search and options lines of a file in the format of resolv.conf(5). */
int resolv_read(struct cni_dns *out, const char *path, struct arena *arena,
		struct err *e) _must_check_;
