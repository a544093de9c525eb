// SPDX-License-Identifier: Apache-2.0
/** DEL and GC: give back what is ours, by the node's own records, whatever has become of the rest.
 */
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/steps.h"
#include "cni/device_info.h"
#include "node/netns.h"
#include "sriov.h"

/**
 * Whether a DEL for this namespace speaks of the attachment in the record. A container may have
 * been started again in a new namespace, with a new ADD, before the DEL of the old one comes.
 */
static bool is_meant(const struct cni_call *call, const struct vf_record *r, int living)
{
	struct stat st;

	if (living < 0)
		return true; // nobody is left whom it could harm
	if (call->netns_fd >= 0)
		return fstat(call->netns_fd, &st) == 0 && st.st_dev == r->ns_dev &&
		       st.st_ino == r->ns_ino;
	return !call->netns || !strcmp(call->netns, r->netns);
}

/** The device of this record is no more: nothing of it can be given back. The VF is locked. */
static int forget(const struct vf_record *r, const char *address, struct err *e)
{
	return device_info_remove(r->info, e) < 0 ? -1 : vf_record_remove(VF_USED, address, e);
}

/** The same where there is no device: unless another has come by now, with a record of its own. */
static int forget_absent(const struct vf_record *r, const char *address, struct err *e)
{
	_cleanup_(fd_closep) int lock = -1;
	struct vf_record now;
	int found;

	if (vf_record_lock(address, &lock, e) < 0)
		return -1;
	found = vf_record_read(VF_USED, address, &now, e);
	if (found <= 0)
		return found;
	return now.device == r->device && !strcmp(now.boot, r->boot) ? forget(r, address, e) : 0;
}

/** Whose VFs to give back, and whether whatever namespace they are in. */
struct whose {
	bool (*is_ours)(const struct cni_call *call, const struct vf_record *r);
	bool any_netns;
};

/**
 * Give a VF back that is locked, if its record is still what it should be. 1: it is of a container
 * that lives, about which this DEL is not.
 */
static int give_back_locked(struct sriov_vf *vf, const struct whose *whose, struct err *e)
{
	const struct sriov_job *job = vf->job;
	_cleanup_(fd_closep) int ns = -1;

	if (!whose->is_ours(job->call, &vf->record))
		return 0;
	if (!vf_record_is_of(&vf->record, &vf->pci, job->boot))
		return forget(&vf->record, vf->pci.address, e);
	if (vf_record_netns(&vf->record, &ns, e) < 0)
		return -1;
	if (!whose->any_netns && !is_meant(job->call, &vf->record, ns))
		return 1;
	return sriov_release(vf, ns, &vf->record.clean, e);
}

/** Give the VF at @address back, which @r says is ours; it may have changed hands. */
static int give_back(const struct sriov_job *job, const char *address, const struct vf_record *r,
		     const struct whose *whose, struct err *e)
{
	_cleanup_(sriov_vf_done) struct sriov_vf vf = {};
	int found;

	if (sriov_vf_open(&vf, job, address, e) < 0)
		return e->code == ERR_CONFIG && !pci_exists(PCI_SYSFS, address)
			       ? forget_absent(r, address, e)
			       : -1;
	found = vf_record_read(VF_USED, address, &vf.record, e);
	return found <= 0 ? found : give_back_locked(&vf, whose, e);
}

static bool belongs(const struct cni_call *call, const struct vf_record *r)
{
	return vf_record_belongs(r, &call->at);
}

static bool is_orphan(const struct cni_call *call, const struct vf_record *r)
{
	return !strcmp(r->network, call->at.network) &&
	       !cni_call_is_valid(call, r->container, r->ifname);
}

static const struct whose OF_ATTACHMENT = {.is_ours = belongs},
			  ORPHANS = {.is_ours = is_orphan, .any_netns = true};

/** How many there were, and how many of them stay with a container that lives. */
struct tally {
	size_t found, kept;
};

/** Whether this call need not care about the record at @address, which cannot be understood. */
static bool is_of_others(const struct sriov_job *job, const char *address)
{
	return job->device_id && strcmp(address, job->device_id) != 0;
}

/** All VFs of which the record says so. */
static int give_back_all(const struct sriov_job *job, const struct whose *whose, struct tally *n,
			 struct err *e)
{
	struct steps steps = {.first = e};
	const char **addresses;
	size_t count;

	*n = (struct tally){};
	if (vf_record_list(job->call->arena, &addresses, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct vf_record r;
		int rc = vf_record_read(VF_USED, addresses[i], &r, &steps.err);

		if (rc < 0 && is_of_others(job, addresses[i])) {
			log_warn("%s", steps.err.msg);
			continue;
		}
		if (rc > 0 && whose->is_ours(job->call, &r)) {
			rc = give_back(job, addresses[i], &r, whose, &steps.err);
			n->found++;
			n->kept += rc > 0;
		}
		step(&steps, rc < 0 ? -1 : 0);
	}
	return steps.rc;
}

/** The interface in the container that a lost record was about: it is named so, and is of this VF.
 */
static int find_unrecorded(const struct sriov_vf *vf, struct link *link, struct err *e)
{
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;

	if (netns_enter(&ns, vf->job->call->netns_fd, e) < 0)
		return -1;
	nl = nl_open(NETLINK_ROUTE, e);
	return nl ? sriov_vf_inside(vf, nl, link, e) : -1;
}

/** The name in the mark "TAG (NAME)", if the mark is that of the attachment; else "". */
static void marked_name(const struct cni_call *call, const struct link *link, char *name)
{
	char tag[ATTACHMENT_TAG];
	size_t n = strlen(attachment_tag(&call->at, tag)), len = strlen(link->alias);

	name[0] = '\0';
	if (len <= n + 3 || strncmp(link->alias, tag, n) != 0 ||
	    strncmp(link->alias + n, " (", 2) != 0 || link->alias[len - 1] != ')' ||
	    len - n - 3 >= IFNAMSIZ)
		return;
	memcpy(name, link->alias + n + 2, len - n - 3);
	name[len - n - 3] = '\0';
	if (conf_ifname(&(const char *){name}))
		name[0] = '\0';
}

/**
 * Without a record, as after somebody deleted our files: a VF is ours if it is in the container, or
 * on the node with our mark. It comes home, and is what the kernel makes of a new one: no VLAN, no
 * trust. What the container may have written into the mark decides about no more than the VF's own
 * name.
 */
static int release_unrecorded(const struct sriov_job *job, struct tally *n, struct err *e)
{
	_cleanup_(sriov_vf_done) struct sriov_vf vf = {};
	const struct cni_call *call = job->call;
	struct vf_state to = {};
	struct link link = {};
	struct vf now;
	int found;

	if (!job->device_id)
		return 0;
	if (sriov_vf_open(&vf, job, job->device_id, e) < 0)
		return e->code == ERR_CONFIG ? 0 : -1;
	found = vf_record_read(VF_USED, job->device_id, &vf.record, e);
	if (found < 0)
		return -1;
	if (found) { // an ADD has held the lock until now
		found = give_back_locked(&vf, &OF_ATTACHMENT, e);
		n->kept += found > 0;
		return found < 0 ? -1 : 0;
	}
	if (*vf.pci.netdev ? sriov_vf_link(&vf, &link, e) < 0
			   : call->netns_fd >= 0 && find_unrecorded(&vf, &link, e) < 0)
		return -1;
	marked_name(call, &link, to.name);
	if (!link.index || (*vf.pci.netdev && !*to.name))
		return 0; // nothing says that it is ours
	log_warn("%s: there is no record of it, returning it as a new one", job->device_id);
	if (!*to.name)
		(void)snprintf(to.name, sizeof(to.name), "vf%%d");
	if (vf_get(job->nl, vf.pf, vf.pci.number, &now, e) < 0)
		return -1;
	to.attrs = sriov_goal(&job->baseline, &now);
	if (!(to.attrs.known & VF_VLAN))
		to.attrs.proto = ETH_P_8021Q; // no VLAN, no trust, and no address but its own
	to.attrs.known |= VF_MAC | VF_VLAN | VF_TRUST;
	to.address = link.permanent;
	return sriov_release(&vf, call->netns_fd, &to, e);
}

int sriov_del(const struct cni_call *call, struct err *e)
{
	_cleanup_(sriov_job_done) struct sriov_job job = {};
	struct steps steps = {.first = e};
	struct err wrong = {};
	struct tally n;

	if (sriov_job_open(&job, call, e) < 0)
		return -1;
	if (sriov_read_conf(&job, &wrong) < 0) // only what a lost record would have said
		log_warn("%s", wrong.msg);
	if (step(&steps, give_back_all(&job, &OF_ATTACHMENT, &n, &steps.err)) == 0 && n.found == 0)
		step(&steps, release_unrecorded(&job, &n, &steps.err));
	if (n.kept > 0) // address and device-info are that container's, too
		return steps.rc;
	step(&steps, device_info_remove(job.conf->device_info_file, &steps.err));
	// Whatever became of the VF: there may be no second DEL (Multus forgets after the first).
	step(&steps, ipam_del(&job.ipam, &steps.err));
	return steps.rc;
}

int sriov_gc(const struct cni_call *call, struct err *e)
{
	_cleanup_(sriov_job_done) struct sriov_job job = {};
	struct steps steps = {.first = e};
	struct tally n;

	if (sriov_job_open(&job, call, e) < 0)
		return -1;
	if (call->gc)
		step(&steps, give_back_all(&job, &ORPHANS, &n, &steps.err));
	step(&steps, ipam_gc(&job.ipam, &steps.err));
	return steps.rc;
}
