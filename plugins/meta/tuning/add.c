// SPDX-License-Identifier: Apache-2.0
/** ADD: remember what there is, then change it; on failure put everything back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/undo.h"
#include "cni/iface.h"
#include "tuning.h"

/** Below this there is no IPv6: the kernel takes the addresses away, and nobody brings them back.
 */
enum { LEAST_FOR_IPV6 = 1280 };

static int keep_ipv6(const struct tuning_job *job, struct err *e)
{
	const struct cni_result *prev = job->call->prev;
	char text[PREFIX_TEXT];

	for (size_t i = 0;
	     job->wanted.mtu > 0 && job->wanted.mtu < LEAST_FOR_IPV6 && i < prev->n_ips; i++)
		if (prev->ips[i].address.ip.family == AF_INET6 &&
		    iface_owns(job->call, &prev->ips[i]))
			return err_set(e, ERR_CONFIG,
				       "%s: %lld: must be %d or more: %s would lose its IPv6 "
				       "address %s",
				       job->conf->requested.mtu >= 0 ? "args.cni.mtu" : "mtu",
				       (long long)job->wanted.mtu, LEAST_FOR_IPV6,
				       job->call->at.ifname,
				       prefix_format(&prev->ips[i].address, text));
	return 0;
}

/** Whether a setting goes with the interface; others are the namespace's. */
static bool is_own(const struct tuning_job *job, const char *path)
{
	char name[IFNAMSIZ + 2];

	(void)snprintf(name, sizeof(name), "/%s/", job->call->at.ifname);
	return strstr(path, name);
}

/**
 * Whoever knows the IPv6 addresses already, as the node does behind bridge, knows them by the old
 * MAC address, and would send there for some 8 s. ndisc_notify makes the kernel announce the new
 * one. For IPv4 arp_notify does, which the plugins that give addresses leave set.
 */
static void look_at_notify(struct tuning_job *job)
{
	struct tuned *was = &job->was;
	struct err e = {};
	char key[IFNAMSIZ + 64];
	const char *path;

	if (!job->wanted.mac || !*job->wanted.mac || !cni_result_has_ipv6(job->call->prev))
		return;
	(void)snprintf(key, sizeof(key), "net/ipv6/conf/%s/ndisc_notify", job->call->at.ifname);
	path = arena_strdup(job->call->arena, key);
	if (!path || sysctl_open(&job->notify, path, job->call->arena, &e) < 0)
		return; // without IPv6 nobody is to be told
	was->sysctls[was->n_sysctls++] = (struct conf_pair){path, job->notify.was};
}

/** Open every setting, so that one which is not there is found before anything has changed. */
static int look(struct tuning_job *job, struct err *e)
{
	struct tuned *was = &job->was;

	if (tuned_now(was, &job->wanted, &job->link, job->call->arena, e) < 0)
		return -1;
	// Room for ndisc_notify too.
	was->sysctls = arena_calloc(job->call->arena, job->n_sysctls + 1, sizeof(*was->sysctls));
	if (!was->sysctls)
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	for (size_t i = 0; i < job->n_sysctls; i++) {
		struct tuning_sysctl *s = &job->sysctls[i];

		if (sysctl_open(&s->open, s->path, job->call->arena, e) < 0)
			return err_wrap(e, "%s.%.128s", s->at, s->key);
		if (is_own(job, s->path))
			was->sysctls[was->n_sysctls++] = (struct conf_pair){s->path, s->open.was};
	}
	look_at_notify(job);
	return 0;
}

/** For DEL. What it does not put back needs no file. */
static int remember(struct tuning_job *job, struct undo *undo, struct err *e)
{
	const struct tuned *was = &job->was;

	if (!was->mac && was->mtu < 0 && was->promisc < 0 && was->allmulti < 0 && was->txqlen < 0 &&
	    !was->n_sysctls)
		return 0;
	if (tuned_file_open(&job->file, job->call, tuning_dir(job->conf), e) < 0 ||
	    tuned_file_write(&job->file, was, e) < 0)
		return -1;
	return undo_push(undo, tuned_file_undo, &job->file, 0, e);
}

static int undo_link(void *ctx, int unused, struct err *e)
{
	const struct tuning_job *job = ctx;

	(void)unused;
	return tuning_set_link(job, &job->was, e);
}

static int undo_sysctl(void *ctx, int unused, struct err *e)
{
	const struct sysctl *s = ctx;

	(void)unused;
	return sysctl_write(s, s->was, e);
}

/** Change the link, its MAC address so that the neighbours hear of it. That they do is a courtesy.
 */
static int change_link(const struct tuning_job *job, struct err *e)
{
	const struct sysctl *notify = &job->notify;
	bool silent = notify->fd >= 0 && !sysctl_was(notify, "1");
	struct err ignored = {};
	int rc;

	if (silent && sysctl_write(notify, "1", &ignored) < 0)
		log_info("%s", ignored.msg);
	rc = tuning_set_link(job, &job->wanted, e);
	if (silent && sysctl_write(notify, notify->was, &ignored) < 0)
		log_info("%s", ignored.msg);
	return rc;
}

/**
 * Each is remembered before it is tried: of several requests some may be granted. The MTU comes
 * before the settings, since the kernel makes it that of IPv6 too.
 */
static int change(struct tuning_job *job, struct undo *undo, struct err *e)
{
	if (undo_push(undo, undo_link, job, 0, e) < 0 || change_link(job, e) < 0)
		return -1;
	for (size_t i = 0; i < job->n_sysctls; i++) {
		struct tuning_sysctl *s = &job->sysctls[i];

		if (sysctl_was(&s->open, s->value))
			continue;
		if (undo_push(undo, undo_sysctl, &s->open, 0, e) < 0)
			return -1;
		if (sysctl_write(&s->open, s->value, e) < 0)
			return err_wrap(e, "%s.%.128s", s->at, s->key);
	}
	return 0;
}

/** What came before, with what is different now. */
static int report(const struct tuning_job *job, struct cni_result *result, struct err *e)
{
	struct arena *arena = job->call->arena;
	struct cni_iface *ifaces = arena_array(arena, result->n_ifaces, sizeof(*ifaces));
	struct mac mac;
	char text[MAC_TEXT];

	if (!ifaces)
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	for (size_t i = 0; i < result->n_ifaces; i++) {
		ifaces[i] = result->ifaces[i];
		if (&result->ifaces[i] != cni_call_iface(job->call))
			continue;
		if (job->wanted.mtu > 0)
			ifaces[i].mtu = job->wanted.mtu;
		if (!job->wanted.mac || mac_parse(&mac, job->wanted.mac))
			continue;
		ifaces[i].mac = arena_strdup(arena, mac_format(&mac, text));
		if (!ifaces[i].mac)
			return err_set(e, ERR_TRY_AGAIN, "out of memory");
	}
	result->ifaces = ifaces;
	return 0;
}

int tuning_add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	_cleanup_(tuning_job_done) struct tuning_job job = tuning_job(call);
	_cleanup_(undo_rollback) struct undo undo = {.arena = call->arena};

	if (tuning_want(&job, e) < 0 || tuning_check_allowed(&job, e) < 0 || keep_ipv6(&job, e) < 0)
		return -1;
	if (tuning_enter(&job, e) < 0)
		return e->os == ENODEV ? err_hint(e, "list tuning after the plugin that makes it")
				       : -1;
	if (look(&job, e) < 0 || report(&job, result, e) < 0 || remember(&job, &undo, e) < 0 ||
	    change(&job, &undo, e) < 0)
		return -1;
	undo_commit(&undo);
	return 0;
}
