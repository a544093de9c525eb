// SPDX-License-Identifier: Apache-2.0
/** What a call works with, and what is wanted, out of the configuration and all who may ask. */
#include <errno.h>
#include <string.h>

#include "cni/args.h"
#include "tuning.h"

/** Where the requests that win over the configuration's keys stand. */
static const char requested[] = "args.cni.sysctl", configured[] = "sysctl";

static struct tuning_sysctl *find(const struct tuning_job *job, const char *path)
{
	for (size_t i = 0; i < job->n_sysctls; i++)
		if (!strcmp(job->sysctls[i].path, path))
			return &job->sysctls[i];
	return NULL;
}

/** One setting more; a request takes the place of what is configured, however it is written. */
static int want_sysctl(struct tuning_job *job, const char *at, const struct conf_pair *pair,
		       struct err *e)
{
	struct tuning_sysctl *there;
	char path[SYSCTL_PATH];
	const char *wrong = sysctl_path(pair->key, job->call->at.ifname, path), *copy;

	if (wrong)
		return err_set(e, ERR_CONFIG, "%s.%.128s: %s", at, pair->key, wrong);
	copy = arena_strdup(job->call->arena, path);
	if (!copy)
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	there = find(job, path);
	if (there && there->at == at)
		return err_set(e, ERR_CONFIG, "%s.%.128s: the same setting as %.128s", at,
			       pair->key, there->key);
	if (!there)
		there = &job->sysctls[job->n_sysctls++];
	*there = (struct tuning_sysctl){at, pair->key, copy, pair->value, {.fd = -1}};
	return 0;
}

static int want_sysctls(struct tuning_job *job, struct err *e)
{
	const struct tuned *conf = &job->conf->wanted, *args = &job->conf->requested;

	job->sysctls = arena_calloc(job->call->arena, conf->n_sysctls + args->n_sysctls + 1,
				    sizeof(*job->sysctls));
	if (!job->sysctls)
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	for (size_t i = 0; i < conf->n_sysctls; i++)
		if (want_sysctl(job, configured, &conf->sysctls[i], e) < 0)
			return -1;
	for (size_t i = 0; i < args->n_sysctls; i++)
		if (want_sysctl(job, requested, &args->sysctls[i], e) < 0)
			return -1;
	return 0;
}

/** The most specific request for a MAC address, in the reference plugin's order. */
static int want_mac(struct tuning_job *job, struct err *e)
{
	static const char *const known[] = {"MAC", NULL};
	const struct tuning_conf *conf = job->conf;
	const char *wrong;
	struct mac mac;
	char *args;

	if (cni_args_check(job->call, known, e) < 0 || cni_args_get(job->call, "MAC", &args, e) < 0)
		return -1;
	wrong = args && *args ? mac_parse(&mac, args) : NULL;
	if (wrong)
		return err_set(e, ERR_ENV, "CNI_ARGS: MAC=%.32s: %s", args, wrong);
	if (conf->requested.mac && *conf->requested.mac)
		job->wanted.mac = conf->requested.mac;
	else if (conf->common.runtime.mac && *conf->common.runtime.mac)
		job->wanted.mac = conf->common.runtime.mac;
	else if (args && *args)
		job->wanted.mac = args;
	else
		job->wanted.mac = conf->wanted.mac;
	return 0;
}

int tuning_want(struct tuning_job *job, struct err *e)
{
	const struct tuned *conf = &job->conf->wanted, *args = &job->conf->requested;

	job->wanted = (struct tuned){
		.mtu = args->mtu >= 0 ? args->mtu : conf->mtu,
		.promisc = args->promisc >= 0 ? args->promisc : conf->promisc,
		.allmulti = args->allmulti >= 0 ? args->allmulti : conf->allmulti,
		.txqlen = args->txqlen >= 0 ? args->txqlen : conf->txqlen,
	};
	if (job->wanted.promisc == 0) // as the reference plugin has it: only ever switched on
		job->wanted.promisc = -1;
	return want_mac(job, e) < 0 ? -1 : want_sysctls(job, e);
}

int tuning_enter(struct tuning_job *job, struct err *e)
{
	if (netns_enter(&job->ns, job->call->netns_fd, e) < 0)
		return -1;
	job->nl = nl_open(NETLINK_ROUTE, e);
	return job->nl ? link_get(job->nl, job->call->at.ifname, &job->link, e) : -1;
}

int tuning_set_link(const struct tuning_job *job, const struct tuned *settings, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	tuned_put(&m, settings, job->link.index, job->call->at.ifname);
	return m.count ? nl_call(job->nl, &m, e) : 0;
}

void tuning_job_done(struct tuning_job *job)
{
	for (size_t i = 0; i < job->n_sysctls; i++)
		sysctl_close(&job->sysctls[i].open);
	sysctl_close(&job->notify);
	tuned_file_done(&job->file);
	nl_closep(&job->nl);
	netns_leave(&job->ns);
}
