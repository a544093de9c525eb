// SPDX-License-Identifier: Apache-2.0
/** Which bridge a policy is about, and the container's ports of it: as the kernel has them now. */
#include <errno.h>
#include <string.h>

#include "firewall.h"

#define IFACES "prevResult.interfaces"

static bool is_bridge(const struct link *link)
{
	return !strcmp(link->kind, "bridge");
}

/** The node is not as prevResult has it: no reason to blame the configuration for CHECK. */
static int differs(const struct firewall_job *job, struct err *e)
{
	if (job->call->verb == CNI_CHECK)
		e->code = ERR_MISMATCH;
	return err_wrap(e, "ingressPolicy");
}

static int add_port(struct firewall_job *job, const struct link *port, size_t i, struct err *e)
{
	struct link master = job->routed;

	if (master.index != port->master && link_get_index(job->nl, port->master, &master, e) < 0)
		return err_wrap(e, IFACES "[%zu]", i);
	if (!is_bridge(&master)) {
		(void)err_set(e, ERR_CONFIG, IFACES "[%zu]: %s belongs to %s, which is no bridge",
			      i, port->name, master.name);
		return differs(job, e);
	}
	if (job->n_ports && master.index != job->routed.index) {
		(void)err_set(e, ERR_CONFIG, IFACES "[%zu]: %s is a port of %s, but %s of %s", i,
			      port->name, master.name, job->ports[0].name, job->routed.name);
		return differs(job, e);
	}
	job->routed = master;
	job->ports[job->n_ports++] = *port;
	return 0;
}

/** Interface @i of prevResult, one of the node's. */
static int look_at(struct firewall_job *job, size_t i, struct err *e)
{
	const char *name = job->call->prev->ifaces[i].name, *wrong;
	struct link link;

	name = name ? name : "";
	wrong = conf_ifname(&name);
	if (wrong)
		return err_set(e, ERR_CONFIG, IFACES "[%zu].name: \"%.64s\": %s", i, name, wrong);
	if (link_get(job->nl, name, &link, e) < 0) {
		(void)err_wrap(e, IFACES "[%zu]", i);
		return e->os == ENODEV ? differs(job, e) : -1;
	}
	if (link.master && !is_bridge(&link))
		return add_port(job, &link, i, e);
	if (!strcmp(link.kind, "vlan"))
		job->gateway = link;
	// Where there is no bridge the node routes by the interface itself, as with ptp.
	if (!job->routed.index || (is_bridge(&link) && !is_bridge(&job->routed)))
		job->routed = link;
	return 0;
}

int firewall_find_bridge(struct firewall_job *job, struct err *e)
{
	const struct cni_result *prev = job->call->prev;

	job->nl = nl_open(NETLINK_ROUTE, e);
	if (!job->nl)
		return -1;
	job->ports = arena_calloc(job->call->arena, prev->n_ifaces + 1, sizeof(*job->ports));
	if (!job->ports)
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	// Of the name of one in the container the node may have its uplink.
	for (size_t i = 0; i < prev->n_ifaces; i++)
		if ((!prev->ifaces[i].sandbox || !*prev->ifaces[i].sandbox) &&
		    look_at(job, i, e) < 0)
			return -1;
	if (!job->routed.index) {
		(void)err_set(e, ERR_CONFIG, IFACES ": none is the node's, but ingressPolicy is %s",
			      job->conf->ingress);
		return err_hint(e, "chain it after a plugin that lists an interface of the node, "
				   "as bridge and ptp do");
	}
	// What leaves a VLAN of the bridge for another network comes by the VLAN's interface.
	job->want.bridge =
		job->gateway.peer == job->routed.index ? job->gateway.name : job->routed.name;
	if (job->want.policy != FIREWALL_ISOLATED || job->n_ports || !is_bridge(&job->routed))
		return 0;
	(void)err_set(e, ERR_CONFIG, IFACES ": none is a port of %s that could be isolated",
		      job->routed.name);
	return differs(job, e);
}
