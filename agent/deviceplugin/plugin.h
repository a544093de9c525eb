/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "deviceplugin/assigned.h"
#include "deviceplugin/inventory.h"
#include "deviceplugin/metrics.h"
#include "deviceplugin/repair.h"
#include "deviceplugin/watch.h"
#include "grpc/loop.h"
#include "node/boot.h"

/**
 * The daemon: what the node has, kept up to date by events, and a pool for each resource, which the
 * kubelet is told about.
 *
 *	event --> dp_changed() --> (a few ms later) --> look at everything --> tell each pool
 *
 * Every event leads to the same look at everything, so none has to be understood, and one that was
 * lost costs nothing but the next.
 */
struct dp_options {
	const char *config, *prefix;
	const char *kubelet; ///< its directory
	const char *sysfs;
	const char *devinfo; ///< where device-info files go
	const char *cdi;     ///< where CDI specifications go; NULL: none
	const char *metrics; ///< path of the socket; "": none
	const char *plugin;  ///< path of the CNI plugin sriov; "": VFs that are left stay so
};

struct dp {
	struct dp_options options;
	struct loop *loop;
	struct nl *nl;
	char boot[BOOT_ID];
	struct arena config_arena;
	struct dp_config config;
	bool config_changed;
	struct dp_inventory inventory;
	struct dp_pool **pools;
	size_t n_pools;
	struct dp_assigned assigned;
	struct dp_watch watch;
	struct dp_metrics metrics;
	struct dp_repair repair;
	struct loop_timer refresh;
	bool started; ///< pools serve
};

/** Read the configuration, look at the node, begin to serve; the loop does the rest. */
int dp_open(struct dp *dp, const struct dp_options *options, struct loop *l,
	    struct err *e) _must_check_;
void dp_close(struct dp *dp);

/** Something may be otherwise: look soon. */
void dp_changed(struct dp *dp);

/** Something could not be done, and nothing will tell when it can: look again in a while. */
void dp_retry(struct dp *dp);

/** So may the configuration. */
void dp_config_changed(struct dp *dp);

/** Tell the kubelet what is otherwise by now, without looking anew. */
void dp_publish(struct dp *dp);

/**
 * Why a device must not be given to anybody now: "" if it may, or if the kubelet itself has given
 * it to the container that has it (then nobody else will get it, and were it withdrawn the
 * scheduler would count it twice). @buf of DP_WHY bytes; returns it.
 */
enum { DP_WHY = 384 };
const char *dp_unhealthy(const struct dp *dp, const struct dp_device *d, char *buf);

/** Which pod has it as another resource than it is of now; "" if none. As dp_unhealthy(). */
const char *dp_elsewhere(const struct dp *dp, const struct dp_device *d, char *buf);
