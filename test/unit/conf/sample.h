/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <string.h>

#include "../test.h"
#include "conf/conf.h"

/** A configuration with a key of every kind, as the tests of conf/conf.c read it. */
struct range {
	struct prefix subnet;
	struct ipaddr gateway;
};

struct range_set {
	struct range *ranges;
	size_t n;
};

/** As containerd writes them: the fields of a Go struct without JSON names. */
struct port_mapping {
	int64_t host_port, container_port;
	const char *protocol;
	struct ipaddr host_ip;
};

struct sample {
	const char *bridge;
	int64_t mtu, vlan, count;
	bool gateway, dad;
	const char *mac;
	struct ipaddr ip;
	struct prefix subnet;
	struct json_t *any;
	struct {
		const char *type;
		struct range_set *sets;
		size_t n_sets;
	} ipam;
	struct port_mapping *ports;
	size_t n_ports;
	const char **names;
	size_t n_names;
	int64_t flag;
	struct conf_pair *pairs;
	size_t n_pairs;
};

static const struct conf_field range_fields[] = {
	conf_prefix(struct range, subnet, "subnet", .required = true),
	conf_ip(struct range, gateway, "gateway"),
	conf_end,
};
static const struct conf_field a_range = {.kind = CONF_OBJ, .sub = range_fields};
static const struct conf_field a_set = conf_list(struct range_set, ranges, n, NULL, &a_range);
static const struct conf_field a_name = {.kind = CONF_STR};

static const struct conf_field port_fields[] = {
	conf_int(struct port_mapping, host_port, "hostPort", .min = 1, .max = 65535),
	conf_int(struct port_mapping, container_port, "containerPort", .min = 1, .max = 65535,
		 .required = true),
	conf_str(struct port_mapping, protocol, "protocol", .str = "tcp"),
	conf_ip(struct port_mapping, host_ip, "hostIP"),
	conf_end,
};
static const struct conf_field a_port = {.kind = CONF_OBJ, .sub = port_fields};

/** Offsets are those of struct sample: the objects need no struct type of their own. */
static const struct conf_field ipam_fields[] = {
	conf_str(struct sample, ipam.type, "type"),
	conf_list(struct sample, ipam.sets, ipam.n_sets, "ranges", &a_set),
	conf_end,
};

static const char *no_cats(const void *value)
{
	const char *name = *(const char *const *)value;

	return name && strstr(name, "cat") ? "cats are not allowed" : NULL;
}

static const struct conf_field fields[] = {
	conf_str(struct sample, bridge, "bridge", .str = "cni0", .check = conf_ifname),
	conf_int(struct sample, mtu, "mtu", .num = 1500, .min = 68, .max = 65535),
	conf_int(struct sample, vlan, "vlan", .min = -1, .num = -1),
	conf_int(struct sample, count, "count"),
	conf_bool(struct sample, gateway, "isGateway"),
	conf_bool(struct sample, dad, "enabledad", .num = 1),
	conf_mac(struct sample, mac, "mac", .check = no_cats),
	conf_ip(struct sample, ip, "ip"),
	conf_prefix(struct sample, subnet, "subnet"),
	conf_json(struct sample, any, "any"),
	{.kind = CONF_OBJ, .key = "ipam", .sub = ipam_fields},
	{.kind = CONF_OBJ, .key = "args", .open = true},
	conf_list(struct sample, ports, n_ports, "portMappings", &a_port),
	conf_list(struct sample, names, n_names, "names", &a_name),
	conf_flag(struct sample, flag, "flag"),
	conf_map(struct sample, pairs, n_pairs, "pairs"),
	conf_end,
};

/** A document and what became of it; everything lives until done(). */
struct reading {
	json_t *doc;
	struct arena arena;
	struct conf_report report;
	struct sample s;
	struct err e;
	int rc;
};

static void done(struct reading *r)
{
	json_decref(r->doc);
	arena_free(&r->arena);
}

static void read_into(struct reading *r, const char *text)
{
	r->doc = json_loads(text, JSON_DECODE_ANY, NULL);
	if (!r->doc)
		fail_msg("not JSON: %s", text);
	r->rc = conf_read(&r->s, fields, r->doc, "", &r->report, &r->arena, &r->e);
}
