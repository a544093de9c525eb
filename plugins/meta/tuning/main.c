// SPDX-License-Identifier: Apache-2.0
/**
 * tuning - change settings of an interface that another plugin made, and of its namespace.
 *
 * The table of keys; job.c puts together what is wanted, add.c, del.c and check.c do the work.
 */
#include "cni/plugin.h"
#include "tuning.h"

static const struct conf_field args_cni_fields[] = {
	TUNED_KEYS(struct tuning_conf, requested),
	conf_end,
};

static const struct conf_field args_fields[] = {
	{.kind = CONF_OBJ,
	 .key = "cni",
	 .sub = args_cni_fields,
	 .open = true,
	 .help = "conventional requests (CNI conventions, \"args\"); they win over the keys"},
	conf_end,
};

static const struct conf_field runtime_fields[] = {
	conf_mac(struct tuning_conf, common.runtime.mac, "mac",
		 .help = "capability mac: MAC address of the interface"),
	conf_end,
};

static const char *is_absolute(const void *value)
{
	const char *dir = *(const char *const *)value;

	return !*dir || *dir == '/' ? NULL : "must be an absolute path";
}

static const struct conf_field fields[] = {
	CNI_BASE_KEYS,
	TUNED_KEYS(struct tuning_conf, wanted),
	conf_str(struct tuning_conf, data_dir, "dataDir", .str = TUNING_DIR, .check = is_absolute,
		 .help = "where is remembered what DEL puts back"),
	CNI_CONF_ARGS(args_fields),
	CNI_CONF_RUNTIME(runtime_fields),
	conf_end,
};

int main(int argc, char **argv)
{
	static const struct cni_plugin plugin = {
		.name = "tuning",
		.about = "change settings of a container's interface and of its namespace",
		.fields = fields,
		.conf_size = sizeof(struct tuning_conf),
		.needs_netns = true,
		.chained = true,
		.add = tuning_add,
		.del = tuning_del,
		.check = tuning_check,
		.status = tuning_status,
		.gc = tuning_gc,
	};

	return cni_main(&plugin, argc, argv);
}
