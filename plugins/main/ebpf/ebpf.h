/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/undo.h"
#include "cni/call.h"
#include "ipam/ipam.h"
#include "netlink/link.h"
#include "netlink/route.h"
#include "node/datapath.h"
#include "node/masq.h"

/** The configuration of an eBPF network, or of what it adds to another plugin's. */
struct ebpf_conf {
	struct cni_common common;
	bool ip_masq;
	int64_t mtu;
	const char *uplink, *policy;
	struct json_t *ipam;
};

/** What one call works with. Opened once, closed by ebpf_job_done(). */
struct ebpf_job {
	const struct cni_call *call;
	const struct ebpf_conf *conf;
	bool chained;  ///< the interface is another plugin's
	struct nl *nl; ///< NETLINK_ROUTE, in the node's namespace
	struct ruleset masq;
	struct ipam ipam;
	struct datapath datapath; ///< closed, until the verb needs it

	struct link uplinks[ROUTE_DEFAULTS];
	size_t n_uplinks;
};

/** A pod as the programs know it. */
struct ebpf_pod {
	int index;      ///< of the node's end; 0 if there is none yet
	uint32_t flags; ///< enum endpoint_flags
	struct mac mac, node_mac;
	const struct ipaddr *ips; ///< arena memory
	size_t n_ips;
};

int ebpf_job_open(struct ebpf_job *job, const struct cni_call *call, struct err *e) _must_check_;
void ebpf_job_done(struct ebpf_job *job);

/** datapath_open() with the loader that is beside this plugin. */
int ebpf_load(struct ebpf_job *job, struct err *e) _must_check_;

/** The verbs. */
int ebpf_add(const struct cni_call *call, struct cni_result *result, struct err *e) _must_check_;
int ebpf_del(const struct cni_call *call, struct err *e) _must_check_;
int ebpf_check(const struct cni_call *call, struct err *e) _must_check_;
int ebpf_status(const struct cni_call *call, struct err *e) _must_check_;
int ebpf_gc(const struct cni_call *call, struct err *e) _must_check_;

/** What no ADD would accept, whatever the container. */
int ebpf_check_conf(const struct ebpf_job *job, struct err *e) _must_check_;

/**
 * Take IPAM's result, without its interfaces: each address on its own, with a gateway that is the
 * same everywhere. @subnets gets the addresses as IPAM gave them, for masquerading.
 */
int ebpf_take_addresses(const struct ebpf_job *job, struct cni_result *r,
			struct cni_result *subnets, struct err *e) _must_check_;

/** Chained (chain.c): attach what another plugin made; ADD's part, and whom CHECK looks at. */
int ebpf_chain_add(struct ebpf_job *job, struct err *e) _must_check_;
int ebpf_chain_find(const struct ebpf_job *job, struct ebpf_pod *pod, struct err *e) _must_check_;

/** Uplinks (uplink.c): find those of the configuration, or of the default routes. */
int ebpf_uplinks_find(struct ebpf_job *job, struct err *e) _must_check_;

/** The MTU of pods, by the configuration or the lowest of the uplinks; 0 = the kernel's default. */
uint32_t ebpf_mtu(const struct ebpf_job *job);

/** Attach the programs to them. Shared, so never undone. */
int ebpf_uplinks_attach(const struct ebpf_job *job, struct err *e) _must_check_;

/** Entries (entries.c). The flags of a pod of this configuration until its policy is known. */
uint32_t ebpf_flags(const struct ebpf_job *job);

/** The addresses of @r that are the container's go to @pod. */
int ebpf_pod_addresses(const struct ebpf_job *job, const struct cni_result *r, struct ebpf_pod *pod,
		       struct err *e) _must_check_;

/** ERR_EXISTS if an address is that of another pod, by an interface that is there. */
int ebpf_refuse_taken(const struct ebpf_job *job, const struct ebpf_pod *pod,
		      struct err *e) _must_check_;

/**
 * Attach the programs to the node's end and make them know it; the steps that take it back are in
 * @undo. Until its addresses are there too, nothing passes.
 */
int ebpf_attach(struct ebpf_job *job, const struct ebpf_pod *pod, struct undo *undo,
		struct err *e) _must_check_;

/** After ebpf_attach(), whose undoing takes these back as well. */
int ebpf_put_endpoints(const struct ebpf_job *job, const struct ebpf_pod *pod,
		       struct err *e) _must_check_;

/** ERR_MISMATCH unless programs and entries are those of ADD. */
int ebpf_check_entries(const struct ebpf_job *job, const struct ebpf_pod *pod,
		       struct err *e) _must_check_;

/** Call @fn for each interface that the programs know, in no order. */
typedef int ebpf_interface_fn(int index, const struct interface *is, void *ctx, struct err *e);
int ebpf_interfaces_each(const struct ebpf_job *job, ebpf_interface_fn *fn, void *ctx,
			 struct err *e) _must_check_;
