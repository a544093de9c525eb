// SPDX-License-Identifier: Apache-2.0
/**
 * portmap - ports of the node that lead to the container.
 *
 * The configuration; plan.c makes mappings of it, verbs.c does the work, lib/node/portmap.c has the
 * rules.
 */
#include <string.h>

#include "cni/plugin.h"
#include "portmap.h"

enum { PORT_MAX = 65535, MARK_BIT_DEFAULT = 13, MARK_BIT_MAX = 31 };

static const char *check_backend(const void *value)
{
	const char *backend = *(const char *const *)value;

	if (!*backend || !strcmp(backend, "iptables") || !strcmp(backend, "nftables"))
		return NULL;
	return "must be \"iptables\" or \"nftables\"";
}

static const struct conf_field wish_fields[] = {
	conf_int(struct portmap_wish, host_port, "hostPort", .required = true, .min = 1,
		 .max = PORT_MAX, .help = "port of the node"),
	conf_int(struct portmap_wish, container_port, "containerPort", .required = true, .min = 1,
		 .max = PORT_MAX, .help = "port of the container"),
	conf_str(struct portmap_wish, protocol, "protocol", .str = "tcp",
		 .help = "tcp, udp or sctp, in any case"),
	conf_str(struct portmap_wish, host_ip, "hostIP", .str = "",
		 .help = "the one address of the node; unspecified (0.0.0.0) is any of its family"),
	conf_end,
};

static const struct conf_field wish = {.kind = CONF_OBJ, .sub = wish_fields};

static const struct conf_field runtime_fields[] = {
	conf_list(struct portmap_conf, runtime.wishes, runtime.n, "portMappings", &wish,
		  .help = "capability portMappings: the ports"),
	conf_end,
};

static const struct conf_field word = {.kind = CONF_STR};

static const struct conf_field fields[] = {
	CNI_BASE_KEYS,
	conf_bool(struct portmap_conf, snat, "snat", .num = true,
		  .help = "masquerade what comes from the container's subnet and from 127.0.0.1, "
			  "which cannot be answered otherwise"),
	conf_bool(struct portmap_conf, masq_all, "masqAll",
		  .help = "masquerade all that comes by a mapped port; needs `snat`"),
	conf_list(struct portmap_conf, conditions4, n_conditions4, "conditionsV4", &word,
		  .help = "further conditions of IPv4 mappings, in words of nft"),
	conf_list(struct portmap_conf, conditions6, n_conditions6, "conditionsV6", &word,
		  .help = "the same for IPv6"),
	conf_int(struct portmap_conf, mark_masq_bit, "markMasqBit", .num = MARK_BIT_DEFAULT,
		 .max = MARK_BIT_MAX,
		 .help = "accepted for compatibility; masquerading needs no mark"),
	conf_str(struct portmap_conf, external_set_mark_chain, "externalSetMarkChain",
		 .help = "accepted for compatibility; excludes `markMasqBit`"),
	conf_str(struct portmap_conf, backend, "backend", .str = "nftables", .check = check_backend,
		 .help = "accepted for compatibility; mapping is always done by nf_tables"),
	CNI_CONF_RUNTIME(runtime_fields),
	conf_end,
};

int main(int argc, char **argv)
{
	static const struct cni_plugin plugin = {
		.name = "portmap",
		.about = "lead ports of the node to the container",
		.fields = fields,
		.conf_size = sizeof(struct portmap_conf),
		.chained = true,
		.add = portmap_plugin_add,
		.del = portmap_plugin_del,
		.check = portmap_plugin_check,
		.status = portmap_plugin_status,
		.gc = portmap_plugin_gc,
		.resync = portmap_plugin_resync,
	};

	return cni_main(&plugin, argc, argv);
}
