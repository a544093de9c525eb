// SPDX-License-Identifier: Apache-2.0
/**
 * sriov - give a container a virtual function of an SR-IOV network card.
 *
 * Reads the configuration; add.c, release.c, del.c and check.c do the work.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "cni/plugin.h"
#include "sriov.h"

static const char *check_switch(const void *value)
{
	const char *text = *(const char *const *)value;

	return !strcmp(text, "on") || !strcmp(text, "off") ? NULL : "must be \"on\" or \"off\"";
}

static const char *check_link_state(const void *value)
{
	const char *text = *(const char *const *)value;

	return !strcmp(text, "auto") || !strcmp(text, "enable") || !strcmp(text, "disable")
		       ? NULL
		       : "must be \"auto\", \"enable\" or \"disable\"";
}

static const char *check_proto(const void *value)
{
	const char *text = *(const char *const *)value;

	return !strcasecmp(text, "802.1q") || !strcasecmp(text, "802.1ad")
		       ? NULL
		       : "must be \"802.1q\" or \"802.1ad\"";
}

static const char *check_address(const void *value)
{
	return pci_address_check(*(const char *const *)value);
}

static const char *check_driver(const void *value)
{
	return pci_driver_is_userspace(*(const char *const *)value)
		       ? NULL
		       : "must be a driver that hands devices to programs, such as \"vfio-pci\"";
}

enum { RATE_MAX = UINT32_MAX - 1 }; // SRIOV_RATE_STAYS is the last number

// clang-format off
#define ATTR_KEYS(at)                                                                              \
	conf_int(struct sriov_conf, at.vlan, "vlan", .num = -1, .max = 4094,                       \
		 .help = "VLAN that the card puts the VF into; 0: none; absent: as it is"),        \
	conf_int(struct sriov_conf, at.qos, "vlanQoS", .num = -1, .max = 7,                        \
		 .help = "priority of the VLAN"),                                                  \
	conf_str(struct sriov_conf, at.vlan_proto, "vlanProto", .check = check_proto,              \
		 .help = "\"802.1q\" (the default with vlan) or \"802.1ad\""),                     \
	conf_str(struct sriov_conf, at.spoofchk, "spoofchk", .check = check_switch,                \
		 .help = "\"on\": frames with another source address are dropped"),                \
	conf_str(struct sriov_conf, at.trust, "trust", .check = check_switch,                      \
		 .help = "\"on\": the container may change its address and be promiscuous"),       \
	conf_str(struct sriov_conf, at.link_state, "link_state", .check = check_link_state,        \
		 .help = "\"auto\": that of the card; \"enable\", \"disable\""),                   \
	conf_int(struct sriov_conf, at.min_rate, "min_tx_rate", .num = -1, .max = RATE_MAX,        \
		 .help = "Mbit/s that the VF is granted; 0: none"),                                \
	conf_int(struct sriov_conf, at.max_rate, "max_tx_rate", .num = -1, .max = RATE_MAX,        \
		 .help = "Mbit/s that the VF may send; 0: no limit")
// clang-format on

static const struct conf_field baseline_fields[] = {
	ATTR_KEYS(baseline),
	conf_end,
};

static const struct conf_field runtime_fields[] = {
	CNI_RUNTIME_KEYS,
	conf_str(struct sriov_conf, runtime_device_id, "deviceID", .check = check_address,
		 .help = "capability deviceID: the VF, if deviceID does not say"),
	conf_str(struct sriov_conf, device_info_file, "CNIDeviceInfoFile",
		 .help = "capability CNIDeviceInfoFile: where to describe the device"),
	conf_end,
};

static const struct conf_field fields[] = {
	CNI_BASE_KEYS,
	CNI_CONF_ARGS(cni_args_fields),
	CNI_CONF_RUNTIME(runtime_fields),
	conf_obj(struct cni_common, dns, "dns", cni_dns_fields,
		 .help = "name service to report instead of what IPAM says"),
	conf_str(struct sriov_conf, device_id, "deviceID", .check = check_address,
		 .help = "PCI address of the VF; Multus fills it in"),
	conf_str(struct sriov_conf, pci_bus_id, "pciBusID", .check = check_address),
	conf_mac(struct sriov_conf, attrs.mac, "mac",
		 .help = "MAC address of the VF, unless runtimeConfig or CNI_ARGS ask for one"),
	ATTR_KEYS(attrs),
	conf_int(struct sriov_conf, mtu, "mtu", .max = 65535,
		 .help = "MTU of the interface: 68 or more, with IPv6 1280; 0: as it is"),
	conf_str(struct sriov_conf, driver, "driver", .check = check_driver,
		 .help = "bind the VF to it while the container has it: \"vfio-pci\"; absent: as "
			 "it is"),
	{.kind = CONF_OBJ,
	 .key = "baseline",
	 .sub = baseline_fields,
	 .help = "what a VF shall be when no container has it; a key that is absent: as it was "
		 "found"},
	conf_json(struct sriov_conf, ipam, "ipam",
		  .help = "where addresses come from; absent: layer 2 only"),
	conf_end,
};

int sriov_job_open(struct sriov_job *job, const struct cni_call *call, struct err *e)
{
	const struct sriov_conf *conf = call->conf;

	*job = (struct sriov_job){
		.call = call,
		.conf = conf,
		.device_id = conf->device_id           ? conf->device_id
			     : conf->runtime_device_id ? conf->runtime_device_id
						       : conf->pci_bus_id,
		.home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC),
	};
	if (job->home < 0)
		return err_os(e, ERR_IO, errno, "open current network namespace");
	if (ipam_open(&job->ipam, call, conf->ipam, e) < 0 || boot_id(job->boot, e) < 0)
		return -1;
	job->nl = nl_open(NETLINK_ROUTE, e);
	return job->nl ? 0 : -1;
}

void sriov_job_done(struct sriov_job *job)
{
	if (!job->call)
		return;
	nl_closep(&job->nl);
	fd_closep(&job->home);
}

int main(int argc, char **argv)
{
	static const struct cni_plugin plugin = {
		.name = "sriov",
		.about = "give a container a virtual function of an SR-IOV network card",
		.fields = fields,
		.conf_size = sizeof(struct sriov_conf),
		.needs_netns = true,
		.add = sriov_add,
		.del = sriov_del,
		.check = sriov_check,
		.status = sriov_status,
		.gc = sriov_gc,
	};

	return cni_main(&plugin, argc, argv);
}
