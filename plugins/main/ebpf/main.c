// SPDX-License-Identifier: Apache-2.0
/**
 * ebpf - connect a container to the node by an eBPF data path, or put one onto what another plugin
 * made.
 *
 * Reads the configuration; add.c, chain.c, del.c and check.c do the work.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cni/ipmasq.h"
#include "cni/plugin.h"
#include "ebpf.h"

static const char *check_policy(const void *value)
{
	const char *policy = *(const char *const *)value;

	return !strcmp(policy, "off") || !strcmp(policy, "enforce")
		       ? NULL
		       : "must be \"off\" or \"enforce\"";
}

static const struct conf_field fields[] = {
	CNI_COMMON_KEYS,
	conf_bool(struct ebpf_conf, ip_masq, "ipMasq", .help = "masquerade what leaves the subnet"),
	conf_int(struct ebpf_conf, mtu, "mtu", .max = 65535,
		 .help = "MTU of both ends of the veth pair: 68 or more, with IPv6 1280; 0 is that "
			 "of the uplink"),
	conf_str(struct ebpf_conf, uplink, "uplink", .check = conf_ifname,
		 .help = "interface to the rest of the world; if absent those of the default "
			 "routes, if any"),
	conf_str(struct ebpf_conf, policy, "policy", .str = "off", .check = check_policy,
		 .help = "\"enforce\": until its policy is known the container talks with the node "
			 "alone; \"off\": it is open"),
	conf_json(struct ebpf_conf, ipam, "ipam",
		  .help = "where addresses come from; absent where ebpf follows another plugin"),
	conf_end,
};

int ebpf_job_open(struct ebpf_job *job, const struct cni_call *call, struct err *e)
{
	const struct ebpf_conf *conf = call->conf;

	*job = (struct ebpf_job){.call = call,
				 .conf = conf,
				 .chained =
					 call->verb == CNI_ADD ? call->prev != NULL : !conf->ipam,
				 .masq = {.kind = &masq_kind, .arena = call->arena},
				 .datapath = DATAPATH_CLOSED};
	if (!job->chained && ipam_open(&job->ipam, call, conf->ipam, e) < 0)
		return -1;
	job->nl = nl_open(NETLINK_ROUTE, e);
	return job->nl ? 0 : -1;
}

void ebpf_job_done(struct ebpf_job *job)
{
	if (job->call)
		datapath_close(&job->datapath);
	nl_closep(&job->nl);
	ruleset_done(&job->masq);
}

int ebpf_load(struct ebpf_job *job, struct err *e)
{
	static const char name[] = "edgeway-loader";
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(name));

	if (n < 0)
		return err_os(e, ERR_IO, errno, "find %s", name);
	path[n] = '\0';
	memcpy(strrchr(path, '/') + 1, name, sizeof(name));
	return datapath_open(&job->datapath, path, e);
}

int main(int argc, char **argv)
{
	static const struct cni_plugin plugin = {
		.name = "ebpf",
		.about = "connect a container to the node by an eBPF data path",
		.fields = fields,
		.conf_size = sizeof(struct ebpf_conf),
		.needs_netns = true,
		.add = ebpf_add,
		.del = ebpf_del,
		.check = ebpf_check,
		.status = ebpf_status,
		.gc = ebpf_gc,
		.resync = ipmasq_resync,
	};

	return cni_main(&plugin, argc, argv);
}
