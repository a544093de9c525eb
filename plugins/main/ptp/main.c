// SPDX-License-Identifier: Apache-2.0
/**
 * ptp - connect a container to the node alone: a veth pair with a route to each address.
 *
 * Reads the configuration; add.c, del.c and check.c do the work.
 */
#include "cni/ipmasq.h"
#include "cni/plugin.h"
#include "ptp.h"

static const struct conf_field fields[] = {
	CNI_COMMON_KEYS,
	conf_bool(struct ptp_conf, ip_masq, "ipMasq", .help = "masquerade what leaves the subnet"),
	conf_str(struct ptp_conf, ip_masq_backend, "ipMasqBackend", .check = ipmasq_check_backend,
		 .help = "accepted for compatibility; masquerading is always done by nf_tables"),
	conf_int(struct ptp_conf, mtu, "mtu", .max = 65535,
		 .help = "MTU of both ends of the veth pair: 68 or more, with IPv6 1280; 0 is the "
			 "kernel's default"),
	conf_json(struct ptp_conf, ipam, "ipam",
		  .help = "where addresses come from, each with a gateway; required"),
	conf_end,
};

int ptp_job_open(struct ptp_job *job, const struct cni_call *call, struct err *e)
{
	const struct ptp_conf *conf = call->conf;

	*job = (struct ptp_job){
		.call = call, .conf = conf, .masq = {.kind = &masq_kind, .arena = call->arena}};
	if (ipam_open(&job->ipam, call, conf->ipam, e) < 0)
		return -1;
	job->nl = nl_open(NETLINK_ROUTE, e);
	return job->nl ? 0 : -1;
}

void ptp_job_done(struct ptp_job *job)
{
	nl_closep(&job->nl);
	ruleset_done(&job->masq);
}

int main(int argc, char **argv)
{
	static const struct cni_plugin plugin = {
		.name = "ptp",
		.about = "connect a container to the node alone, by a veth pair and routes",
		.fields = fields,
		.conf_size = sizeof(struct ptp_conf),
		.needs_netns = true,
		.add = ptp_add,
		.del = ptp_del,
		.check = ptp_check,
		.status = ptp_status,
		.gc = ptp_gc,
		.resync = ipmasq_resync,
	};

	return cni_main(&plugin, argc, argv);
}
