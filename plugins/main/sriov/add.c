// SPDX-License-Identifier: Apache-2.0
/** ADD: an address, a VF that nobody has, its record on disk, its attributes, and into the
 * container. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cni/device_info.h"
#include "cni/iface.h"
#include "netlink/altname.h"
#include "node/announce.h"
#include "node/netns.h"
#include "node/sysctl.h"
#include "sriov.h"

/** Refuse what a living attachment has; what a dead one left is taken back first. */
static int refuse_used(struct sriov_vf *vf, struct err *e)
{
	_cleanup_(fd_closep) int ns = -1;
	struct vf_record *r = &vf->record;
	int found = vf_record_read(VF_USED, vf->pci.address, r, e), lives;

	if (found <= 0)
		return found;
	if (!vf_record_is_of(r, &vf->pci, vf->job->boot)) // of a device that is no more
		return device_info_remove(r->info, e) < 0
			       ? -1
			       : vf_record_remove(VF_USED, vf->pci.address, e);
	lives = vf_record_netns(r, &ns, e);
	if (lives < 0)
		return -1;
	if (lives) {
		(void)err_set(e, ERR_TRY_AGAIN, "deviceID: %s is in use", vf->pci.address);
		return err_hint(e, "by %s/%s/%s, until its DEL", r->network, r->container,
				r->ifname);
	}
	log_warn("%s: no DEL came for %s/%s/%s, taking it back", vf->pci.address, r->network,
		 r->container, r->ifname);
	return sriov_release(vf, -1, &r->clean, e);
}

/** What the configuration says that "clean" is, over what was found at first. */
static void overlay(struct vf *clean, const struct vf *baseline)
{
	struct vf goal = sriov_goal(baseline, clean);

	if (goal.known & VF_VLAN) {
		clean->vlan = goal.vlan;
		clean->qos = goal.qos;
		clean->proto = goal.proto;
	}
	if (goal.known & VF_RATE) {
		clean->min_rate = goal.min_rate;
		clean->max_rate = goal.max_rate;
	}
	if (goal.known & VF_SPOOFCHK)
		clean->spoofchk = goal.spoofchk;
	if (goal.known & VF_TRUST)
		clean->trust = goal.trust;
	if (goal.known & VF_LINK_STATE)
		clean->link_state = goal.link_state;
	clean->known |= goal.known;
}

/** What was found when this device was first met; that may be now. */
static int find_clean(const struct sriov_vf *vf, const struct vf_record *now,
		      struct vf_state *clean, struct err *e)
{
	struct vf_record first;
	int found = vf_record_read(VF_FOUND, vf->pci.address, &first, e);

	if (found < 0 && e->code != ERR_DECODE)
		return -1;
	if (found < 0)
		log_warn("%s: %s", e->msg, "what is there now counts as clean");
	if (found > 0 && vf_record_is_of(&first, &vf->pci, vf->job->boot)) {
		*clean = first.clean;
		return 0;
	}
	if (vf_record_remove(VF_FOUND, vf->pci.address, e) < 0)
		return -1;
	first = *now;
	first.network[0] = first.container[0] = first.ifname[0] = '\0';
	first.netns[0] = first.info[0] = '\0';
	first.clean = now->was;
	*clean = first.clean;
	return vf_record_write(VF_FOUND, vf->pci.address, &first, e);
}

static int copy(char *out, size_t size, const char *text, const char *what, struct err *e)
{
	return snprintf(out, size, "%s", text) < (int)size
		       ? 0
		       : err_set(e, ERR_ENV, "%s: longer than %zu characters", what, size - 1);
}

/**
 * An address may take its time, and the runtime may meanwhile have lost patience and deleted the
 * container: its DEL has found nothing, and none will come for what we do from here on.
 */
static int refuse_deleted(const struct vf_record *r, struct err *e)
{
	_cleanup_(fd_closep) int ns = -1;
	int lives = vf_record_netns(r, &ns, e);

	return lives ? lives
		     : err_set(e, ERR_NO_CONTAINER, "CNI_NETNS: %s was deleted meanwhile",
			       r->netns);
}

/** Who asks, and what the VF is like; nothing has been changed yet. */
static int fill_record(struct sriov_vf *vf, struct err *e)
{
	const struct cni_call *call = vf->job->call;
	const char *info = vf->job->conf->device_info_file;
	struct vf_record *r = &vf->record;
	struct link link;
	struct stat st;

	*r = (struct vf_record){.device = vf->pci.id};
	memcpy(r->boot, vf->job->boot, sizeof(r->boot));
	if (copy(r->network, sizeof(r->network), call->at.network, "name", e) < 0 ||
	    copy(r->container, sizeof(r->container), call->at.container, "CNI_CONTAINERID", e) <
		    0 ||
	    copy(r->ifname, sizeof(r->ifname), call->at.ifname, "CNI_IFNAME", e) < 0 ||
	    copy(r->netns, sizeof(r->netns), call->netns, "CNI_NETNS", e) < 0 ||
	    copy(r->info, sizeof(r->info), info ? info : "", "runtimeConfig.CNIDeviceInfoFile", e) <
		    0)
		return -1;
	if (fstat(call->netns_fd, &st) < 0)
		return err_os(e, ERR_IO, errno, "CNI_NETNS: look at %s", call->netns);
	r->ns_dev = st.st_dev;
	r->ns_ino = st.st_ino;
	if (refuse_deleted(r, e) < 0)
		return -1;
	if (sriov_vf_look(vf, &r->was, e) < 0 || sriov_vf_link(vf, &link, e) < 0)
		return -1;
	r->permanent = link.permanent;
	return 0;
}

/** The VF is free, and here is how to give it back. */
static int prepare_record(struct sriov_vf *vf, struct err *e)
{
	const char *driver = vf->job->conf->driver;
	struct vf_record *r = &vf->record;

	if (refuse_used(vf, e) < 0)
		return -1;
	if (!*vf->pci.netdev && !pci_driver_is_userspace(vf->pci.driver) &&
	    (*vf->pci.driver || !driver)) {
		(void)err_set(e, ERR_TRY_AGAIN, "deviceID: %s has no interface on the node",
			      vf->pci.address);
		return *vf->pci.driver
			       ? err_hint(e,
					  "its driver is %s: the interface is in a network "
					  "namespace, of a container perhaps that is not ours",
					  vf->pci.driver)
			       : err_hint(e, "no driver is bound to it");
	}
	if (fill_record(vf, e) < 0 || find_clean(vf, r, &r->clean, e) < 0)
		return -1;
	overlay(&r->clean.attrs, &vf->job->baseline);
	if (driver && strcmp(driver, vf->pci.driver) != 0)
		(void)snprintf(r->bound, sizeof(r->bound), "%s", driver);
	return 0;
}

/** An undo_fn: the struct sriov_vf in @ctx as it was before this call. */
static int unclaim(void *ctx, int netns, struct err *e)
{
	struct sriov_vf *vf = ctx;

	return sriov_release(vf, netns, &vf->record.was, e);
}

/** Make the VF ours: from here on there is a record. If it cannot be written it may be there yet.
 */
static int claim(struct sriov_vf *vf, struct undo *undo, struct err *e)
{
	if (prepare_record(vf, e) < 0 ||
	    undo_push(undo, unclaim, vf, vf->job->call->netns_fd, e) < 0)
		return -1;
	return vf_record_write(VF_USED, vf->pci.address, &vf->record, e);
}

/** What belongs to the interface and can be set before it moves. */
static int prepare_link(const struct sriov_vf *vf, const struct link *link, struct err *e)
{
	const struct sriov_job *job = vf->job;
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	char tag[ATTACHMENT_TAG], alias[ATTACHMENT_TAG + IFNAMSIZ + 4];

	// For people: what a container may write on it is no evidence.
	(void)snprintf(alias, sizeof(alias), "%s (%s)", attachment_tag(&job->call->at, tag),
		       link->name);
	link_set_alias_index(&m, link->index, alias);
	if (job->conf->mtu) {
		link_set_mtu(&m, link->index, (uint32_t)job->conf->mtu);
		nl_label(&m, "mtu: set %s to %lld", link->name, (long long)job->conf->mtu);
	}
	return nl_call(job->nl, &m, e);
}

/** An alternative name that an earlier container gave it may clash in this one: then without. */
static int move_in(const struct sriov_vf *vf, const struct link *link, struct err *e)
{
	const struct cni_call *call = vf->job->call;

	for (int tries = 0; tries < 2; tries++) {
		_cleanup_(nl_msg_free) struct nl_msg m = {};

		link_move(&m, link->index, call->netns_fd, call->at.ifname);
		if (nl_call(vf->job->nl, &m, e) == 0)
			return 0;
		if (e->os != EEXIST)
			return -1;
		if (altname_remove_all(vf->job->nl, link->index, e) < 0)
			break; // it has moved, only not under that name
	}
	return err_set(e, ERR_EXISTS, "interface name \"%s\" already exists in the container",
		       call->at.ifname);
}

/** Neighbours forget an earlier holder of the addresses; of IPv4 ones iface_configure() sees to it.
 */
static int announce_ipv6(const struct cni_call *call, struct err *e)
{
	_cleanup_(netns_leave) struct netns ns = {.home = -1};

	if (netns_enter(&ns, call->netns_fd, e) < 0)
		return -1;
	return sysctl_ensure_if_there("1", e, "ipv6/conf/%s/ndisc_notify", call->at.ifname);
}

/** What has an interface: attributes, into the container, addresses. @shown is as the result has
 * it. */
static int attach_link(const struct sriov_vf *vf, struct link *link, const struct cni_result *r,
		       struct err *e)
{
	const struct sriov_job *job = vf->job;
	const struct vf goal = sriov_goal(&job->wish, &vf->record.was.attrs);

	if (sriov_set(vf, link, &goal.mac, &goal, e) < 0 || prepare_link(vf, link, e) < 0)
		return -1;
	if (link_get_index(job->nl, link->index, link, e) < 0 || move_in(vf, link, e) < 0 ||
	    announce_ipv6(job->call, e) < 0)
		return -1;
	return iface_configure(job->call, r, IFACE_NODAD, e);
}

/** What programs in the container drive themselves: attributes alone, and the PF's MTU. */
static int attach_device(struct sriov_vf *vf, struct link *link, struct err *e)
{
	const struct sriov_job *job = vf->job;
	const struct vf goal = sriov_goal(&job->wish, &vf->record.was.attrs);
	struct vf now;

	if (*vf->record.bound && pci_vf_bind(PCI_SYSFS, &vf->pci, vf->record.bound, e) < 0)
		return err_wrap(e, "driver");
	if (sriov_set_attrs(vf, &goal, e) < 0 ||
	    vf_get(job->nl, vf->pf, vf->pci.number, &now, e) < 0 ||
	    link_get_index(job->nl, vf->pf, link, e) < 0)
		return -1;
	link->mac = now.mac;
	return 0;
}

/** Whether the container gets an interface, and not the bare device. */
static bool has_interface(const struct sriov_vf *vf)
{
	return *vf->record.was.name && !*vf->record.bound;
}

/** What the card refuses DEL could never give back: so it is tried before. */
static int try_baseline(const struct sriov_vf *vf, struct err *e)
{
	struct vf goal = vf->record.clean.attrs;

	goal.known = vf_diff(&vf->record.was.attrs, &goal) & vf->job->baseline.known;
	return sriov_set_attrs(vf, &goal, e) < 0 ? err_wrap(e, "baseline") : 0;
}

static int attach(struct sriov_vf *vf, struct link *link, const struct cni_result *r, struct err *e)
{
	if (sriov_vf_link(vf, link, e) < 0 || try_baseline(vf, e) < 0)
		return -1;
	return has_interface(vf) ? attach_link(vf, link, r, e) : attach_device(vf, link, e);
}

static int report(const struct sriov_vf *vf, const struct link *link, struct cni_result *r,
		  struct err *e)
{
	const struct cni_call *call = vf->job->call;
	struct cni_iface *iface;

	r->n_ifaces = 0;
	r->ifaces = NULL;
	if (iface_report(call, r, link, &link->mac, call->netns, e) < 0)
		return -1;
	iface = &r->ifaces[0];
	iface->pci_id = arena_strdup(call->arena, vf->pci.address);
	if (!iface->pci_id)
		return err_set(e, ERR_TRY_AGAIN, "report result: out of memory");
	if (mac_is_zero(&link->mac))
		iface->mac = NULL;
	for (size_t i = 0; i < r->n_ips; i++)
		r->ips[i].iface = 0;
	if (!cni_dns_is_empty(&call->common->dns))
		r->dns = call->common->dns;
	return 0;
}

static int describe(const struct sriov_vf *vf, struct err *e)
{
	const struct device_info info = {
		.address = vf->pci.address,
		.pf_address = vf->pci.pf,
		.representor = vf->pci.representor,
	};

	return device_info_write(vf->job->conf->device_info_file, &info, e);
}

static int announce_all(const struct cni_call *call, const struct mac *mac,
			const struct cni_result *r, struct err *e)
{
	enum { CARRIER_MS = 200 };
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	int index, up;

	if (netns_enter(&ns, call->netns_fd, e) < 0)
		return -1;
	nl = nl_open(NETLINK_ROUTE, e);
	if (!nl)
		return -1;
	index = nl_ifindex(nl, call->at.ifname);
	up = announce_await(nl, index, CARRIER_MS, e);
	if (up <= 0)
		return up < 0 ? -1
			      : err_set(e, ERR_TRY_AGAIN, "%s has no carrier", call->at.ifname);
	for (size_t i = 0; i < r->n_ips; i++)
		if (announce_address(index, mac, &r->ips[i].address.ip, e) < 0)
			return -1;
	return 0;
}

/**
 * The kernel announces addresses when the interface comes up, but a VF often has no carrier until
 * its card has answered, and then nobody has heard that. All is done, and the VF not locked any
 * more: nothing that fails here makes the ADD fail.
 */
static void announce(const struct cni_call *call, const struct mac *mac, const struct cni_result *r)
{
	struct err e = {};

	if (r->n_ips > 0 && announce_all(call, mac, r, &e) < 0)
		log_debug("not announced: %s", e.msg);
}

int sriov_add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	_cleanup_(sriov_job_done) struct sriov_job job = {};
	_cleanup_(sriov_vf_done) struct sriov_vf vf = {};
	_cleanup_(undo_rollback) struct undo undo = {.arena = call->arena};
	struct cni_result r = {};
	struct link link;

	if (sriov_job_open(&job, call, e) < 0 || sriov_read_conf(&job, e) < 0)
		return -1;
	if (!job.device_id) {
		(void)err_set(e, ERR_CONFIG, "deviceID: required, but missing");
		return err_hint(e, "Multus fills it in if the network names a resource that a "
				   "device plugin has given to the pod");
	}
	if (ipam_add(&job.ipam, &r, &undo, e) < 0 ||
	    iface_check_mtu(job.conf->mtu, cni_result_has_ipv6(&r), e) < 0) // IPAM of others
		return -1;
	if (sriov_vf_open(&vf, &job, job.device_id, e) < 0)
		return err_wrap(e, "deviceID");
	if (claim(&vf, &undo, e) < 0 || attach(&vf, &link, &r, e) < 0 ||
	    report(&vf, &link, &r, e) < 0 || describe(&vf, e) < 0)
		return -1;
	*result = r;
	undo_commit(&undo);
	sriov_vf_done(&vf);
	if (has_interface(&vf) && job.wish.link_state != VF_LINK_DISABLE)
		announce(call, &link.mac, &r);
	return 0;
}
