// SPDX-License-Identifier: Apache-2.0
#include "node/leases.h"

#include "addresses.h"
#include "test.h"

struct lease_store *open_store(struct arena *arena, enum lease_open_mode mode)
{
	struct lease_store *store = NULL;
	struct err e = {};

	if (lease_open(&store, arena, DATA, "net", mode, &e) < 0)
		fail_msg("%s", e.msg);
	return store;
}

int reserve(const char *text, const struct lease_owner *owner)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = open_store(&arena, LEASE_CREATE);
	struct ipaddr address = ip_of(text);
	struct err e = {};

	return lease_reserve(store, &address, owner, &e);
}

void release(const struct lease_owner *owner)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = open_store(&arena, LEASE_CREATE);
	struct err e = {};

	if (lease_release(store, owner, &e) < 0)
		fail_msg("%s", e.msg);
}
