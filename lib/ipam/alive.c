// SPDX-License-Identifier: Apache-2.0
#include "ipam/alive.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "node/lease.h"
#include "node/netscan.h"

#define RESULTS_DIR "/var/lib/cni/results"

/** Longer than any runtime lets an ADD take: its address may not be configured yet. */
enum { GRACE_SECONDS = 300 };

struct purge {
	const char *network;
	const struct netscan *scan;
	size_t n;
};

/** Whether the runtime's record of the attachment names a namespace that still exists. */
static bool has_living_netns(const char *network, const struct lease_owner *owner)
{
	char path[PATH_MAX];
	json_auto_t *doc = NULL;
	const char *netns;

	(void)snprintf(path, sizeof(path), RESULTS_DIR "/%s-%s-%s", network, owner->container,
		       owner->ifname);
	doc = json_load_file(path, 0, NULL);
	netns = json_string_value(json_object_get(doc, "netns"));
	if (!netns)
		return false;
	// It may be mounted where the runtime is and not where we are.
	(void)snprintf(path, sizeof(path), "/proc/1/root%s", netns);
	return access(netns, F_OK) == 0 || access(path, F_OK) == 0;
}

static int purge_dead(const struct lease *lease, void *ctx, struct err *e)
{
	struct purge *p = ctx;
	char text[IP_TEXT];

	(void)e;
	// One from the future was made before the clock was set back, so it is not of this moment.
	if (*lease->owner.container &&
	    ((lease->age >= 0 && lease->age < GRACE_SECONDS) || netscan_has(p->scan, &lease->ip) ||
	     has_living_netns(p->network, &lease->owner)))
		return 0;
	log_info("address %s of dead container %s is free again", ip_format(&lease->ip, text),
		 lease->owner.container);
	p->n++;
	return 1;
}

int alive_purge(struct arena *arena, const char *data_dir, const char *network, size_t *n,
		struct err *e)
{
	_cleanup_(lease_closep) struct lease_store *store = NULL;
	struct netscan *scan;
	struct purge p = {.network = network};

	// First look, then lock: what is reserved in between is younger than the grace.
	if (netscan_run(&scan, arena, e) < 0)
		return -1;
	if (lease_open(&store, arena, data_dir, network, LEASE_EXISTING, e) < 0)
		return -1;
	p.scan = scan;
	if (store && lease_each(store, purge_dead, &p, e) < 0)
		return -1;
	*n = p.n;
	return 0;
}
