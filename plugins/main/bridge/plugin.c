// SPDX-License-Identifier: Apache-2.0
/** What the plugin is: the keys of its configuration, which it reads here, and its verbs. */
#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "cni/args.h"
#include "cni/ipmasq.h"
#include "node/macspoof.h"

static const struct conf_field trunk_fields[] = {
	conf_int(struct vlan_range, id, "id", .min = 1, .max = 4094, .help = "one VLAN"),
	conf_int(struct vlan_range, min, "minID", .min = 1, .max = 4094,
		 .help = "first VLAN of a range"),
	conf_int(struct vlan_range, max, "maxID", .min = 1, .max = 4094,
		 .help = "last VLAN of a range"),
	conf_end,
};

static const struct conf_field trunk_elem = {.kind = CONF_OBJ, .sub = trunk_fields};

static const struct conf_field fields[] = {
	CNI_COMMON_KEYS,
	conf_str(struct bridge_conf, bridge, "bridge", .str = "cni0", .check = conf_ifname,
		 .help = "bridge to plug into; made if missing"),
	conf_bool(struct bridge_conf, is_gateway, "isGateway",
		  .help = "give the bridge the gateway's addresses and let the node forward"),
	conf_bool(struct bridge_conf, is_default_gateway, "isDefaultGateway",
		  .help = "isGateway, and make it the container's default route"),
	conf_bool(struct bridge_conf, force_address, "forceAddress",
		  .help = "replace another address on the bridge instead of refusing"),
	conf_bool(struct bridge_conf, ip_masq, "ipMasq",
		  .help = "masquerade what leaves the subnet"),
	conf_str(struct bridge_conf, ip_masq_backend, "ipMasqBackend",
		 .check = ipmasq_check_backend,
		 .help = "accepted for compatibility; masquerading is always done by nf_tables"),
	conf_int(struct bridge_conf, mtu, "mtu", .max = 65535,
		 .help = "MTU of both ends of the veth pair, and of the bridge when it is made: 68 "
			 "or more, with IPv6 1280; 0 is the kernel's default"),
	conf_bool(struct bridge_conf, hairpin, "hairpinMode",
		  .help = "let the container reach itself through the bridge"),
	conf_bool(struct bridge_conf, promisc, "promiscMode",
		  .help = "put the bridge into promiscuous mode; not together with hairpinMode"),
	conf_bool(struct bridge_conf, isolated, "portIsolation",
		  .help = "exchange nothing with other isolated ports of the bridge"),
	conf_bool(struct bridge_conf, dad, "enabledad",
		  .help = "detect duplicate IPv6 addresses, which takes seconds"),
	conf_bool(struct bridge_conf, container_down, "disableContainerInterface",
		  .help = "leave the container's end down; not together with ipam"),
	conf_int(struct bridge_conf, vlan, "vlan", .max = 4094,
		 .help = "VLAN of the container, whose own frames carry no tag; 0 is none"),
	conf_list(struct bridge_conf, trunk, n_trunk, "vlanTrunk", &trunk_elem,
		  .help = "VLANs whose frames carry their tags in the container; frames without a "
			  "tag belong to vlan, or to VLAN 1"),
	conf_bool(struct bridge_conf, preserve_default_vlan, "preserveDefaultVlan",
		  .help = "leave the port in the bridge's default VLAN too"),
	conf_bool(struct bridge_conf, macspoofchk, "macspoofchk",
		  .help = "let the container send under its own MAC address only"),
	conf_json(struct bridge_conf, ipam, "ipam",
		  .help = "where addresses come from; absent for layer 2 only"),
	conf_end,
};

int bridge_job_open(struct bridge_job *job, const struct cni_call *call, struct err *e)
{
	const struct bridge_conf *conf = call->conf;

	*job = (struct bridge_job){.call = call,
				   .conf = conf,
				   .masq = {.kind = &masq_kind, .arena = call->arena},
				   .macspoof = {.kind = &macspoof_kind, .arena = call->arena}};
	if (ipam_open(&job->ipam, call, conf->ipam, e) < 0)
		return -1;
	if (call->at.container)
		attachment_host_name(&call->at, job->host_name);
	job->nl = nl_open(NETLINK_ROUTE, e);
	return job->nl ? 0 : -1;
}

void bridge_job_done(struct bridge_job *job)
{
	nl_closep(&job->nl);
	ruleset_done(&job->masq);
	ruleset_done(&job->macspoof);
}

int bridge_resync(struct arena *arena, struct err *e)
{
	_cleanup_(ruleset_done) struct ruleset macspoof = {.kind = &macspoof_kind, .arena = arena};

	return ipmasq_resync(arena, e) < 0 || ruleset_resync(&macspoof, e) < 0 ? -1 : 0;
}

const struct cni_plugin bridge_plugin = {
	.name = "bridge",
	.about = "connect a container to a Linux bridge on the node",
	.fields = fields,
	.conf_size = sizeof(struct bridge_conf),
	.needs_netns = true,
	.add = bridge_add,
	.del = bridge_del,
	.check = bridge_check,
	.status = bridge_status,
	.gc = bridge_gc,
	.resync = bridge_resync,
};
