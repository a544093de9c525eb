// SPDX-License-Identifier: Apache-2.0
/** CHECK and STATUS: compare the VF with what ADD made of it; say whether an ADD would succeed. */
#include <string.h>
#include <sys/stat.h>

#include "cni/iface.h"
#include "sriov.h"

/** The record says that the attachment has this VF, in this namespace. */
static int check_record(const struct sriov_vf *vf, struct err *e)
{
	const struct cni_call *call = vf->job->call;
	const struct vf_record *r = &vf->record;
	struct stat st;

	if (!vf_record_is_of(r, &vf->pci, vf->job->boot))
		return err_set(e, ERR_MISMATCH, "%s has been removed and made anew since",
			       vf->pci.address);
	if (!vf_record_belongs(r, &call->at))
		return err_set(e, ERR_MISMATCH, "%s belongs to %s/%s/%s", vf->pci.address,
			       r->network, r->container, r->ifname);
	if (fstat(call->netns_fd, &st) < 0 || st.st_dev != r->ns_dev || st.st_ino != r->ns_ino)
		return err_set(e, ERR_MISMATCH, "%s was given to another network namespace, %s",
			       vf->pci.address, r->netns);
	return 0;
}

/** A device that programs drive: it must still have the driver for that. */
static int check_driver(const struct sriov_vf *vf, struct err *e)
{
	const char *wanted = *vf->record.bound ? vf->record.bound : vf->record.was.driver;

	if (!strcmp(vf->pci.driver, wanted))
		return 0;
	return err_set(e, ERR_MISMATCH, "%s has the driver %s, not %s", vf->pci.address,
		       *vf->pci.driver ? vf->pci.driver : "(none)", wanted);
}

int sriov_check(const struct cni_call *call, struct err *e)
{
	_cleanup_(sriov_job_done) struct sriov_job job = {};
	_cleanup_(sriov_vf_done) struct sriov_vf vf = {};
	const char *address;
	struct vf goal;
	int found;

	if (sriov_job_open(&job, call, e) < 0 || sriov_read_conf(&job, e) < 0 ||
	    ipam_check(&job.ipam, e) < 0)
		return -1;
	address = cni_call_iface(call) && cni_call_iface(call)->pci_id
			  ? cni_call_iface(call)->pci_id
			  : job.device_id;
	if (!address)
		return err_set(e, ERR_CONFIG, "deviceID: required, but missing");
	if (sriov_vf_open(&vf, &job, address, e) < 0)
		return -1;
	found = vf_record_read(VF_USED, address, &vf.record, e);
	if (found < 0)
		return -1;
	if (found == 0)
		return err_set(e, ERR_MISMATCH, "%s is not in use by anybody", address);
	if (check_record(&vf, e) < 0)
		return -1;
	goal = sriov_goal(&job.wish, &vf.record.was.attrs);
	if (sriov_compare(&vf, &goal, e) < 0 || check_driver(&vf, e) < 0)
		return -1;
	return pci_driver_is_userspace(vf.pci.driver) ? 0 : iface_check(call, true, e);
}

int sriov_status(const struct cni_call *call, struct err *e)
{
	_cleanup_(sriov_job_done) struct sriov_job job = {};
	struct cni_result r = {};

	if (sriov_job_open(&job, call, e) < 0 || sriov_read_conf(&job, e) < 0)
		return -1;
	if (ipam_foresee(&job.ipam, &r, e) < 0 ||
	    iface_check_mtu(job.conf->mtu, cni_result_has_ipv6(&r), e) < 0)
		return -1;
	return ipam_status(&job.ipam, e);
}
