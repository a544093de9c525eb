// SPDX-License-Identifier: Apache-2.0
/** Reading host-local's configuration and what was requested beside it. */
#include <string.h>

#include "cni/args.h"
#include "ipam/host_local.h"

#define DATA_DIR "/var/lib/cni/networks"

const struct conf_field host_local_fields[] = {
	conf_str(struct host_local_conf, type, "type", .required = true, .help = "\"host-local\""),
	conf_list(struct host_local_conf, ranges, n_ranges, "ranges", &range_set_elem,
		  .help = "range sets; each attachment gets one address of every set"),
	conf_prefix(struct host_local_conf, subnet.subnet, "subnet",
		    .help = "the older form: a set of one range before those of ranges"),
	conf_ip(struct host_local_conf, subnet.start, "rangeStart",
		.help = "belongs to subnet: first address to give"),
	conf_ip(struct host_local_conf, subnet.end, "rangeEnd",
		.help = "belongs to subnet: last address to give"),
	conf_ip(struct host_local_conf, subnet.gateway, "gateway",
		.help = "belongs to subnet: the gateway"),
	conf_list(struct host_local_conf, routes, n_routes, "routes", &cni_route_elem,
		  .help = "routes for the container"),
	conf_str(struct host_local_conf, data_dir, "dataDir", .str = DATA_DIR,
		 .help = "directory of the leases; one below it per network"),
	conf_str(struct host_local_conf, resolv_conf, "resolvConf",
		 .help = "file in the format of resolv.conf to report as dns"),
	conf_end,
};

/** capability ipRanges, wrapped so that a table can describe it. */
struct runtime_ranges {
	struct range_set *sets;
	size_t n;
};

static const struct conf_field runtime_fields[] = {
	conf_list(struct runtime_ranges, sets, n, "ipRanges", &range_set_elem),
	conf_end,
};

/** Append sets that stand in a list called @list; false when memory is short. */
static bool append_sets(struct host_local *hl, const struct range_set *sets, size_t n,
			const char *list)
{
	for (size_t i = 0; i < n; i++) {
		struct range_set *set = &hl->sets[hl->n_sets++];

		*set = sets[i];
		set->path = arena_printf(hl->call->arena, "%s[%zu]", list, i);
		if (!set->path)
			return false;
	}
	return true;
}

/** The sets of the runtime, of the older form, and of ranges, in this order. */
static int collect_sets(struct host_local *hl, struct err *e)
{
	const struct cni_call *call = hl->call;
	struct host_local_conf *conf = &hl->conf;
	struct runtime_ranges runtime = {};

	if (call->common->runtime.ip_ranges &&
	    cni_read_conf(call, &runtime, runtime_fields, conf_lookup(call->doc, "runtimeConfig"),
			  "runtimeConfig", true, e) < 0)
		return -1;
	hl->sets = arena_calloc(call->arena, runtime.n + 1 + conf->n_ranges, sizeof(*hl->sets));
	if (!hl->sets || !append_sets(hl, runtime.sets, runtime.n, "runtimeConfig.ipRanges"))
		return err_set(e, ERR_TRY_AGAIN, "ipam: out of memory");
	if (conf->subnet.subnet.ip.family)
		hl->sets[hl->n_sets++] = (struct range_set){
			.ranges = &conf->subnet, .n = 1, .path = "ipam", .single = true};
	if (!append_sets(hl, conf->ranges, conf->n_ranges, "ipam.ranges"))
		return err_set(e, ERR_TRY_AGAIN, "ipam: out of memory");
	return range_sets_check(hl->sets, hl->n_sets, e);
}

/** A configuration before 0.3.0 can report one address per family. */
static int check_count(const struct host_local *hl, struct err *e)
{
	int n[2] = {};

	// A runtime that gives ranges with each ADD gives none with STATUS.
	if (!hl->n_sets && hl->call->verb != CNI_STATUS)
		return err_set(e, ERR_CONFIG, "ipam.ranges: no IP ranges specified");
	for (size_t i = 0; i < hl->n_sets; i++)
		if (++n[hl->sets[i].ranges[0].start.family == AF_INET6] > 1 &&
		    hl->call->version < CNI_0_3_0)
			return err_set(
				e, ERR_CONFIG,
				"ipam.ranges[%zu]: CNI version %s does not support more than "
				"1 address per family",
				i, cni_version_text(hl->call->version));
	return 0;
}

/** Add one requested address, "10.1.0.5" or "10.1.0.5/16". */
static int want(struct host_local *hl, const char *text, const char *from, struct err *e)
{
	struct prefix p;
	const char *wrong = strchr(text, '/') ? prefix_parse(&p, text) : ip_parse(&p.ip, text);

	if (wrong)
		return err_set(e, ERR_CONFIG, "%s: \"%.64s\": %s", from, text, wrong);
	for (size_t i = 0; i < hl->n_wanted; i++)
		if (!ip_cmp(&hl->wanted[i].ip, &p.ip))
			return 0;
	hl->wanted = arena_grow(hl->call->arena, hl->wanted, hl->n_wanted, sizeof(*hl->wanted));
	if (!hl->wanted)
		return err_set(e, ERR_TRY_AGAIN, "%s: out of memory", from);
	hl->wanted[hl->n_wanted++] = (struct wanted_ip){p.ip, from};
	return 0;
}

static int want_list(struct host_local *hl, const char *const *list, size_t n, const char *from,
		     struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const char *at = arena_printf(hl->call->arena, "%s[%zu]", from, i);

		if (!at)
			return err_set(e, ERR_TRY_AGAIN, "%s: out of memory", from);
		if (want(hl, list[i], at, e) < 0)
			return -1;
	}
	return 0;
}

/** All three ways of asking for addresses count together, as in the original. */
static int collect_wanted(struct host_local *hl, struct err *e)
{
	const struct cni_common *c = hl->call->common;
	char *args, *rest;

	if (cni_args_get(hl->call, "IP", &args, e) < 0)
		return -1;
	for (char *one = args ? strtok_r(args, ",", &rest) : NULL; one;
	     one = strtok_r(NULL, ",", &rest))
		if (want(hl, one, "CNI_ARGS: IP", e) < 0)
			return -1;
	if (want_list(hl, c->args.cni.ips, c->args.cni.n_ips, "args.cni.ips", e) < 0)
		return -1;
	return want_list(hl, c->runtime.ips, c->runtime.n_ips, "runtimeConfig.ips", e);
}

int host_local_open(struct host_local *hl, const struct cni_call *call, struct json_t *ipam,
		    struct err *e)
{
	*hl = (struct host_local){.call = call};
	if (cni_read_conf(call, &hl->conf, host_local_fields, ipam, "ipam", false, e) < 0)
		return -1;
	if (!*hl->conf.data_dir)
		hl->conf.data_dir = DATA_DIR;
	// What takes leases away goes by who holds them, so a range that was changed since, or is
	// no longer right, must not stand in its way.
	if (call->verb == CNI_DEL || call->verb == CNI_GC)
		return 0;
	if (cni_routes_check(hl->conf.routes, hl->conf.n_routes, "ipam.routes", e) < 0 ||
	    collect_sets(hl, e) < 0 || check_count(hl, e) < 0)
		return -1;
	return collect_wanted(hl, e);
}
