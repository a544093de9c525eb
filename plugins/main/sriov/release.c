// SPDX-License-Identifier: Apache-2.0
/** Giving a VF back: out of the container, under its name, as it was. Of DEL, GC and a failed ADD.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/steps.h"
#include "node/netns.h"
#include "sriov.h"

/** Send the interface home from the namespace that we are in. */
static int send_home(const struct sriov_vf *vf, struct nl *nl, const struct link *link,
		     const char *name, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct link still;

	link_set_alias_index(&m, link->index, "");
	link_move(&m, link->index, vf->job->home, name);
	if (nl_call(nl, &m, e) == 0)
		return 0;
	if (e->os != EEXIST)
		return -1;
	// Somebody has taken the name. If it was only that, it has arrived under the old one;
	// with both taken it stays, and gets any.
	if (sriov_vf_inside(vf, nl, &still, e) < 0)
		return -1;
	if (still.index)
		link_move(&m, still.index, vf->job->home, "vf%d");
	return nl_call(nl, &m, e);
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
	if (link.index && send_home(vf, nl, &link, name, e) < 0)
		return -1;
	return 0;
}

/** The name it had, on the node; an interface that is up cannot be renamed before Linux 6.1 or so.
 */
static int restore_name(const struct sriov_vf *vf, const struct link *link, const char *name,
			struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	if (link->alias[0])
		link_set_alias_index(&m, link->index, "");
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

static int restore_mtu(const struct sriov_vf *vf, const struct link *link, uint32_t mtu,
		       struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	if (mtu && mtu != link->mtu)
		link_set_mtu(&m, link->index, mtu);
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

/** The driver that it had before we gave it another. */
static int restore_driver(struct sriov_vf *vf, struct err *e)
{
	if (!*vf->record.bound || !strcmp(vf->pci.driver, vf->record.was.driver))
		return 0;
	return pci_vf_bind(PCI_SYSFS, &vf->pci, "", e);
}

int sriov_release(struct sriov_vf *vf, int netns, const struct vf_state *to, struct err *e)
{
	struct steps steps = {.first = e};
	struct link link = {};

	pci_vf_refresh(PCI_SYSFS, &vf->pci);
	step(&steps, restore_driver(vf, &steps.err));
	if (netns >= 0 && !*vf->pci.netdev)
		step(&steps, bring_home(vf, netns, to->name, &steps.err));
	pci_vf_refresh(PCI_SYSFS, &vf->pci);
	step(&steps, sriov_vf_link(vf, &link, &steps.err));
	if (link.index) {
		step(&steps, restore_name(vf, &link, to->name, &steps.err));
		pci_vf_refresh(PCI_SYSFS, &vf->pci);
		step(&steps, restore_mtu(vf, &link, to->mtu, &steps.err));
	} else if (!mac_is_zero(&to->address) && !pci_driver_is_userspace(vf->pci.driver)) {
		step(&steps,
		     err_set(&steps.err, ERR_TRY_AGAIN,
			     "%s is in a network namespace that cannot be found", vf->pci.address));
	}
	step(&steps, restore_attrs(vf, &link, to, &steps.err));
	if (steps.rc == 0)
		step(&steps, vf_record_remove(VF_USED, vf->pci.address, &steps.err));
	return steps.rc;
}
