// SPDX-License-Identifier: Apache-2.0
#include "ipam/ipam.h"

#include <string.h>

#include "cni/delegate.h"

/** Just enough to know whom to ask. */
struct ipam_conf {
	const char *type;
};

static const struct conf_field ipam_fields[] = {
	conf_str(struct ipam_conf, type, "type"),
	conf_end,
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
	out->kind = strcmp(conf.type, "host-local") ? IPAM_DELEGATE : IPAM_HOST_LOCAL;
	if (out->kind == IPAM_DELEGATE)
		return 0;
	return host_local_open(&out->host_local, call, json, e);
}

static int undo_ipam(void *ctx, int arg, struct err *e)
{
	(void)arg;
	return ipam_del(ctx, e);
}

int ipam_add(struct ipam *ipam, struct cni_result *result, struct undo *undo, struct err *e)
{
	int rc = 0;

	if (ipam->kind == IPAM_NONE)
		return 0;
	if (ipam->kind == IPAM_HOST_LOCAL)
		rc = host_local_add(&ipam->host_local, result, e);
	else
		rc = delegate_run(ipam->call, ipam->type, CNI_ADD, result, e);
	if (rc < 0)
		return err_wrap(e, "ipam");
	return undo_push(undo, undo_ipam, ipam, 0, e);
}

/** The verbs without a result: host-local's function, or the delegate. */
static int run(const struct ipam *ipam, enum cni_verb verb,
	       int (*local)(const struct host_local *, struct err *), struct err *e)
{
	int rc = 0;

	if (ipam->kind == IPAM_HOST_LOCAL)
		rc = local(&ipam->host_local, e);
	else if (ipam->kind == IPAM_DELEGATE)
		rc = delegate_run(ipam->call, ipam->type, verb, NULL, e);
	return rc < 0 ? err_wrap(e, "ipam") : 0;
}

int ipam_del(const struct ipam *ipam, struct err *e)
{
	return run(ipam, CNI_DEL, host_local_del, e);
}

int ipam_check(const struct ipam *ipam, struct err *e)
{
	return run(ipam, CNI_CHECK, host_local_check, e);
}

int ipam_status(const struct ipam *ipam, struct err *e)
{
	return run(ipam, CNI_STATUS, host_local_status, e);
}

int ipam_gc(const struct ipam *ipam, struct err *e)
{
	return run(ipam, CNI_GC, host_local_gc, e);
}
