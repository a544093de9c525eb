// SPDX-License-Identifier: Apache-2.0
/** The bridge itself and its addresses: shared by all containers, found or made, never undone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "bridge.h"
#include "netlink/ifaddr.h"
#include "node/sysctl.h"

enum {
	ADDRESS_CHOSEN = 3,  ///< NET_ADDR_SET; linux/netdevice.h clashes with net/if.h
	IPV6_MIN_MTU = 1280, ///< RFC 8200, section 5
};

/** How the MAC addresses of our bridges begin, so that nobody need ask whether they stay. */
static const unsigned char ours[] = {0xfe, 0xed};

static struct mac new_mac(void)
{
	struct mac mac = mac_random();

	memcpy(mac.bytes, ours, sizeof(ours));
	return mac;
}

/** Whether the bridge filters VLANs costs more to know, so it is asked only where it matters. */
static int look_up(struct bridge_job *job, struct err *e)
{
	const char *name = job->conf->bridge;
	int rc = bridge_has_vlans(job->conf) ? link_get(job->nl, name, &job->bridge, e)
					     : link_find(job->nl, name, &job->bridge, e);

	if (rc == 0)
		return 0;
	job->bridge = (struct link){};
	return e->os == ENODEV ? 0 : -1;
}

static bool lacks_filtering(const struct bridge_job *job)
{
	return bridge_has_vlans(job->conf) && !job->bridge.vlan_filtering;
}

int bridge_find(struct bridge_job *job, struct err *e)
{
	const char *name = job->conf->bridge;

	if (look_up(job, e) < 0)
		return -1;
	if (!job->bridge.index)
		return 0;
	if (strcmp(job->bridge.kind, "bridge") != 0)
		return err_set(e, ERR_CONFIG, "bridge: \"%s\" already exists but is not a bridge",
			       name);
	if (!lacks_filtering(job))
		return 0;
	(void)err_set(e, ERR_CONFIG, "bridge: \"%s\" exists and does not filter VLANs, as %s needs",
		      name, job->conf->vlan ? "vlan" : "vlanTrunk");
	return err_hint(e, "use another bridge, or: ip link set %s type bridge vlan_filtering 1",
			name);
}

static int on_ipv6_address(const struct iface_addr *addr, void *ctx, struct err *e)
{
	struct prefix *found = ctx;

	(void)e;
	// Without IPv6 in the kernel the answer is about IPv4.
	if (addr->prefix.ip.family == AF_INET6 && !ip_is_link_local(&addr->prefix.ip))
		*found = addr->prefix;
	return 0;
}

int bridge_check_mtu(const struct bridge_job *job, struct err *e)
{
	const struct bridge_conf *conf = job->conf;
	const struct link *bridge = &job->bridge;
	struct prefix found = {};
	char text[PREFIX_TEXT];

	if (!bridge->index)
		return 0;
	if ((conf->is_gateway || conf->is_default_gateway) && bridge->mtu < IPV6_MIN_MTU &&
	    ipam_gives_ipv6(&job->ipam)) {
		(void)err_set(e, ERR_CONFIG, "bridge: \"%s\" has MTU %u, IPv6 needs %d or more",
			      bridge->name, bridge->mtu, IPV6_MIN_MTU);
		return err_hint(e,
				"a bridge has the MTU of its lowest port, unless given one: "
				"ip link set %s mtu 1500",
				bridge->name);
	}
	if (!conf->mtu || conf->mtu >= IPV6_MIN_MTU)
		return 0;
	if (ifaddr_each(job->nl, bridge->index, AF_INET6, on_ipv6_address, &found, e) < 0)
		return -1;
	if (!found.ip.family)
		return 0;
	return err_set(e, ERR_CONFIG,
		       "mtu: %lld: would become that of bridge \"%s\", which has the IPv6 address "
		       "%s and with less than %d would lose it",
		       (long long)conf->mtu, bridge->name, prefix_format(&found, text),
		       IPV6_MIN_MTU);
}

static int cannot_filter(const struct bridge_job *job, struct err *e)
{
	(void)err_set(e, ERR_KERNEL, "%s: this kernel's bridges cannot filter VLANs",
		      job->conf->vlan ? "vlan" : "vlanTrunk");
	return err_hint(e, "the kernel needs CONFIG_BRIDGE_VLAN_FILTERING");
}

/** Make the bridge; one that the kernel made without what we asked for goes again. */
static int make(struct bridge_job *job, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct err ignored;

	link_add_bridge(&m, &(struct link_bridge){
				    .name = job->conf->bridge,
				    .mac = new_mac(),
				    .mtu = (uint32_t)job->conf->mtu,
				    .vlan_filtering = bridge_has_vlans(job->conf),
			    });
	if (nl_call(job->nl, &m, e) < 0) {
		// What another ADD made a moment ago is as good as ours.
		if (e->os == EEXIST)
			return bridge_find(job, e);
		return e->os == EOPNOTSUPP && bridge_has_vlans(job->conf) ? cannot_filter(job, e)
									  : -1;
	}
	if (look_up(job, e) < 0)
		return -1;
	if (!lacks_filtering(job))
		return 0;
	if (undo_link_del(job->nl, job->bridge.index, &ignored) < 0)
		log_warn("rollback: %s", ignored.msg);
	return cannot_filter(job, e);
}

/**
 * Whether the MAC address is the lowest of the ports', whichever these are: so the kernel has it
 * until somebody chooses one, which only sysfs tells. A bridge that is not in there is left alone:
 * to set the address it has makes it forget its neighbours.
 */
static bool follows_ports(const struct link *bridge)
{
	char path[64], type[8];

	if (!memcmp(bridge->mac.bytes, ours, sizeof(ours)))
		return false;
	(void)snprintf(path, sizeof(path), "/sys/class/net/%s/addr_assign_type", bridge->name);
	return file_read(AT_FDCWD, path, type, sizeof(type)) > 0 &&
	       strtol(type, NULL, 10) != ADDRESS_CHOSEN;
}

int bridge_ensure(struct bridge_job *job, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct link *bridge = &job->bridge;

	if (bridge_find(job, e) < 0 || bridge_check_mtu(job, e) < 0 ||
	    (!bridge->index && make(job, e) < 0))
		return -1;
	if (!bridge->index)
		return err_os(e, ERR_KERNEL, ENODEV, "find bridge %s", job->conf->bridge);
	// Whoever made it: a container must not become the node's router.
	if (sysctl_ensure_if_there("0", e, "ipv6/conf/%s/accept_ra", job->conf->bridge) < 0)
		return -1;
	// Before there is a port of ours: containers, and who else is on it, know the address.
	if (follows_ports(bridge)) {
		struct mac mac = mac_is_zero(&bridge->mac) ? new_mac() : bridge->mac;

		link_set_mac(&m, bridge->index, &mac);
	}
	if (!(bridge->flags & IFF_UP))
		link_set_flags(&m, bridge->index, IFF_UP, IFF_UP);
	if (job->conf->promisc && !(bridge->flags & IFF_PROMISC))
		link_set_flags(&m, bridge->index, IFF_PROMISC, IFF_PROMISC);
	return nl_call(job->nl, &m, e);
}

/** What is on the bridge, seen from the gateway address that is wanted there. */
struct gateways {
	const struct bridge_job *job;
	const struct cni_result *result;
	struct prefix wanted;
	bool present;
	struct nl_msg *removals;
	size_t n_removals;
	struct prefix other;
};

static bool is_gateway_of(const struct cni_result *r, const struct prefix *p)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (!ip_cmp(&r->ips[i].gateway, &p->ip) && r->ips[i].address.len == p->len)
			return true;
	return false;
}

static int on_address(const struct iface_addr *addr, void *ctx, struct err *e)
{
	struct gateways *g = ctx;

	(void)e;
	if (addr->prefix.len == g->wanted.len && !ip_cmp(&addr->prefix.ip, &g->wanted.ip)) {
		g->present = true;
		return 0;
	}
	// Other IPv6 addresses are fine unless they claim the same subnet; IPv4 has one, or those
	// of all our range sets.
	if (is_gateway_of(g->result, &addr->prefix) ||
	    (addr->prefix.ip.family == AF_INET6 &&
	     (ip_is_link_local(&addr->prefix.ip) || !prefix_overlaps(&addr->prefix, &g->wanted))))
		return 0;
	g->other = addr->prefix;
	g->n_removals++;
	ifaddr_del(g->removals, addr->index, &addr->prefix);
	// Another ADD with the same wish may be ahead of us at each step.
	nl_forgive(g->removals, EADDRNOTAVAIL);
	return 0;
}

/** One gateway address; what must go for it goes first. */
static int ensure_address(const struct bridge_job *job, const struct cni_result *result,
			  const struct prefix *wanted, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg removals = {};
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct link *link = &job->gateway;
	struct gateways g = {
		.job = job, .result = result, .wanted = *wanted, .removals = &removals};
	char there[PREFIX_TEXT], text[PREFIX_TEXT];

	// Nearly always the answer is this one; other addresses beside it are none of our business.
	if (ifaddr_is_first(link->name, wanted))
		return 0;
	if (ifaddr_each(job->nl, link->index, wanted->ip.family, on_address, &g, e) < 0)
		return -1;
	if (g.present)
		return 0;
	if (g.n_removals && !job->conf->force_address) {
		(void)err_set(e, ERR_CONFIG,
			      "\"%s\" already has an IP address different from %s: %s", link->name,
			      prefix_format(wanted, text), prefix_format(&g.other, there));
		return err_hint(e, "set forceAddress to replace it, or use another bridge");
	}
	if (nl_call(job->nl, &removals, e) < 0)
		return -1;
	ifaddr_add(&m, link->index, wanted, IFADDR_NODAD);
	return nl_call(job->nl, &m, e) < 0 && e->os != EEXIST ? -1 : 0;
}

int bridge_ensure_gateway(struct bridge_job *job, const struct cni_result *result, struct err *e)
{
	bool v4 = false, v6 = false;

	job->gateway = job->bridge;
	if (job->conf->vlan && bridge_vlan_ensure_gateway(job, e) < 0)
		return err_wrap(e, "isGateway");
	for (size_t i = 0; i < result->n_ips; i++) {
		const struct cni_ip *ip = &result->ips[i];
		const struct prefix gw = {ip->gateway, ip->address.len};

		if (ensure_address(job, result, &gw, e) < 0)
			return err_wrap(e, "isGateway");
		v4 |= gw.ip.family == AF_INET;
		v6 |= gw.ip.family == AF_INET6;
	}
	if (v4 && sysctl_ensure("1", e, "ipv4/ip_forward") < 0)
		return -1;
	return v6 ? sysctl_ensure("1", e, "ipv6/conf/all/forwarding") : 0;
}
