// SPDX-License-Identifier: Apache-2.0
/** Giving a VF back: out of the container, under its name, as it was. Of DEL, GC and a failed ADD.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/steps.h"
#include "cni/device_info.h"
#include "netlink/altname.h"
#include "node/netns.h"
#include "sriov.h"

/** Send the interface home from the namespace that we are in, for which it may need another name.
 */
static int send_as(const struct sriov_vf *vf, struct nl *nl, const struct link *link,
		   const char *name, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	link_set_alias_index(&m, link->index, "");
	link_move(&m, link->index, vf->job->home, name);
	return nl_call(nl, &m, e);
}

static int send_home(const struct sriov_vf *vf, struct nl *nl, const struct link *link,
		     const char *name, struct err *e)
{
	struct link still;

	if (send_as(vf, nl, link, name, e) == 0)
		return 0;
	if (e->os != EEXIST)
		return -1;
	// Somebody has taken the name. If it was only that, it has arrived under the old one; with
	// both taken it stays, and gets any.
	if (sriov_vf_inside(vf, nl, &still, e) < 0)
		return -1;
	return still.index ? send_as(vf, nl, &still, "vf%d", e) : 0;
}

static int bring_home(const struct sriov_vf *vf, int netns, const char *name, struct err *e)
{
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	struct link link;

	if (netns_enter(&ns, netns, e) < 0)
		return -1;
	nl = nl_open(NETLINK_ROUTE, e);
	if (!nl || sriov_vf_inside(vf, nl, &link, e) < 0)
		return -1;
	if (!link.index)
		return 0;
	// Alternative names, of which a container can give it some, would keep it here, or out of
	// the next one.
	return altname_remove_all(nl, link.index, e) < 0 ? -1 : send_home(vf, nl, &link, name, e);
}

/** The name it had, on the node; an interface that is up cannot be renamed before Linux 6.1 or so.
 */
static int restore_name(const struct sriov_vf *vf, const struct link *link,
			const struct vf_state *to, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	const char *name = to->name;

	if (strcmp(link->alias, to->alias) != 0)
		link_set_alias_index(&m, link->index, to->alias);
	if (*name && strcmp(link->name, name) != 0) {
		link_set_flags(&m, link->index, 0, IFF_UP);
		link_set_name(&m, link->index, name);
	}
	if (nl_call(vf->job->nl, &m, e) == 0)
		return 0;
	if (e->os != EEXIST)
		return -1;
	log_warn("%s stays %s: there is another %s", vf->pci.address, link->name, name);
	return 0;
}

/** What a container may have done to it, or ADD. */
static int restore_link(const struct sriov_vf *vf, const struct link *link,
			const struct vf_state *to, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	if (to->mtu && to->mtu != link->mtu)
		link_set_mtu(&m, link->index, to->mtu);
	if ((link->flags & SRIOV_FLAGS) != to->flags)
		link_set_flags(&m, link->index, to->flags, SRIOV_FLAGS);
	return nl_call(vf->job->nl, &m, e);
}

/** Each attribute by itself, so that one which is refused keeps no other from being restored. */
static int restore_singly(const struct sriov_vf *vf, const struct vf *to, unsigned int diff,
			  struct err *e)
{
	struct steps steps = {.first = e};

	for (unsigned int attr = 1; attr < VF_ATTRS; attr <<= 1) {
		struct vf one = *to;

		one.known = diff & attr;
		step(&steps, sriov_set_attrs(vf, &one, &steps.err));
	}
	return steps.rc;
}

/**
 * What is otherwise than in @to, and nothing else: a driver may refuse even what is so already, and
 * an address that is ordered again is no longer the VF's own choice. So the interface comes first.
 */
static int restore_attrs(const struct sriov_vf *vf, struct link *link, const struct vf_state *to,
			 struct err *e)
{
	struct vf now, goal = to->attrs;
	struct err refusal = {};

	sriov_try_address(vf, link, &to->address);
	if (vf_get(vf->job->nl, vf->pf, vf->pci.number, &now, e) < 0)
		return -1;
	goal.known = vf_diff(&now, &to->attrs);
	if (sriov_set_attrs(vf, &goal, &refusal) < 0) {
		if (vf_get(vf->job->nl, vf->pf, vf->pci.number, &now, e) < 0)
			return -1;
		goal.known = vf_diff(&now, &to->attrs);
		// Where zero is refused an address cannot be un-ordered; one is as good as another.
		if (mac_is_zero(&to->attrs.mac))
			goal.known &= ~(unsigned int)VF_MAC;
		if (restore_singly(vf, &to->attrs, goal.known, e) < 0)
			return -1;
	}
	if (!link->index)
		return 0;
	if (link_get_index(vf->job->nl, link->index, link, e) < 0)
		return -1;
	return sriov_set(vf, link, &to->address, &(struct vf){}, e);
}

/** What it was given back as, beside what it was found as: who hands VFs out compares with that. */
static int note_clean(const struct sriov_vf *vf, const struct vf_state *to, struct err *e)
{
	struct vf_record first;
	int found = vf_record_read(VF_FOUND, vf->pci.address, &first, e);

	if (found <= 0 || !vf_record_is_of(&first, &vf->pci, vf->job->boot) ||
	    !vf_diff(&first.was.attrs, &to->attrs))
		return found < 0 ? -1 : 0;
	first.was = *to;
	return vf_record_write(VF_FOUND, vf->pci.address, &first, e);
}

int sriov_release(struct sriov_vf *vf, int netns, const struct vf_state *to, struct err *e)
{
	const struct vf_record *r = &vf->record;
	struct steps steps = {.first = e};
	struct link link = {};

	step(&steps, pci_vf_refresh(PCI_SYSFS, &vf->pci, &steps.err));
	if (*r->bound)
		step(&steps, pci_vf_unbind(PCI_SYSFS, &vf->pci, r->was.driver, &steps.err));
	if (netns >= 0 && !*vf->pci.netdev)
		step(&steps, bring_home(vf, netns, to->name, &steps.err));
	step(&steps, pci_vf_refresh(PCI_SYSFS, &vf->pci, &steps.err));
	step(&steps, sriov_vf_link(vf, &link, &steps.err));
	if (link.index) {
		step(&steps, restore_name(vf, &link, to, &steps.err));
		step(&steps, pci_vf_refresh(PCI_SYSFS, &vf->pci, &steps.err));
		step(&steps, restore_link(vf, &link, to, &steps.err));
	} else if (*vf->pci.driver && !pci_driver_is_userspace(vf->pci.driver)) {
		step(&steps,
		     err_set(&steps.err, ERR_TRY_AGAIN,
			     "%s is in a network namespace that cannot be found", vf->pci.address));
	}
	step(&steps, restore_attrs(vf, &link, to, &steps.err));
	step(&steps, device_info_remove(r->info, &steps.err));
	if (steps.rc == 0 && to == &r->clean)
		step(&steps, note_clean(vf, to, &steps.err));
	if (steps.rc == 0)
		step(&steps, vf_record_remove(VF_USED, vf->pci.address, &steps.err));
	return steps.rc;
}
