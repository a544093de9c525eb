// SPDX-License-Identifier: Apache-2.0
/** The uplinks: which they are, what they say of the MTU, the programs at them. */
#include <errno.h>

#include "ebpf.h"

static int find_named(struct ebpf_job *job, struct err *e)
{
	const char *name = job->conf->uplink;

	job->n_uplinks = 1;
	if (link_find(job->nl, name, &job->uplinks[0], e) == 0)
		return 0;
	return e->os == ENODEV ? err_set(e, ERR_CONFIG, "uplink: \"%s\": no such interface", name)
			       : -1;
}

int ebpf_uplinks_find(struct ebpf_job *job, struct err *e)
{
	int oifs[ROUTE_DEFAULTS];
	size_t n;

	if (job->conf->uplink)
		return find_named(job, e);
	if (route_defaults(job->nl, oifs, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (link_get_index(job->nl, oifs[i], &job->uplinks[job->n_uplinks], e) == 0)
			job->n_uplinks++;
		else if (e->os != ENODEV) // it has gone meanwhile
			return -1;
	}
	return 0;
}

uint32_t ebpf_mtu(const struct ebpf_job *job)
{
	uint32_t lowest = 0; // a pair's is at most 65535, and lo, for one, has more

	if (job->conf->mtu)
		return (uint32_t)job->conf->mtu;
	for (size_t i = 0; i < job->n_uplinks; i++)
		if (!lowest || job->uplinks[i].mtu < lowest)
			lowest = job->uplinks[i].mtu;
	return lowest < UINT16_MAX ? lowest : UINT16_MAX;
}

/**
 * The programs read Ethernet headers, which a tunnel such as WireGuard's has not: it is served by
 * the node's stack alone. And a route by a pod makes the pod no uplink.
 */
int ebpf_uplinks_attach(const struct ebpf_job *job, struct err *e)
{
	for (size_t i = 0; i < job->n_uplinks; i++) {
		const struct link *link = &job->uplinks[i];
		struct interface pod;
		int rc;

		if (mac_is_zero(&link->mac))
			continue;
		rc = datapath_get_interface(&job->datapath, link->index, &pod, e);
		if (rc < 0 || (rc == 0 &&
			       datapath_attach_uplink(&job->datapath, job->nl, link->index, e) < 0))
			return err_wrap(e, "uplink %s", link->name);
	}
	return 0;
}
