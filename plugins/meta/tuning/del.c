// SPDX-License-Identifier: Apache-2.0
/** DEL: put back what ADD found; GC: forget it. */
#include <errno.h>

#include "base/log.h"
#include "base/steps.h"
#include "tuning.h"

static int restore_sysctl(const struct tuning_job *job, const struct conf_pair *pair, struct err *e)
{
	_cleanup_(sysctl_close) struct sysctl s = {.fd = -1};
	char path[SYSCTL_PATH];
	const char *wrong = sysctl_path(pair->key, NULL, path);

	if (wrong) {
		log_warn("%s: \"%.128s\": %s", job->file.path, pair->key, wrong);
		return 0;
	}
	if (sysctl_open(&s, path, job->call->arena, e) < 0)
		return e->os == ENOENT ? 0 : -1; // it went with what it belonged to
	return sysctl_was(&s, pair->value) ? 0 : sysctl_write(&s, pair->value, e);
}

/**
 * A virtual interface goes in a moment, by the DEL of the plugin that made it. What its container
 * has done to it (an MTU below the one for IPv6 that is to come back) must not be in the way of
 * that. EINVAL is the kernel's word for it; after any other error a DEL again may succeed.
 */
static int excuse(const struct tuning_job *job, int rc, struct err *e)
{
	if (rc == 0 || !*job->link.kind || e->os != EINVAL)
		return rc;
	log_warn("restore %s: %s", job->call->at.ifname, e->msg);
	*e = (struct err){};
	return 0;
}

/** Where the interface is gone, nothing is left to do. */
static int restore(struct tuning_job *job, struct err *e)
{
	struct steps steps = {.first = e};
	struct err *err = &steps.err;

	if (tuning_enter(job, e) < 0)
		return e->os == ENODEV ? 0 : -1;
	step(&steps, excuse(job, tuning_set_link(job, &job->was, err), err));
	for (size_t i = 0; i < job->was.n_sysctls; i++)
		step(&steps, excuse(job, restore_sysctl(job, &job->was.sysctls[i], err), err));
	return steps.rc < 0 ? err_wrap(e, "restore %s", job->call->at.ifname) : 0;
}

int tuning_del(const struct cni_call *call, struct err *e)
{
	_cleanup_(tuning_job_done) struct tuning_job job = tuning_job(call);

	if (tuned_file_open(&job.file, call, tuning_dir(job.conf), e) < 0)
		return -1;
	if (!job.file.text)
		return 0;
	if (tuned_file_read(&job.file, &job.was, e) < 0) {
		if (e->code != ERR_DECODE)
			return -1;
		log_warn("nothing is restored: %s", e->msg);
	} else if (call->netns_fd >= 0 && restore(&job, e) < 0) {
		return -1;
	}
	return tuned_file_remove(&job.file, e);
}

int tuning_gc(const struct cni_call *call, struct err *e)
{
	return tuned_gc(call, tuning_dir(call->conf), e);
}
