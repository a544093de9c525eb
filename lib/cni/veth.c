// SPDX-License-Identifier: Apache-2.0
#include "cni/veth.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/log.h"
#include "cni/args.h"
#include "cni/iface.h"
#include "node/netns.h"

int veth_choose_mac(const struct cni_call *call, struct mac *mac, struct err *e)
{
	const struct cni_common *c = call->common;
	const char *wanted, *wrong;
	char *args;

	if (cni_args_get(call, "MAC", &args, e) < 0)
		return -1;
	wanted = c->runtime.mac && *c->runtime.mac     ? c->runtime.mac
		 : c->args.cni.mac && *c->args.cni.mac ? c->args.cni.mac
						       : args;
	*mac = mac_random();
	wrong = wanted && *wanted ? mac_parse(mac, wanted) : NULL;
	if (wrong)
		return err_set(e, ERR_ENV, "CNI_ARGS: MAC=%.32s: %s", wanted, wrong);
	return 0;
}

/** Which of the two names was taken, the container's or the node's. */
static int explain_exists(const struct cni_call *call, struct nl *nl, const char *name,
			  struct err *e)
{
	if (nl_ifindex(nl, name)) {
		(void)err_set(e, ERR_EXISTS, "%s exists already on the node", name);
		return err_hint(e, "left by an earlier ADD for this container: DEL removes it");
	}
	return err_set(e, ERR_EXISTS,
		       "container veth name (\"%s\") already exists in the container",
		       call->at.ifname);
}

/** The container's interface; -1 with e->os == ENODEV if it is not there. */
static int find_inside(const struct cni_call *call, struct link *link, struct err *e)
{
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;

	if (netns_enter(&ns, call->netns_fd, e) < 0)
		return -1;
	nl = nl_open(NETLINK_ROUTE, e);
	return nl ? link_get(nl, call->at.ifname, link, e) : -1;
}

/** Whether @link is the node's end of the pair just made: nobody else has drawn this address. */
static bool is_made(const struct link *link, const struct mac *mac)
{
	return memcmp(&link->mac, mac, sizeof(*mac)) == 0;
}

/**
 * The pair may have been made although we heard of a failure, or of nothing; somebody may even have
 * renamed it since. Then the container's end leads to it.
 */
static void delete_made(const struct cni_call *call, struct nl *nl, const char *name,
			const struct mac *mac)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct link inside, link;
	struct err e = {};

	if ((link_get(nl, name, &link, &e) < 0 || !is_made(&link, mac)) &&
	    (find_inside(call, &inside, &e) < 0 || !inside.peer ||
	     link_get_index(nl, inside.peer, &link, &e) < 0 || !is_made(&link, mac)))
		return;
	link_del_index(&m, link.index);
	if (nl_call(nl, &m, &e) < 0)
		log_warn("rollback: %s", e.msg);
}

int veth_add(const struct cni_call *call, struct nl *nl, const struct veth *veth, int *index,
	     struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const struct mac mac = mac_random();
	char name[IFNAMSIZ], tag[ATTACHMENT_TAG];

	link_add_veth(&m, &(struct link_veth){
				  .name = attachment_host_name(&call->at, name),
				  .peer_name = call->at.ifname,
				  .peer_ns = call->netns_fd,
				  .master = veth->master,
				  .mac = mac,
				  .peer_mac = veth->mac,
				  .mtu = veth->mtu,
			  });
	// In one system call with the making, so that no kill comes between: GC goes by the mark.
	link_set_alias(&m, name, attachment_tag(&call->at, tag));
	if (nl_call(nl, &m, e) < 0) {
		if (e->code == ERR_KERNEL && e->os == EEXIST)
			return explain_exists(call, nl, name, e);
		delete_made(call, nl, name, &mac);
		return -1;
	}
	*index = nl_ifindex(nl, name);
	if (*index)
		return 0;
	delete_made(call, nl, name, &mac);
	return err_os(e, ERR_KERNEL, ENODEV, "find %s", name);
}

int veth_wait_up(const struct cni_call *call, struct nl *nl, struct link *host, struct err *e)
{
	enum { WAIT_US = 2500000, LONGEST_NAP_US = 50000 };
	unsigned int nap = 50;

	*host = (struct link){};
	(void)attachment_host_name(&call->at, host->name);
	for (unsigned int waited = 0;; waited += nap) {
		if (link_refresh(nl, host, e) < 0)
			return -1;
		if (!host->operational && link_get(nl, host->name, host, e) < 0)
			return -1;
		if (host->operational)
			return 0;
		if (waited > WAIT_US)
			return err_set(e, ERR_KERNEL, "%s does not come up", host->name);
		nap = nap * 2 > LONGEST_NAP_US ? LONGEST_NAP_US : nap * 2;
		(void)nanosleep(&(struct timespec){.tv_nsec = nap * 1000L}, NULL);
	}
}

/** The node's end of the pair that the container's end leads to; its index is 0 if there is none.
 */
static int find_from_inside(const struct cni_call *call, struct nl *nl, struct link *host,
			    struct err *e)
{
	struct link inside, other;
	int nsid = -1;

	*host = (struct link){};
	if (call->netns_fd < 0)
		return 0;
	if (find_inside(call, &inside, e) < 0)
		return e->os == ENODEV ? 0 : -1;
	if (strcmp(inside.kind, "veth") != 0 || !inside.peer)
		return 0;
	if (link_get_index(nl, inside.peer, &other, e) < 0 ||
	    link_nsid(nl, call->netns_fd, &nsid, e) < 0)
		return e->os == ENODEV ? 0 : -1;
	// An index says nothing about the namespace it counts in: the two ends must name each
	// other.
	if (!strcmp(other.kind, "veth") && other.peer == inside.index && nsid >= 0 &&
	    other.peer_nsid == nsid)
		*host = other;
	return 0;
}

int veth_find(const struct cni_call *call, struct nl *nl, struct link *host, struct err *e)
{
	char name[IFNAMSIZ];

	if (link_find(nl, attachment_host_name(&call->at, name), host, e) == 0)
		return 0;
	return e->os == ENODEV ? find_from_inside(call, nl, host, e) : -1;
}

int veth_need(const struct cni_call *call, const struct link *host, struct err *e)
{
	if (host->index)
		return 0;
	(void)err_set(e, ERR_MISMATCH, "%s in the container has no veth peer on the node",
		      call->at.ifname);
	return err_hint(e, "%s needs a veth pair: list it after bridge or ptp", call->common->type);
}

static int delete_foreign(const struct cni_call *call, struct nl *nl, const char *master,
			  struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct link bridge = {}, host;
	char tag[ATTACHMENT_TAG];

	if (find_from_inside(call, nl, &host, e) < 0)
		return -1;
	if (!host.index)
		return 0;
	if (master && link_get(nl, master, &bridge, e) < 0) {
		if (e->os != ENODEV)
			return -1;
		bridge.index = -1; // nobody's
	}
	// Ours by its mark, whatever somebody has renamed it to, or unmarked where it would be.
	if (strcmp(host.alias, attachment_tag(&call->at, tag)) != 0 &&
	    (host.alias[0] || host.master != bridge.index))
		return 0;
	link_del_index(&m, host.index);
	return nl_call(nl, &m, e);
}

int veth_del(const struct cni_call *call, struct nl *nl, const char *master, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	char name[IFNAMSIZ];

	link_del(&m, attachment_host_name(&call->at, name)); // with one end the other goes too
	if (nl_call(nl, &m, e) == 0)
		return 0;
	return e->os == ENODEV ? delete_foreign(call, nl, master, e) : -1;
}

int veth_gc(const struct cni_call *call, struct nl *nl, struct err *e)
{
	return iface_gc(call, nl, "veth", e);
}

int veth_check(const struct cni_call *call, struct nl *nl, const struct link *master,
	       struct link *out, struct err *e)
{
	char name[IFNAMSIZ];

	if (link_get(nl, attachment_host_name(&call->at, name), out, e) < 0)
		return e->os == ENODEV ? err_set(e, ERR_MISMATCH, "%s is missing on the node", name)
				       : -1;
	if (master && out->master != master->index)
		return err_set(e, ERR_MISMATCH, "%s is not a port of %s", name, master->name);
	if (!(out->flags & IFF_UP))
		return err_set(e, ERR_MISMATCH, "%s is down", name);
	return veth_check_mac(call, out, e);
}

/** An interface on the node's side as prevResult has it, by name; NULL if it is not listed. */
static const struct cni_iface *listed(const struct cni_call *call, const char *name)
{
	for (size_t i = 0; i < call->prev->n_ifaces; i++) {
		const struct cni_iface *iface = &call->prev->ifaces[i];

		if ((!iface->sandbox || !*iface->sandbox) && !strcmp(iface->name, name))
			return iface;
	}
	return NULL;
}

int veth_check_mac(const struct cni_call *call, const struct link *link, struct err *e)
{
	const struct cni_iface *iface = listed(call, link->name);
	char text[MAC_TEXT];

	if (!iface || !iface->mac || !*iface->mac ||
	    !strcasecmp(iface->mac, mac_format(&link->mac, text)))
		return 0;
	return err_set(e, ERR_MISMATCH, "%s has MAC address %s, not %s", link->name, text,
		       iface->mac);
}
