// SPDX-License-Identifier: Apache-2.0
/**
 * static - addresses that the configuration or a request names one by one.
 *
 * The work is in lib/ipam, where other plugins call it without starting a process.
 */
#include "ipam/static.h"

#include "cni/args.h"
#include "cni/plugin.h"

struct conf {
	struct cni_common common;
	struct json_t *ipam;
};

static const struct conf_field fields[] = {
	CNI_COMMON_KEYS,
	conf_json(struct conf, ipam, "ipam", .required = true, .sub = static_fields,
		  .help = "the object this plugin reads"),
	conf_end,
};

static int open_conf(struct static_ipam *s, const struct cni_call *call, struct err *e)
{
	return static_open(s, call, ((const struct conf *)call->conf)->ipam, e);
}

static int add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	static const char *const known_args[] = {"IP", "GATEWAY", NULL};
	struct static_ipam s;

	if (cni_args_check(call, known_args, e) < 0 || open_conf(&s, call, e) < 0)
		return -1;
	return static_add(&s, result, e);
}

static int check(const struct cni_call *call, struct err *e)
{
	struct static_ipam s;

	return open_conf(&s, call, e) < 0 ? -1 : static_check(&s, e);
}

/** No address can run out here; but a configuration that no ADD would take is not ready. */
static int status(const struct cni_call *call, struct err *e)
{
	struct static_ipam s;

	return open_conf(&s, call, e);
}

int main(int argc, char **argv)
{
	static const struct cni_plugin plugin = {
		.name = "static",
		.about = "addresses that the configuration or a request names one by one",
		.fields = fields,
		.conf_size = sizeof(struct conf),
		.open = true,
		.add = add,
		.check = check,
		.status = status,
	};

	return cni_main(&plugin, argc, argv);
}
