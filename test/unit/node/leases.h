/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "node/lease.h"

/** For tests of leases: those of network "net", in DATA. */
#define DATA "/var/lib/cni/networks"
#define NET  DATA "/net"

/** The store, opened for one change or question; the arena holds what comes out. */
struct lease_store *open_store(struct arena *arena, enum lease_open_mode mode);

/** What lease_reserve() and lease_release() do, in a call of their own. */
int reserve(const char *text, const struct lease_owner *owner);
void release(const struct lease_owner *owner);
