// SPDX-License-Identifier: Apache-2.0
#include "deviceplugin/plugin.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "deviceplugin/describe.h"
#include "deviceplugin/kubelet.h"

/** Between an event and the look at everything: a card makes its VFs within some such time. */
enum { SETTLE_MS = 5, RETRY_MS = 1000, DEAF_MS = 5000 };

static const char *resource_name(const struct dp *dp, const struct dp_device *d, char *buf)
{
	const struct dp_resource *r = d->resource < 0 ? NULL : &dp->config.resources[d->resource];

	(void)snprintf(buf, DP_RESOURCE, "%s/%s", r ? r->prefix : "", r ? r->name : "");
	return buf;
}

const char *dp_elsewhere(const struct dp *dp, const struct dp_device *d, char *buf)
{
	const struct dp_assignment *one;
	char name[DP_RESOURCE];

	one = d->resource < 0 ? NULL
			      : dp_assigned_otherwise(&dp->assigned, d->pci.vf.address,
						      resource_name(dp, d, name));
	buf[0] = '\0';
	if (one)
		(void)snprintf(buf, DP_WHY, "in use as %.120s by %s%s%.180s", one->resource,
			       *one->pod ? one->namespace_name : "a pod", *one->pod ? "/" : "",
			       one->pod);
	return buf;
}

const char *dp_unhealthy(const struct dp *dp, const struct dp_device *d, char *buf)
{
	const char *why = d->hold.why;
	char name[DP_RESOURCE];

	if ((d->hold.kind == VF_HELD || d->hold.kind == VF_AWAY) &&
	    dp_assigned_as(&dp->assigned, d->pci.vf.address, resource_name(dp, d, name)))
		why = "";
	if (!*dp_elsewhere(dp, d, buf) || *d->trouble)
		(void)snprintf(buf, DP_WHY, "%s", *d->trouble ? d->trouble : why);
	return buf;
}

void dp_publish(struct dp *dp)
{
	for (size_t i = 0; i < dp->n_pools && dp->started; i++) {
		dp_pool_publish(dp->pools[i]);
		dp_write_cdi(dp->pools[i]);
	}
}

/** Containers whose namespaces go away let go of their VFs. */
static void watch_holders(struct dp *dp)
{
	for (size_t i = 0; i < dp->inventory.n; i++) {
		const struct vf_hold *hold = &dp->inventory.devices[i].hold;
		char dir[sizeof(hold->netns)];

		// A process's end is told by nobody, and the watch would stay.
		if (hold->kind != VF_HELD || !strncmp(hold->netns, "/proc/", 6))
			continue;
		memcpy(dir, hold->netns, sizeof(dir));
		if (dp_watch_dir(&dp->watch, DP_WATCH_NETNS, dirname(dir)) < 0 && errno != ENOENT)
			log_warn("watch %s: %s", dir, strerror(errno));
	}
}

static int take_inventory(struct dp *dp, const struct dp_config *config,
			  struct dp_inventory *inventory, struct err *e)
{
	return dp_inventory_take(inventory, config, dp->options.sysfs, dp->boot, dp->nl, e);
}

static int look(struct dp *dp, struct err *e)
{
	struct dp_inventory inventory;

	if (take_inventory(dp, &dp->config, &inventory, e) < 0)
		return -1;
	dp_inventory_free(&dp->inventory);
	dp->inventory = inventory;
	watch_holders(dp);
	return 0;
}

/**
 * The pool of a resource, taken out of @old; NULL if it is new. So is one whose options are: the
 * kubelet is told these when it meets a plugin.
 */
static struct dp_pool *take_pool(struct dp_pool **old, size_t n, const struct dp_resource *r)
{
	for (size_t i = 0; i < n; i++) {
		const struct dp_resource *was = old[i] ? dp_pool_resource(old[i]) : NULL;

		if (was && !strcmp(was->prefix, r->prefix) && !strcmp(was->name, r->name) &&
		    (was->prefer == DP_PREFER_NONE) == (r->prefer == DP_PREFER_NONE))
			return TAKE_PTR(old[i]);
	}
	return NULL;
}

static void close_pools(struct dp_pool **pools, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (pools[i])
			dp_remove_cdi(pools[i]);
		dp_pool_closep(&pools[i]);
	}
	free(pools);
}

/** A pool for each resource; those that were there before stay, with whoever watches them. */
static int make_pools(struct dp *dp, const struct dp_config *config, struct err *e)
{
	struct dp_pool **pools = calloc(config->n_resources + 1, sizeof(*pools));
	struct dp_pool **old = dp->pools;
	size_t n_old = dp->n_pools, n = 0;

	if (!pools)
		return err_set(e, ERR_TRY_AGAIN, "make resources: out of memory");
	for (size_t i = 0; i < config->n_resources; i++) {
		struct dp_pool *pool = take_pool(old, n_old, &config->resources[i]);

		if (!pool && dp_pool_open(&pool, dp, &config->resources[i], e) < 0) {
			log_warn("%s", e->msg); // the others go on
			continue;
		}
		pool->index = i;
		pools[n++] = pool;
	}
	dp->pools = pools;
	dp->n_pools = n;
	close_pools(old, n_old);
	return 0;
}

static int read_config(struct dp *dp, struct err *e)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct dp_config config;
	struct dp_inventory inventory;

	if (dp_config_read(&config, dp->options.config, dp->options.prefix, &arena, e) < 0)
		return -1;
	// What is known of devices speaks of the old resources: both change, or neither.
	if (take_inventory(dp, &config, &inventory, e) < 0) {
		dp->config_changed = true;
		dp_retry(dp);
		return -1;
	}
	if (make_pools(dp, &config, e) < 0) {
		dp_inventory_free(&inventory);
		return -1;
	}
	dp_inventory_free(&dp->inventory);
	dp->inventory = inventory;
	arena_free(&dp->config_arena);
	dp->config_arena = TAKE(arena, (struct arena){});
	dp->config = config;
	return 0;
}

/** Not later than in @ms. */
static void look_again(struct dp *dp, int64_t ms)
{
	struct err e;

	if (dp->refresh.place && dp->refresh.due <= loop_now() + ms)
		return;
	if (loop_timer_set(dp->loop, &dp->refresh, ms, &e) < 0)
		log_warn("%s", e.msg);
}

/** Watched before it is read: so nothing happens in between unnoticed. */
static int watch_config(struct dp *dp, struct err *e)
{
	char dir[PATH_MAX];
	int rc;

	(void)snprintf(dir, sizeof(dir), "%s", dp->options.config);
	rc = dp_watch_dir(&dp->watch, DP_WATCH_CONFIG, dirname(dir));
	if (rc < 0)
		return err_os(e, ERR_IO, errno, "--config-file: watch the directory of %s",
			      dp->options.config);
	dp->config_changed |= rc > 0;
	return 0;
}

static int watch_records(struct dp *dp, struct err *e)
{
	if (dir_make(VF_RECORD_DIR, 0700) < 0 ||
	    dp_watch_dir(&dp->watch, DP_WATCH_RECORDS, VF_RECORD_DIR) < 0)
		return err_os(e, ERR_IO, errno, "watch %s", VF_RECORD_DIR);
	return 0;
}

static int watch_kubelet(struct dp *dp, struct err *e)
{
	if (dir_make(dp->options.kubelet, 0755) < 0 ||
	    dp_watch_dir(&dp->watch, DP_WATCH_KUBELET, dp->options.kubelet) < 0)
		return err_os(e, ERR_IO, errno, "--kubelet-dir: watch %s", dp->options.kubelet);
	return 0;
}

static int (*const watches[])(struct dp *, struct err *) = {watch_config, watch_records,
							    watch_kubelet};

/** Somebody may have removed the directories, and with them the watches. */
static void watch_again(struct dp *dp)
{
	struct err e = {};

	for (size_t i = 0; i < ARRAY_SIZE(watches); i++)
		if (watches[i](dp, &e) < 0) {
			log_warn("%s", e.msg);
			dp_retry(dp);
		}
}

static void refresh(void *ctx)
{
	struct dp *dp = ctx;
	struct err e = {};

	watch_again(dp);
	if (dp->config_changed) {
		dp->config_changed = false;
		if (read_config(dp, &e) < 0)
			log_warn("the configuration stays what it was: %s", e.msg);
	}
	if (look(dp, &e) < 0) {
		log_warn("%s", e.msg);
		look_again(dp, RETRY_MS);
		return;
	}
	if (dp_inventory_is_deaf(&dp->inventory))
		dp_retry(dp);
	dp_kubelet_look(dp);
	dp_publish(dp);
	dp_repair_look(&dp->repair);
}

void dp_changed(struct dp *dp)
{
	look_again(dp, SETTLE_MS);
}

void dp_retry(struct dp *dp)
{
	look_again(dp, DEAF_MS);
}

void dp_config_changed(struct dp *dp)
{
	dp->config_changed = true;
	dp_changed(dp);
}

static int watch_all(struct dp *dp, struct err *e)
{
	if (dp_watch_open(&dp->watch, dp, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(watches); i++)
		if (watches[i](dp, e) < 0)
			return -1;
	dp->config_changed = false; // it is about to be read
	return 0;
}

int dp_open(struct dp *dp, const struct dp_options *options, struct loop *l, struct err *e)
{
	*dp = (struct dp){.options = *options, .loop = l};
	dp->refresh = (struct loop_timer){.fn = refresh, .ctx = dp};
	dp_assigned_open(&dp->assigned, dp);
	dp_repair_open(&dp->repair, dp);
	dp->nl = nl_open(NETLINK_ROUTE, e);
	if (!dp->nl || boot_id(dp->boot, e) < 0 || watch_all(dp, e) < 0 || read_config(dp, e) < 0 ||
	    look(dp, e) < 0 || dp_metrics_open(&dp->metrics, dp, options->metrics, e) < 0)
		return -1;
	dp->started = true;
	dp_publish(dp); // what containers are referred to is there before anybody can ask
	dp_kubelet_look(dp);
	dp_assigned_ask(&dp->assigned);
	dp_repair_look(&dp->repair);
	if (dp_inventory_is_deaf(&dp->inventory))
		dp_retry(dp);
	return 0;
}

void dp_close(struct dp *dp)
{
	dp->started = false;
	dp_metrics_close(&dp->metrics);
	loop_timer_stop(dp->loop, &dp->refresh);
	dp_assigned_free(&dp->assigned);
	dp_repair_close(&dp->repair);
	for (size_t i = 0; i < dp->n_pools; i++)
		dp_pool_closep(&dp->pools[i]);
	freep(&dp->pools);
	dp_watch_close(&dp->watch);
	dp_inventory_free(&dp->inventory);
	arena_free(&dp->config_arena);
	nl_closep(&dp->nl);
}
