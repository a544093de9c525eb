// SPDX-License-Identifier: Apache-2.0
/**
 * host-local - addresses from pools of this node.
 *
 * The work is in lib/ipam, where other plugins call it without starting a process.
 */
#include "ipam/host_local.h"

#include "cni/args.h"
#include "cni/plugin.h"

struct conf {
	struct cni_common common;
	struct json_t *ipam;
};

static const struct conf_field fields[] = {
	CNI_COMMON_KEYS,
	conf_json(struct conf, ipam, "ipam", .required = true, .sub = host_local_fields,
		  .help = "the object this plugin reads"),
	conf_end,
};

static int open_conf(struct host_local *hl, const struct cni_call *call, struct err *e)
{
	return host_local_open(hl, call, ((const struct conf *)call->conf)->ipam, e);
}

static int add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	static const char *const known_args[] = {"IP", NULL};
	struct host_local hl;

	if (cni_args_check(call, known_args, e) < 0 || open_conf(&hl, call, e) < 0)
		return -1;
	return host_local_add(&hl, result, e);
}

static int del(const struct cni_call *call, struct err *e)
{
	struct host_local hl;

	return open_conf(&hl, call, e) < 0 ? -1 : host_local_del(&hl, e);
}

static int check(const struct cni_call *call, struct err *e)
{
	struct host_local hl;

	return open_conf(&hl, call, e) < 0 ? -1 : host_local_check(&hl, e);
}

static int status(const struct cni_call *call, struct err *e)
{
	struct host_local hl;

	return open_conf(&hl, call, e) < 0 ? -1 : host_local_status(&hl, e);
}

static int gc(const struct cni_call *call, struct err *e)
{
	struct host_local hl;

	return open_conf(&hl, call, e) < 0 ? -1 : host_local_gc(&hl, e);
}

int main(int argc, char **argv)
{
	static const struct cni_plugin plugin = {
		.name = "host-local",
		.about = "addresses from pools of this node",
		.fields = fields,
		.conf_size = sizeof(struct conf),
		.open = true,
		.add = add,
		.del = del,
		.check = check,
		.status = status,
		.gc = gc,
	};

	return cni_main(&plugin, argc, argv);
}
