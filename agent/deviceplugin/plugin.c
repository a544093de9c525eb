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

const char *dp_unhealthy(const struct dp *dp, const struct dp_device *d, char *buf)
{
	bool given = dp_assigned_find(&dp->assigned, d->pci.vf.address);
	const char *why = d->hold.why;

	if ((d->hold.kind == VF_HELD || d->hold.kind == VF_AWAY) && given)
		why = "";
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
		(void)dp_watch_dir(&dp->watch, DP_WATCH_NETNS, dirname(dir));
	}
}

static int look(struct dp *dp, struct err *e)
{
	struct dp_inventory inventory;

	if (dp_inventory_take(&inventory, &dp->config, dp->options.sysfs, dp->boot, dp->nl, e) < 0)
		return -1;
	dp_inventory_free(&dp->inventory);
	dp->inventory = inventory;
	watch_holders(dp);
	return 0;
}

/** The pool of a resource, taken out of @old; NULL if it is new. */
static struct dp_pool *take_pool(struct dp_pool **old, size_t n, const struct dp_resource *r)
{
	char name[DP_WHY];

	(void)snprintf(name, sizeof(name), "%s/%s", r->prefix, r->name);
	for (size_t i = 0; i < n; i++)
		if (old[i] && !strcmp(old[i]->name, name))
			return TAKE_PTR(old[i]);
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

	if (dp_config_read(&config, dp->options.config, dp->options.prefix, &arena, e) < 0)
		return -1;
	// What is known of devices speaks of the old resources.
	dp_inventory_free(&dp->inventory);
	if (make_pools(dp, &config, e) < 0)
		return -1;
	arena_free(&dp->config_arena);
	dp->config_arena = TAKE(arena, (struct arena){});
	dp->config = config;
	return 0;
}

/** Somebody may have removed the directory, and with it the watch. */
static int watch_records(struct dp *dp, struct err *e)
{
	if (dir_make(VF_RECORD_DIR, 0700) < 0 ||
	    dp_watch_dir(&dp->watch, DP_WATCH_RECORDS, VF_RECORD_DIR) < 0)
		return err_os(e, ERR_IO, errno, "watch %s", VF_RECORD_DIR);
	return 0;
}

static void look_again(struct dp *dp, int64_t ms)
{
	struct err e;

	if (loop_timer_set(dp->loop, &dp->refresh, ms, &e) < 0)
		log_warn("%s", e.msg);
}

static void refresh(void *ctx)
{
	struct dp *dp = ctx;
	struct err e = {};

	if (dp->config_changed) {
		dp->config_changed = false;
		if (read_config(dp, &e) < 0)
			log_warn("the configuration stays what it was: %s", e.msg);
	}
	if (watch_records(dp, &e) < 0)
		log_warn("%s", e.msg);
	if (look(dp, &e) < 0) {
		log_warn("%s", e.msg);
		look_again(dp, RETRY_MS);
		return;
	}
	if (dp_inventory_is_deaf(&dp->inventory))
		look_again(dp, DEAF_MS);
	dp_kubelet_look(dp);
	dp_publish(dp);
	dp_repair_look(&dp->repair);
}

void dp_changed(struct dp *dp)
{
	if (!dp->refresh.place || dp->refresh.due > loop_now() + SETTLE_MS)
		look_again(dp, SETTLE_MS);
}

void dp_config_changed(struct dp *dp)
{
	dp->config_changed = true;
	dp_changed(dp);
}

/** Watched before it is read: so nothing happens in between unnoticed. */
static int watch_all(struct dp *dp, struct err *e)
{
	char dir[PATH_MAX];

	if (dp_watch_open(&dp->watch, dp, e) < 0)
		return -1;
	(void)snprintf(dir, sizeof(dir), "%s", dp->options.config);
	if (dp_watch_dir(&dp->watch, DP_WATCH_CONFIG, dirname(dir)) < 0)
		return err_os(e, ERR_IO, errno, "--config-file: watch the directory of %s",
			      dp->options.config);
	if (watch_records(dp, e) < 0)
		return -1;
	if (dir_make(dp->options.kubelet, 0755) < 0 ||
	    dp_watch_dir(&dp->watch, DP_WATCH_KUBELET, dp->options.kubelet) < 0)
		return err_os(e, ERR_IO, errno, "--kubelet-dir: watch %s", dp->options.kubelet);
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
		look_again(dp, DEAF_MS);
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
