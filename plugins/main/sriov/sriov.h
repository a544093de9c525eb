/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/undo.h"
#include "cni/call.h"
#include "ipam/ipam.h"
#include "netlink/link.h"
#include "node/vf_record.h"

/** Attributes as the configuration has them: NULL or -1 leaves one alone. */
struct sriov_attrs {
	const char *mac, *vlan_proto, *spoofchk, *trust, *link_state;
	int64_t vlan, qos, min_rate, max_rate;
};

struct sriov_conf {
	struct cni_common common;
	const char *device_id, *pci_bus_id, *runtime_device_id, *device_info_file;
	struct sriov_attrs attrs, baseline;
	const char *driver;
	int64_t mtu;
	struct json_t *ipam;
};

/** What one call works with. Opened once, closed by sriov_job_done(). */
struct sriov_job {
	const struct cni_call *call;
	const struct sriov_conf *conf;
	const char *device_id; ///< NULL = the configuration names none
	struct nl *nl;         ///< NETLINK_ROUTE, in the node's namespace
	int home;              ///< descriptor of the node's namespace
	char boot[BOOT_ID];
	struct ipam ipam;
	struct vf wish;     ///< what the configuration asks for
	struct vf baseline; ///< what it says that "clean" is
};

/** A rate that stays as it is. */
enum { SRIOV_RATE_STAYS = UINT32_MAX };

/** What a container can set, and what stays set when its interface leaves it. */
enum { SRIOV_FLAGS = IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP };

int sriov_job_open(struct sriov_job *job, const struct cni_call *call, struct err *e) _must_check_;
void sriov_job_done(struct sriov_job *job);

/** The verbs. */
int sriov_add(const struct cni_call *call, struct cni_result *result, struct err *e) _must_check_;
int sriov_del(const struct cni_call *call, struct err *e) _must_check_;
int sriov_check(const struct cni_call *call, struct err *e) _must_check_;
int sriov_status(const struct cni_call *call, struct err *e) _must_check_;
int sriov_gc(const struct cni_call *call, struct err *e) _must_check_;

/** What no ADD would accept, whatever the container and the device (conf.c). */
int sriov_read_conf(struct sriov_job *job, struct err *e) _must_check_;

/** @wish, where it leaves half of something open, with what is there @now. */
struct vf sriov_goal(const struct vf *wish, const struct vf *now);

/** One VF, locked (device.c). */
struct sriov_vf {
	const struct sriov_job *job;
	struct pci_vf pci;
	int pf; ///< index of pci.pf_netdev
	int lock;
	struct vf_record record;
};

int sriov_vf_open(struct sriov_vf *vf, const struct sriov_job *job, const char *address,
		  struct err *e) _must_check_;
void sriov_vf_done(struct sriov_vf *vf);

/** Its interface, if it is on the node: index 0 if not. */
int sriov_vf_link(const struct sriov_vf *vf, struct link *out, struct err *e) _must_check_;

/** What it is like now; address, MTU and name only if its interface is on the node. */
int sriov_vf_look(const struct sriov_vf *vf, struct vf_state *out, struct err *e) _must_check_;

/** Its interface in the namespace the caller is in, by its PCI address; index 0 if it is not there.
 */
int sriov_vf_inside(const struct sriov_vf *vf, struct nl *nl, struct link *out,
		    struct err *e) _must_check_;

/** Apply attributes through the PF, all in one message; the error names the one that was refused.
 */
int sriov_set_attrs(const struct sriov_vf *vf, const struct vf *goal, struct err *e) _must_check_;

/**
 * Give its interface @link, on the node, an address from its own side, as the container could, if
 * need be after lifting an earlier order of the PF's. Zero, or no interface: nothing to do.
 *
 * Drivers differ: igbvf takes no address once the PF has ordered one, not even that one; ixgbevf
 * only that one; iavf takes it over by itself, a little later. So this comes before the PF's
 * attributes, and what is still missing after them is insisted upon.
 */
void sriov_try_address(const struct sriov_vf *vf, const struct link *link,
		       const struct mac *address);

/** All of that: the address, and on the PF's side the attributes @goal. */
int sriov_set(const struct sriov_vf *vf, const struct link *link, const struct mac *address,
	      const struct vf *goal, struct err *e) _must_check_;

/**
 * Bring the VF back from the namespace @netns, if it is there (-1: none), and make it as @to has
 * it. Each step is tried; the record is removed if all have succeeded.
 */
int sriov_release(struct sriov_vf *vf, int netns, const struct vf_state *to,
		  struct err *e) _must_check_;

/** For CHECK: how the VF differs from @goal, all of it; ERR_MISMATCH. */
int sriov_compare(const struct sriov_vf *vf, const struct vf *goal, struct err *e) _must_check_;
