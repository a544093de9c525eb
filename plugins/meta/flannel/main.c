// SPDX-License-Identifier: Apache-2.0
/**
 * flannel - connect a container to this node's share of a flannel network, as K3s has it.
 *
 * Makes a configuration of what flannel's daemon has written down, and lets another plugin do the
 * work: bridge within this process, any other in one of its own.
 */
#include "flannel.h"
#include "main/bridge/bridge.h"

/** What only flannel may fill in. @value points at a member that is set. */
static const char *set_by_flannel(const void *value)
{
	(void)value;
	return "set by flannel: belongs beside delegate, not into it";
}

/** An empty path is no path, and with a file's name behind it another one. */
static const char *a_path(const void *value)
{
	return **(const char *const *)value ? NULL : "must be a path";
}

static const struct conf_field anything = {.kind = CONF_JSON};

static const struct conf_field delegate_fields[] = {
	conf_str(struct flannel_conf, delegate.type, "type", .str = "bridge",
		 .help = "the plugin that does the work; bridge runs within flannel, others are "
			 "looked up "
			 "in CNI_PATH"),
	conf_json(struct flannel_conf, delegate.name, "name", .check = set_by_flannel),
	conf_json(struct flannel_conf, delegate.ipam, "ipam", .check = set_by_flannel),
	conf_end,
};

static const struct conf_field ipam_fields[] = {
	conf_str(struct flannel_conf, ipam.type, "type", .str = "host-local",
		 .help = "the IPAM plugin; gets the node's subnets as ranges"),
	// NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers
	conf_list(struct flannel_conf, ipam.routes, ipam.n_routes, "routes", &anything,
		  .help = "routes for the container, before those to the networks of the cluster"),
	conf_end,
};

static const struct conf_field fields[] = {
	CNI_BASE_KEYS,
	{.kind = CONF_OBJ,
	 .key = "runtimeConfig",
	 .sub = cni_runtime_fields,
	 .open = true,
	 .help = "requests made by the runtime, per capability; passed on"},
	conf_str(struct flannel_conf, subnet_file, "subnetFile", .str = "/run/flannel/subnet.env",
		 .check = a_path,
		 .help = "what flannel's daemon writes: networks, the node's subnets, MTU"),
	conf_str(struct flannel_conf, data_dir, "dataDir", .str = "/var/lib/cni/flannel",
		 .check = a_path,
		 .help = "directory of the configurations that are saved for DEL, one per "
			 "container"),
	{.kind = CONF_OBJ,
	 .key = "delegate",
	 .sub = delegate_fields,
	 .open = true,
	 .help = "the delegate's own keys, such as bridge's; before what flannel sets"},
	{.kind = CONF_OBJ,
	 .key = "ipam",
	 .sub = ipam_fields,
	 .open = true,
	 .help = "keys for the delegate's ipam"},
	conf_end,
};

int flannel_delegate(struct nested *out, const struct cni_call *call, struct json_t *delegate,
		     struct err *e)
{
	return nested_open(out, call, delegate_type(delegate), &bridge_plugin, delegate, "delegate",
			   e);
}

int main(int argc, char **argv)
{
	static const struct cni_plugin plugin = {
		.name = "flannel",
		.about = "connect a container to this node's share of a flannel network",
		.fields = fields,
		.conf_size = sizeof(struct flannel_conf),
		.needs_netns = true,
		.add = flannel_add,
		.del = flannel_del,
		.check = flannel_check,
		.status = flannel_status,
		.gc = flannel_gc,
		.resync = bridge_resync,
	};

	return cni_main(&plugin, argc, argv);
}
