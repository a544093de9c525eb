// SPDX-License-Identifier: Apache-2.0
/** One VF: where it is, what it is like, and changing that through its PF. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "sriov.h"

int sriov_vf_open(struct sriov_vf *vf, const struct sriov_job *job, const char *address,
		  struct err *e)
{
	*vf = (struct sriov_vf){.job = job, .lock = -1};
	// What the address stands for may change while we wait for the lock; one that stands for
	// nothing gets no file.
	if ((pci_exists(PCI_SYSFS, address) && vf_record_lock(address, &vf->lock, e) < 0) ||
	    pci_vf_find(PCI_SYSFS, address, &vf->pci, e) < 0)
		return -1;
	vf->pf = nl_ifindex(job->nl, vf->pci.pf_netdev);
	if (!vf->pf)
		return err_os(e, ERR_UNAVAILABLE, ENODEV, "find interface %s of %s",
			      vf->pci.pf_netdev, vf->pci.pf);
	return 0;
}

void sriov_vf_done(struct sriov_vf *vf)
{
	if (vf->job)
		fd_closep(&vf->lock);
}

int sriov_vf_link(const struct sriov_vf *vf, struct link *out, struct err *e)
{
	*out = (struct link){};
	if (!*vf->pci.netdev)
		return 0;
	return link_get(vf->job->nl, vf->pci.netdev, out, e);
}

int sriov_vf_look(const struct sriov_vf *vf, struct vf_state *out, struct err *e)
{
	struct vf_state now = {};
	struct link link;

	if (vf_get(vf->job->nl, vf->pf, vf->pci.number, &now.attrs, e) < 0 ||
	    sriov_vf_link(vf, &link, e) < 0)
		return -1;
	now.address = link.mac;
	now.mtu = link.mtu;
	now.flags = link.flags & SRIOV_FLAGS;
	if (!strchr(link.alias, '\n') && !attachment_is_tag(link.alias)) // a record has lines
		memcpy(now.alias, link.alias, sizeof(now.alias));
	memcpy(now.name, link.name, sizeof(now.name));
	memcpy(now.driver, vf->pci.driver, sizeof(now.driver));
	*out = now;
	return 0;
}

struct search {
	const char *address;
	struct link *out;
};

static int match(const struct link *link, void *ctx, struct err *e)
{
	const struct search *s = ctx;

	(void)e;
	// A VLAN or macvlan above it has the same parent, and is of a kind.
	if (!strcmp(link->parent, s->address) && !link->kind[0])
		*s->out = *link;
	return 0;
}

int sriov_vf_inside(const struct sriov_vf *vf, struct nl *nl, struct link *out, struct err *e)
{
	struct search s = {vf->pci.address, out};

	*out = (struct link){};
	return link_each(nl, 0, match, &s, e);
}

/** The kernel stops at the first attribute that is refused: the first that is not as it should be.
 */
static int name_refused(const struct sriov_vf *vf, const struct vf *goal, struct err *e)
{
	struct err ignored = {};
	struct vf now;
	char text[VF_TEXT];
	unsigned int diff, attr = VF_MAC;

	if (vf_get(vf->job->nl, vf->pf, vf->pci.number, &now, &ignored) < 0)
		return -1;
	diff = vf_diff(&now, goal);
	while (diff && !(diff & attr))
		attr <<= 1;
	return err_wrap(e, "%s", diff ? vf_text(goal, attr, text) : vf->pci.address);
}

int sriov_set_attrs(const struct sriov_vf *vf, const struct vf *goal, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	if (!goal->known)
		return 0;
	vf_set(&m, vf->pf, vf->pci.number, goal);
	nl_label(&m, "set VF %u of %s", vf->pci.number, vf->pci.pf_netdev);
	return nl_call(vf->job->nl, &m, e) < 0 ? name_refused(vf, goal, e) : 0;
}

static bool same_mac(const struct mac *a, const struct mac *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/** Set the address of the interface from its own side, as the container could. */
static int set_address(const struct sriov_vf *vf, int index, const struct mac *mac, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	link_set_mac(&m, index, mac);
	return nl_call(vf->job->nl, &m, e);
}

/** Let the VF choose its address, as drivers do with a zero one; others refuse, which is fine. */
static void free_address(const struct sriov_vf *vf)
{
	const struct vf any = {.known = VF_MAC};
	struct err ignored = {};

	if (sriov_set_attrs(vf, &any, &ignored) < 0)
		log_debug("%s", ignored.msg);
}

/** Some drivers carry an address out later (iavf): try again for a while, 2 s at most. */
static int insist_on_address(const struct sriov_vf *vf, int index, const struct mac *mac,
			     struct err *e)
{
	enum { WAIT_US = 2000000, LONGEST_NAP_US = 50000 };
	unsigned int nap = 1000;
	struct link link;

	for (unsigned int waited = 0;; waited += nap) {
		int refused = set_address(vf, index, mac, e);
		char text[MAC_TEXT];

		if (link_get_index(vf->job->nl, index, &link, e) < 0)
			return -1;
		if (same_mac(&link.mac, mac))
			return 0;
		if (waited > WAIT_US && refused < 0)
			return err_wrap(e, "%s", vf->pci.address);
		if (waited > WAIT_US)
			return err_set(e, ERR_KERNEL, "%s does not take the MAC address %s",
				       vf->pci.address, mac_format(mac, text));
		(void)nanosleep(&(struct timespec){.tv_nsec = nap * 1000L}, NULL);
		nap = nap * 2 > LONGEST_NAP_US ? LONGEST_NAP_US : nap * 2;
	}
}

/** Whether the interface, if there is one, shall have an address that it has not. */
static bool wants_other(const struct link *link, const struct mac *address)
{
	return link->index && !mac_is_zero(address) && !same_mac(&link->mac, address);
}

void sriov_try_address(const struct sriov_vf *vf, const struct link *link,
		       const struct mac *address)
{
	struct err refusal = {};

	if (!wants_other(link, address) || set_address(vf, link->index, address, &refusal) == 0)
		return;
	free_address(vf);
	if (set_address(vf, link->index, address, &refusal) < 0)
		log_debug("%s", refusal.msg); // the PF's order may bring it yet
}

int sriov_set(const struct sriov_vf *vf, const struct link *link, const struct mac *address,
	      const struct vf *goal, struct err *e)
{
	struct link now;

	sriov_try_address(vf, link, address);
	if (sriov_set_attrs(vf, goal, e) < 0)
		return -1;
	if (!wants_other(link, address))
		return 0;
	if (link_get_index(vf->job->nl, link->index, &now, e) < 0)
		return -1;
	return wants_other(&now, address) ? insist_on_address(vf, link->index, address, e) : 0;
}

int sriov_compare(const struct sriov_vf *vf, const struct vf *goal, struct err *e)
{
	char found[VF_TEXT], wanted[VF_TEXT], list[400] = "";
	unsigned int diff;
	size_t n = 0;
	struct vf now;

	if (vf_get(vf->job->nl, vf->pf, vf->pci.number, &now, e) < 0)
		return -1;
	diff = vf_diff(&now, goal);
	for (unsigned int attr = 1; attr < VF_ATTRS; attr <<= 1)
		if (diff & attr && n < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s, not %s",
					      n ? "; " : "", vf_text(&now, attr, found),
					      vf_text(goal, attr, wanted));
	if (!diff)
		return 0;
	return err_set(e, ERR_MISMATCH, "VF %u of %s (%s) has %s", vf->pci.number,
		       vf->pci.pf_netdev, vf->pci.address, list);
}
