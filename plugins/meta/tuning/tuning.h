/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/tuned.h"
#include "node/netns.h"

/** The configuration. */
struct tuning_conf {
	struct cni_common common;
	struct tuned wanted;    ///< the keys of the plugin
	struct tuned requested; ///< the same below args.cni
	const char *data_dir;
};

#define TUNING_DIR "/run/cni/tuning"

/** Where the files are; "" is the same as absent, as the reference plugin has it. */
static inline const char *tuning_dir(const struct tuning_conf *conf)
{
	return *conf->data_dir ? conf->data_dir : TUNING_DIR;
}

/** A setting of the namespace. */
struct tuning_sysctl {
	const char *at, *key; ///< where the configuration has it, and what it calls it
	const char *path;     ///< below /proc/sys
	const char *value;    ///< wanted
	struct sysctl open;
};

/** What one call works with; closed by tuning_job_done(). */
struct tuning_job {
	const struct cni_call *call;
	const struct tuning_conf *conf;
	struct tuned wanted; ///< of the interface, whoever asked for it; without sysctls
	struct tuned was;    ///< what the interface has of it; with the sysctls that are its own
	struct tuning_sysctl *sysctls;
	size_t n_sysctls;
	struct sysctl notify; ///< announces a new MAC address; open if there is who should hear it
	struct tuned_file file;
	struct netns ns; ///< the container's, once entered
	struct nl *nl;   ///< NETLINK_ROUTE in it
	struct link link;
};

static inline struct tuning_job tuning_job(const struct cni_call *call)
{
	return (struct tuning_job){
		.call = call, .conf = call->conf, .notify = {.fd = -1}, .ns = {.home = -1}};
}
void tuning_job_done(struct tuning_job *job);

/** Put together what is wanted, and check it. */
int tuning_want(struct tuning_job *job, struct err *e) _must_check_;

/** Refuse what the administrator's list of allowed settings, if there is one, does not have. */
int tuning_check_allowed(const struct tuning_job *job, struct err *e) _must_check_;

/** Enter the container's namespace and find its interface; e->os is ENODEV if it is not there. */
int tuning_enter(struct tuning_job *job, struct err *e) _must_check_;

/** Give it these settings, without sysctls. On failure some may have been granted. */
int tuning_set_link(const struct tuning_job *job, const struct tuned *settings,
		    struct err *e) _must_check_;

/** The verbs. */
int tuning_add(const struct cni_call *call, struct cni_result *result, struct err *e) _must_check_;
int tuning_del(const struct cni_call *call, struct err *e) _must_check_;
int tuning_check(const struct cni_call *call, struct err *e) _must_check_;
int tuning_status(const struct cni_call *call, struct err *e) _must_check_;
int tuning_gc(const struct cni_call *call, struct err *e) _must_check_;
