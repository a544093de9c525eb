/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "../bpf/shared/datapath.h"
#include "base/err.h"

/** What is loaded, as it is pinned; zeros if nothing is, or nothing that we understand. */
int about_read(struct about *out, struct err *e) _must_check_;
int about_write(int fd, const struct about *about, struct err *e) _must_check_;
