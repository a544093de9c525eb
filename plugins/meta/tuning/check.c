// SPDX-License-Identifier: Apache-2.0
/** CHECK: name everything that is not as wanted; STATUS: whether an ADD would be accepted. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tuning.h"

/** What was found, in one line. */
struct differences {
	char text[448];
	size_t len;
};

static void _printf_(2, 3) note(struct differences *d, const char *fmt, ...)
{
	size_t size = sizeof(d->text), before = d->len;
	va_list ap;
	int n;

	if (before)
		d->len += (size_t)snprintf(d->text + d->len, size - d->len, "; ");
	va_start(ap, fmt);
	n = vsnprintf(d->text + d->len, size - d->len, fmt, ap);
	va_end(ap);
	d->len += n > 0 ? (size_t)n : 0;
	if (d->len >= size - sizeof("; "))
		d->len = size - sizeof("; "); // room to go on; what does not fit is lost
}

static const char *flag_text(int64_t flag)
{
	return flag ? "true" : "false";
}

static void compare_flag(struct differences *d, const char *key, int64_t now, int64_t wanted)
{
	if (now != wanted)
		note(d, "%s is %s, not %s", key, flag_text(now), flag_text(wanted));
}

static void compare_number(struct differences *d, const char *key, int64_t now, int64_t wanted)
{
	if (now != wanted)
		note(d, "%s is %lld, not %lld", key, (long long)now, (long long)wanted);
}

static void compare_link(const struct tuning_job *job, struct differences *d)
{
	const struct tuned *now = &job->was, *wanted = &job->wanted;
	char text[MAC_TEXT];
	struct mac mac;

	if (wanted->mac && !mac_parse(&mac, wanted->mac) &&
	    memcmp(&mac, &job->link.mac, sizeof(mac)) != 0)
		note(d, "mac is %s, not %s", mac_format(&job->link.mac, text), wanted->mac);
	if (wanted->mtu > 0)
		compare_number(d, "mtu", now->mtu, wanted->mtu);
	compare_flag(d, "promisc", now->promisc, wanted->promisc);
	compare_flag(d, "allmulti", now->allmulti, wanted->allmulti);
	compare_number(d, "txQLen", now->txqlen, wanted->txqlen);
}

static int compare_sysctl(const struct tuning_job *job, struct tuning_sysctl *s,
			  struct differences *d, struct err *e)
{
	if (sysctl_open(&s->open, s->path, job->call->arena, e) < 0) {
		if (e->os != ENOENT)
			return -1;
		note(d, "%s is not there", s->path);
	} else if (!sysctl_was(&s->open, s->value)) {
		note(d, "%s is %.64s, not %.64s", s->path, s->open.was, s->value);
	}
	return 0;
}

int tuning_check(const struct cni_call *call, struct err *e)
{
	_cleanup_(tuning_job_done) struct tuning_job job = tuning_job(call);
	struct differences d = {};

	if (tuning_want(&job, e) < 0)
		return -1;
	if (tuning_enter(&job, e) < 0)
		return e->os == ENODEV ? err_set(e, ERR_MISMATCH, "interface %s is missing",
						 call->at.ifname)
				       : -1;
	if (tuned_now(&job.was, &job.wanted, &job.link, call->arena, e) < 0)
		return -1;
	compare_link(&job, &d);
	for (size_t i = 0; i < job.n_sysctls; i++)
		if (compare_sysctl(&job, &job.sysctls[i], &d, e) < 0)
			return -1;
	return d.len ? err_set(e, ERR_MISMATCH, "%s: %s", call->at.ifname, d.text) : 0;
}

int tuning_status(const struct cni_call *call, struct err *e)
{
	_cleanup_(tuning_job_done) struct tuning_job job = tuning_job(call);

	return tuning_want(&job, e) < 0 ? -1 : tuning_check_allowed(&job, e);
}
