// SPDX-License-Identifier: Apache-2.0
/** edgeway devices: the SR-IOV devices of the node, by the eyes of edgeway-deviceplugin. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/view.h"
#include "deviceplugin/inventory.h"
#include "node/boot.h"

static const struct view_column columns[] = {
	{"ADDRESS", "address", NULL, false},
	{"PF", "pf_interface", NULL, false},
	{"VF", "vf", NULL, false},
	{"DRIVER", "driver", NULL, false},
	{"INTERFACE", "interface", NULL, false},
	{"NUMA", "numa_node", NULL, false},
	{"RESOURCE", "resource", NULL, false},
	{"STATE", "state", NULL, false},
	{"WHY", "why", NULL, false},
	{NULL, NULL, NULL, false},
};

/** Where nothing is, there is null. */
static json_t *text(const char *value)
{
	return *value ? view_string(value) : json_null();
}

static json_t *number(long value)
{
	return value < 0 ? json_null() : json_integer(value);
}

/** The state that counts: what keeps everybody from using it, or else who has it. */
static const char *state(const struct dp_device *d)
{
	return *d->trouble ? "unusable" : vf_hold_name(d->hold.kind);
}

static void add(json_t *rows, const struct dp_device *d, const struct dp_config *config)
{
	const struct pci_vf *vf = &d->pci.vf;
	json_t *row = json_object();
	char resource[320] = "", id[8];

	if (d->resource >= 0 && config->resources)
		(void)snprintf(resource, sizeof(resource), "%s/%.60s",
			       config->resources[d->resource].prefix,
			       config->resources[d->resource].name);
	(void)snprintf(id, sizeof(id), "%04x", d->pci.vendor);
	json_object_set_new(row, "address", json_string(vf->address));
	json_object_set_new(row, "vendor", json_string(id));
	(void)snprintf(id, sizeof(id), "%04x", d->pci.device);
	json_object_set_new(row, "device", json_string(id));
	json_object_set_new(row, "pf", d->pci.is_vf ? json_string(vf->pf) : json_null());
	json_object_set_new(row, "pf_interface", text(vf->pf_netdev));
	json_object_set_new(row, "vf", d->pci.is_vf ? json_integer(vf->number) : json_null());
	json_object_set_new(row, "driver", text(vf->driver));
	json_object_set_new(row, "interface", text(vf->netdev));
	json_object_set_new(row, "representor", text(vf->representor));
	json_object_set_new(row, "rdma", text(d->pci.rdma));
	json_object_set_new(row, "numa_node", number(vf->numa_node));
	json_object_set_new(row, "iommu_group", number(vf->iommu_group));
	json_object_set_new(row, "resource", text(resource));
	json_object_set_new(row, "state", json_string(state(d)));
	json_object_set_new(row, "why", text(*d->trouble ? d->trouble : d->hold.why));
	json_object_set_new(row, "network", text(d->hold.network));
	json_object_set_new(row, "container", text(d->hold.container));
	json_object_set_new(row, "ifname", text(d->hold.ifname));
	json_array_append_new(rows, row);
}

/** Without a configuration at the usual place there are devices nevertheless. */
static int read_config(const struct cli_args *args, struct dp_config *config, struct arena *arena,
		       struct err *e)
{
	const char *given = args->value[OPTION_CONFIG];

	if (dp_config_read(config, given ? given : DP_CONFIG, DP_PREFIX, arena, e) == 0)
		return 0;
	if (given || e->os != ENOENT)
		return -1;
	*config = (struct dp_config){};
	return 0;
}

int run_devices(const struct cli_args *args, struct err *e)
{
	_cleanup_(dp_inventory_free) struct dp_inventory inventory = {};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	_cleanup_(arena_free) struct arena arena = {};
	json_auto_t *rows = json_array();
	struct dp_config config;
	char boot[BOOT_ID];

	if (read_config(args, &config, &arena, e) < 0 || boot_id(boot, e) < 0)
		return -1;
	nl = nl_open(NETLINK_ROUTE, e);
	if (!nl || dp_inventory_take(&inventory, &config, PCI_SYSFS, boot, nl, e) < 0)
		return -1;
	for (size_t i = 0; i < inventory.n; i++)
		add(rows, &inventory.devices[i], &config);
	view_rows(cli_has(args, OPTION_JSON), rows, columns);
	return CLI_DONE;
}
