// SPDX-License-Identifier: Apache-2.0
#include "ipam/host_local.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ipam/alive.h"
#include "ipam/resolv.h"
#include "node/lease.h"

/** After so many addresses taken in a row, reading the directory is cheaper than probing on. */
enum { PROBES = 32 };

static struct lease_owner owner_of(const struct host_local *hl)
{
	return (struct lease_owner){hl->call->at.container, hl->call->at.ifname};
}

/** The first free address of @set after the one given last; NULL if there is none. */
static int find_free(struct lease_store *store, const struct range_set *set, size_t index,
		     struct ipaddr *ip, const struct range **range, struct err *e)
{
	struct ipaddr last = lease_last(store, index);
	struct range_cursor c = range_start(set, &last);
	struct lease_set *taken = NULL;

	for (int probes = 0; (*range = range_next(&c, ip)); probes++) {
		if (probes == PROBES && lease_list(store, &taken, e) < 0)
			return -1;
		if (taken ? !lease_set_has(taken, ip) : !lease_is_taken(store, ip))
			return 0;
	}
	return 0;
}

static int exhausted(const struct range_set *set, struct err *e)
{
	char text[256];

	return err_set(e, ERR_NO_ADDRESS, "no IP addresses available in range set: %s",
		       range_set_format(set, text, sizeof(text)));
}

static int reserve_next(const struct host_local *hl, struct lease_store *store, size_t index,
			struct ipaddr *ip, const struct range **range, struct err *e)
{
	const struct range_set *set = &hl->sets[index];
	const struct lease_owner owner = owner_of(hl);
	struct ipaddr last = lease_last(store, index);
	struct range_cursor c = range_start(set, &last);
	struct lease_set *taken = NULL;
	int probes = 0;

	while ((*range = range_next(&c, ip))) {
		int rc;

		if (probes++ == PROBES && lease_list(store, &taken, e) < 0)
			return -1;
		if (taken && lease_set_has(taken, ip))
			continue;
		rc = lease_reserve(store, ip, &owner, e);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
	return exhausted(set, e);
}

/** Which requested address is the first that lies in set @index; n_wanted if none does. */
static size_t wanted_of(const struct host_local *hl, size_t index)
{
	size_t i = 0;

	while (i < hl->n_wanted && !range_find(&hl->sets[index], &hl->wanted[i].ip))
		i++;
	return i;
}

static int reserve_wanted(const struct host_local *hl, struct lease_store *store, size_t index,
			  const struct wanted_ip *wanted, const struct range **range, struct err *e)
{
	const struct lease_owner owner = owner_of(hl);
	const struct ipaddr *ip = &wanted->ip;
	char text[IP_TEXT];
	int rc;

	*range = range_find(&hl->sets[index], ip);
	if (!ip_cmp(ip, &(*range)->gateway))
		return err_set(e, ERR_CONFIG, "%s: requested ip %s is subnet's gateway",
			       wanted->from, ip_format(ip, text));
	rc = lease_reserve(store, ip, &owner, e);
	if (rc == 0)
		return err_set(e, ERR_EXISTS,
			       "%s: requested IP address %s is not available in range set %s",
			       wanted->from, ip_format(ip, text),
			       range_set_format(&hl->sets[index], (char[256]){}, 256));
	return rc < 0 ? -1 : 0;
}

/** One address of set @index. */
static int reserve(const struct host_local *hl, struct lease_store *store, size_t index,
		   struct cni_result *result, struct err *e)
{
	size_t i = wanted_of(hl, index);
	const struct wanted_ip *wanted = i < hl->n_wanted ? &hl->wanted[i] : NULL;
	struct cni_ip out = {.iface = -1};
	const struct range *range;

	if (wanted)
		out.address.ip = wanted->ip;
	if ((wanted ? reserve_wanted(hl, store, index, wanted, &range, e)
		    : reserve_next(hl, store, index, &out.address.ip, &range, e)) < 0)
		return -1;
	out.address.len = range->subnet.len;
	out.gateway = range->gateway;
	if (!cni_result_add_ip(result, hl->call->arena, &out))
		return err_set(e, ERR_TRY_AGAIN, "ipam: out of memory");
	return lease_set_last(store, index, &out.address.ip, e);
}

/** Every requested address must lie in a set, and no two in one: there is one address a set. */
static int check_wanted(const struct host_local *hl, struct err *e)
{
	for (size_t i = 0; i < hl->n_wanted; i++) {
		const struct wanted_ip *wanted = &hl->wanted[i];
		bool used = false, found = false;
		char text[IP_TEXT];

		for (size_t s = 0; s < hl->n_sets; s++) {
			used |= wanted_of(hl, s) == i;
			found |= range_find(&hl->sets[s], &wanted->ip) != NULL;
		}
		if (!used)
			return err_set(e, ERR_CONFIG,
				       "%s: failed to allocate all requested IPs: %s is %s",
				       wanted->from, ip_format(&wanted->ip, text),
				       found ? "the second of one range set" : "in no range");
	}
	return 0;
}

static int check_duplicate(const struct host_local *hl, struct lease_store *store, struct err *e)
{
	const struct lease_owner owner = owner_of(hl);
	struct ipaddr *ips;
	char text[IP_TEXT];
	size_t n;

	if (lease_find(store, &owner, &ips, &n, e) < 0)
		return -1;
	if (n == 0)
		return 0;
	(void)err_set(e, ERR_EXISTS,
		      "%s has been allocated to %s, duplicate allocation is not allowed",
		      ip_format(&ips[0], text), owner.container);
	return err_hint(e,
			"delete the earlier attachment first: DEL for container %s, interface %s",
			owner.container, owner.ifname);
}

/** One address of every set or none. The lock is held within this function only. */
static int reserve_all(const struct host_local *hl, struct cni_result *result, struct err *e)
{
	_cleanup_(lease_closep) struct lease_store *store = NULL;
	const struct cni_call *call = hl->call;
	const struct lease_owner owner = owner_of(hl);
	struct err ignored = {};

	if (lease_open(&store, call->arena, hl->conf.data_dir, call->at.network, LEASE_CREATE, e) <
	    0)
		return err_wrap(e, "ipam.dataDir");
	if (check_duplicate(hl, store, e) < 0)
		return -1;
	for (size_t i = 0; i < hl->n_sets; i++) {
		if (reserve(hl, store, i, result, e) == 0)
			continue;
		result->n_ips = 0;
		if (lease_release(store, &owner, &ignored) < 0)
			log_warn("rollback: %s", ignored.msg);
		return -1;
	}
	return 0;
}

/** When a pool is exhausted, see whether all its holders still live, and try once more. */
static int heal(const struct host_local *hl, struct err *e)
{
	size_t n = 0;

	if (alive_purge(hl->call->arena, hl->conf.data_dir, hl->call->at.network, &n, e) < 0)
		return err_wrap(e, "look for dead leases");
	return n > 0;
}

static int add_addresses(const struct host_local *hl, struct cni_result *result, struct err *e)
{
	struct err healing = {};
	int healed;

	if (reserve_all(hl, result, e) == 0)
		return 0;
	if (e->code != ERR_NO_ADDRESS)
		return -1;
	healed = heal(hl, &healing);
	if (healed < 0)
		log_warn("%s", healing.msg);
	if (healed <= 0)
		return -1;
	return reserve_all(hl, result, e);
}

int host_local_add(const struct host_local *hl, struct cni_result *result, struct err *e)
{
	struct cni_result r = {};

	// What can be refused without having reserved anything comes first.
	if (check_wanted(hl, e) < 0)
		return -1;
	if (hl->conf.resolv_conf && *hl->conf.resolv_conf &&
	    resolv_read(&r.dns, hl->conf.resolv_conf, hl->call->arena, e) < 0)
		return err_wrap(e, "ipam.resolvConf");
	if (add_addresses(hl, &r, e) < 0)
		return -1;
	r.routes = hl->conf.routes;
	r.n_routes = hl->conf.n_routes;
	*result = r;
	return 0;
}

int host_local_del(const struct host_local *hl, struct err *e)
{
	_cleanup_(lease_closep) struct lease_store *store = NULL;
	const struct cni_call *call = hl->call;
	const struct lease_owner owner = owner_of(hl);

	if (lease_open(&store, call->arena, hl->conf.data_dir, call->at.network, LEASE_EXISTING,
		       e) < 0)
		return -1;
	return store ? lease_release(store, &owner, e) : 0;
}

static bool is_among(const struct ipaddr *ip, const struct ipaddr *ips, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!ip_cmp(ip, &ips[i]))
			return true;
	return false;
}

/** Whether one of our sets could have given @ip. */
static bool is_ours(const struct host_local *hl, const struct ipaddr *ip)
{
	for (size_t i = 0; i < hl->n_sets; i++)
		if (range_find(&hl->sets[i], ip))
			return true;
	return false;
}

int host_local_check(const struct host_local *hl, struct err *e)
{
	_cleanup_(lease_closep) struct lease_store *store = NULL;
	const struct cni_call *call = hl->call;
	const struct lease_owner owner = owner_of(hl);
	struct ipaddr *ips = NULL;
	size_t n = 0;

	if (lease_open(&store, call->arena, hl->conf.data_dir, call->at.network, LEASE_EXISTING,
		       e) < 0 ||
	    (store && lease_find(store, &owner, &ips, &n, e) < 0))
		return -1;
	if (n == 0)
		return err_set(e, ERR_MISMATCH,
			       "host-local: Failed to find address added by container %s",
			       owner.container);
	for (size_t i = 0; i < call->prev->n_ips; i++) {
		const struct ipaddr *ip = &call->prev->ips[i].address.ip;
		char text[IP_TEXT];

		if (is_ours(hl, ip) && !is_among(ip, ips, n))
			return err_set(e, ERR_MISMATCH,
				       "host-local: the lease of %s is not container %s's any more",
				       ip_format(ip, text), owner.container);
	}
	return 0;
}

/** The first set without a free address, or NULL. */
static int find_full(const struct host_local *hl, const struct range_set **full, struct err *e)
{
	_cleanup_(lease_closep) struct lease_store *store = NULL;
	const struct cni_call *call = hl->call;

	*full = NULL;
	if (lease_open(&store, call->arena, hl->conf.data_dir, call->at.network, LEASE_EXISTING,
		       e) < 0)
		return -1;
	for (size_t i = 0; store && i < hl->n_sets; i++) {
		const struct range *range;
		struct ipaddr ip;

		if (find_free(store, &hl->sets[i], i, &ip, &range, e) < 0)
			return -1;
		if (!range) {
			*full = &hl->sets[i];
			return 0;
		}
	}
	return 0;
}

int host_local_status(const struct host_local *hl, struct err *e)
{
	const struct range_set *full;

	if (find_full(hl, &full, e) < 0)
		return -1;
	if (!full)
		return 0;
	if (heal(hl, e) > 0)
		return 0; // an ADD would have done the same
	(void)exhausted(full, e);
	e->code = ERR_UNAVAILABLE;
	return -1;
}

static int gc_one(const struct lease *lease, void *ctx, struct err *e)
{
	(void)e;
	return !cni_call_is_valid(ctx, lease->owner.container, lease->owner.ifname);
}

int host_local_gc(const struct host_local *hl, struct err *e)
{
	_cleanup_(lease_closep) struct lease_store *store = NULL;
	struct cni_call call = *hl->call;

	if (lease_open(&store, call.arena, hl->conf.data_dir, call.at.network, LEASE_EXISTING, e) <
	    0)
		return -1;
	return store ? lease_each(store, gc_one, &call, e) : 0;
}
