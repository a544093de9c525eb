// SPDX-License-Identifier: Apache-2.0
#include "ipam/ipam.h"

#include <string.h>

#include "base/log.h"
#include "cni/delegate.h"

/** Just enough to know whom to ask. */
struct ipam_conf {
	const char *type;
};

static const struct conf_field ipam_fields[] = {
	conf_str(struct ipam_conf, type, "type"),
	conf_end,
};

static int run_delegate(const struct ipam *ipam, enum cni_verb verb, struct cni_result *result,
			struct err *e)
{
	return delegate_run(ipam->call, ipam->type, verb, result, e);
}

static int open_host_local(struct ipam *ipam, struct json_t *json, struct err *e)
{
	return host_local_open(&ipam->host_local, ipam->call, json, e);
}

static int run_host_local(const struct ipam *ipam, enum cni_verb verb, struct cni_result *result,
			  struct err *e)
{
	switch (verb) {
	case CNI_ADD:
		return host_local_add(&ipam->host_local, result, e);
	case CNI_DEL:
		return host_local_del(&ipam->host_local, e);
	case CNI_CHECK:
		return host_local_check(&ipam->host_local, e);
	case CNI_STATUS:
		return host_local_status(&ipam->host_local, e);
	case CNI_GC:
		return host_local_gc(&ipam->host_local, e);
	default:
		return 0;
	}
}

static int open_static(struct ipam *ipam, struct json_t *json, struct err *e)
{
	return static_open(&ipam->fixed, ipam->call, json, e);
}

/** The verbs that are missing need nothing but an opened configuration. */
static int run_static(const struct ipam *ipam, enum cni_verb verb, struct cni_result *result,
		      struct err *e)
{
	switch (verb) {
	case CNI_ADD:
		return static_add(&ipam->fixed, result, e);
	case CNI_CHECK:
		return static_check(&ipam->fixed, e);
	default:
		return 0;
	}
}

/** Plugins that need no process of their own. */
static const struct {
	enum ipam_kind kind;
	const char *type;
	int (*open)(struct ipam *ipam, struct json_t *json, struct err *e);
	ipam_run_fn *run;
} local[] = {
	{IPAM_HOST_LOCAL, "host-local", open_host_local, run_host_local},
	{IPAM_STATIC, "static", open_static, run_static},
};

int ipam_open(struct ipam *out, const struct cni_call *call, struct json_t *json, struct err *e)
{
	struct ipam_conf conf = {};

	*out = (struct ipam){.kind = IPAM_NONE, .call = call};
	if (!json || (call->verb == CNI_DEL && conf_lookup(json, "type") == NULL))
		return 0; // for a DEL no sense in it is as good as nothing
	if (cni_read_conf(call, &conf, ipam_fields, json, "ipam", true, e) < 0)
		return -1;
	if (!conf.type || !*conf.type)
		return 0;
	out->type = conf.type;
	for (size_t i = 0; i < ARRAY_SIZE(local); i++) {
		if (strcmp(conf.type, local[i].type) != 0)
			continue;
		out->kind = local[i].kind;
		out->run = local[i].run;
		return local[i].open(out, json, e);
	}
	out->kind = IPAM_DELEGATE;
	out->run = run_delegate;
	// Before anything is made; but what takes away goes as far as it can.
	if (call->verb != CNI_DEL && call->verb != CNI_GC && delegate_check(call, conf.type, e) < 0)
		return err_wrap(e, "ipam.type");
	return 0;
}

static int run(const struct ipam *ipam, enum cni_verb verb, struct cni_result *result,
	       struct err *e)
{
	if (ipam->kind == IPAM_NONE || ipam->run(ipam, verb, result, e) == 0)
		return 0;
	return err_wrap(e, "ipam");
}

static int undo_ipam(void *ctx, int arg, struct err *e)
{
	const struct ipam *ipam = ctx;

	(void)arg;
	if (!ipam->undo->stuck)
		return ipam_del(ipam, e);
	// What is left of the attachment may still use them: nobody else gets them before DEL.
	log_warn("rollback: ipam is left to DEL");
	return 0;
}

bool ipam_gives_ipv6(const struct ipam *ipam)
{
	const struct host_local *hl = &ipam->host_local;
	struct cni_result r = {};
	struct err ignored;

	for (size_t i = 0; ipam->kind == IPAM_HOST_LOCAL && i < hl->n_sets; i++)
		if (hl->sets[i].ranges[0].subnet.ip.family == AF_INET6)
			return true;
	return ipam_foresee(ipam, &r, &ignored) == 0 && cni_result_has_ipv6(&r);
}

int ipam_foresee(const struct ipam *ipam, struct cni_result *result, struct err *e)
{
	return ipam->kind == IPAM_STATIC ? run(ipam, CNI_ADD, result, e) : 0;
}

static int refuse_none(const struct ipam *ipam, struct err *e)
{
	if (ipam->kind == IPAM_STATIC)
		return err_set(e, ERR_CONFIG, "ipam.addresses: required, but missing");
	return err_set(e, ERR_DELEGATE, "ipam: %s: IPAM plugin returned missing IP config",
		       ipam->type);
}

int ipam_add(struct ipam *ipam, struct cni_result *result, struct undo *undo, struct err *e)
{
	if (ipam->kind == IPAM_NONE)
		return 0;
	ipam->undo = undo;
	if (run(ipam, CNI_ADD, result, e) < 0 || undo_push(undo, undo_ipam, ipam, 0, e) < 0)
		return -1;
	return result->n_ips ? 0 : refuse_none(ipam, e);
}

int ipam_del(const struct ipam *ipam, struct err *e)
{
	return run(ipam, CNI_DEL, NULL, e);
}

int ipam_check(const struct ipam *ipam, struct err *e)
{
	return run(ipam, CNI_CHECK, NULL, e);
}

int ipam_status(const struct ipam *ipam, struct err *e)
{
	return run(ipam, CNI_STATUS, NULL, e);
}

int ipam_gc(const struct ipam *ipam, struct err *e)
{
	return run(ipam, CNI_GC, NULL, e);
}
