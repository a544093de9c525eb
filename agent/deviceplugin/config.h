/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"

/**
 * The configuration of the device plugin: the `resourceList` of sriov-network-device-plugin, whose
 * files may be used as they are. What is in there and not supported is refused, by its key.
 */
#define DP_CONFIG "/etc/pcidp/config.json"
#define DP_PREFIX "intel.com"

/** A list of strings. */
struct dp_words {
	const char **word;
	size_t n;
};

/** Which devices: all lists that are not empty must have something that fits. */
struct dp_selector {
	struct dp_words vendors, devices, drivers, addresses, pf_names, root_devices, link_types;
	int64_t *acpi_indexes;
	size_t n_acpi_indexes;
	bool is_rdma;              ///< only devices with verbs, whose files the container gets
	bool need_vhost_net;       ///< the container gets /dev/vhost-net and /dev/net/tun
	struct json_t *refused[8]; ///< keys that are not supported
};

/** What GetPreferredAllocation answers. */
enum dp_prefer { DP_PREFER_NONE, DP_PREFER_SPREAD, DP_PREFER_PACK, DP_PREFER_NUMA };

/** What is said of one device, or of all ("*"). */
struct dp_extra {
	const char *address;
	struct conf_pair *pairs;
	size_t n_pairs;
};

struct dp_resource {
	const char *name, *prefix, *type, *prefer_name;
	bool exclude_topology;
	bool ignore_link;              ///< a PF without carrier is no reason to withdraw its VFs
	struct dp_selector *selectors; ///< in this order
	size_t n_selectors;
	struct dp_extra *extras;
	size_t n_extras;
	bool has_extras;
	enum dp_prefer prefer;
	bool is_accelerator;
	struct json_t *selectors_json, *extras_json;
};

struct dp_config {
	struct dp_resource *resources;
	size_t n_resources;
};

/**
 * Read the file at @path into the arena. Resources without a prefix get @prefix. @e names the file
 * and the key: "/etc/pcidp/config.json: resourceList[0].selectors.pfNames[1]: ...".
 */
int dp_config_read(struct dp_config *out, const char *path, const char *prefix, struct arena *arena,
		   struct err *e) _must_check_;

/** The keys as a Markdown table, for the documentation. */
void dp_config_markdown(void);

/** Whether the device with this number among its PF's VFs (-1: it is no VF) is meant by
 * "NAME#0-3,5", and NAME is @name. */
bool dp_word_selects(const char *word, const char *name, long number);
