// SPDX-License-Identifier: Apache-2.0
#include "deviceplugin/kubelet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/log.h"

enum {
	REGISTER_MS = 15000, ///< the kubelet gives up its call to us after 10 s
	PAUSE_MIN_MS = 50,   ///< before Register is tried again; doubled each time
	PAUSE_MAX_MS = 5000,
};

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

void dp_kubelet_options(const struct dp_pool *pool, Deviceplugin__Options *out)
{
	deviceplugin__options__init(out);
	out->get_preferred_allocation_available = dp_pool_resource(pool)->prefer != DP_PREFER_NONE;
}

static void enroll(struct dp_pool *pool);

/** Again later; a kubelet that starts makes its socket anew, which is then told by inotify. */
static void postpone(struct dp_pool *pool)
{
	struct dp_registration *r = &pool->registration;
	struct err e;

	r->pause = r->pause * 2 < PAUSE_MIN_MS   ? PAUSE_MIN_MS
		   : r->pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS
						 : r->pause * 2;
	if (loop_timer_set(pool->dp->loop, &r->retry, r->pause, &e) < 0)
		log_warn("%s: %s", pool->name, e.msg);
}

static void on_retry(void *ctx)
{
	enroll(ctx);
}

/** Register is answered with nothing. */
static void on_message(const ProtobufCMessage *m, void *ctx)
{
	(void)m;
	(void)ctx;
}

static void on_end(const struct grpc_status *status, void *ctx)
{
	struct dp_pool *pool = ctx;
	struct grpc_client *client = TAKE_PTR(pool->registration.client);

	if (!client)
		return; // it is we who have given up
	grpc_client_closep(&client);
	if (status->code == GRPC_OK) {
		pool->registration.done = true;
		pool->registration.pause = 0;
		log_info("%s: registered", pool->name);
		return;
	}
	log_warn("%s: the kubelet does not register it: %s", pool->name, status->text);
	postpone(pool);
}

static void give_up(struct dp_pool *pool)
{
	struct grpc_client *client = TAKE_PTR(pool->registration.client);

	loop_timer_stop(pool->dp->loop, &pool->registration.retry);
	grpc_client_closep(&client);
}

/** Tell the kubelet of the pool. That it does not run yet is no failure. */
static void enroll(struct dp_pool *pool)
{
	Deviceplugin__RegisterRequest message = DEVICEPLUGIN__REGISTER_REQUEST__INIT;
	const struct grpc_request request = {
		.path = DEVICEPLUGIN_REGISTER,
		.message = &message.base,
		.reply = &deviceplugin__empty__descriptor,
		.timeout_ms = REGISTER_MS,
		.on_message = on_message,
		.on_end = on_end,
		.ctx = pool,
	};
	Deviceplugin__Options options;
	char path[PATH_MAX];
	struct err e = {};

	give_up(pool);
	pool->registration.done = false;
	dp_kubelet_options(pool, &options);
	message.version = (char *)(uintptr_t)DEVICEPLUGIN_VERSION;
	message.endpoint = pool->socket;
	message.resource_name = pool->name;
	message.options = &options;
	(void)snprintf(path, sizeof(path), "%s/device-plugins/kubelet.sock",
		       pool->dp->options.kubelet);
	if (access(path, F_OK) < 0)
		return;
	if (grpc_client_open(&pool->registration.client, pool->dp->loop, path, &e) < 0 ||
	    grpc_client_call(pool->registration.client, &request, NULL, &e) < 0) {
		log_info("%s: %s", pool->name, e.msg);
		give_up(pool);
		postpone(pool);
	}
}

/** Listen at @dir; whoever was told of another socket is told anew. */
static void look_after(struct dp_pool *pool, const char *dir, bool is_told)
{
	struct err e = {};
	int anew = dp_pool_listen(pool, dir, &e);

	if (!is_told)
		give_up(pool); // there may have been no plugins_registry at first
	if (anew < 0) {
		log_warn("%s", e.msg);
		dp_retry(pool->dp);
	} else if (is_told && (anew || (!pool->registration.done && !pool->registration.client)))
		enroll(pool);
}

void dp_kubelet_look(struct dp *dp)
{
	char registry[PATH_MAX], plugins[PATH_MAX];
	bool finds;

	if (!dp->started)
		return;
	(void)snprintf(registry, sizeof(registry), "%s/plugins_registry", dp->options.kubelet);
	(void)snprintf(plugins, sizeof(plugins), "%s/device-plugins", dp->options.kubelet);
	finds = is_dir(registry);
	if (!finds && !is_dir(plugins)) { // there will be, once the kubelet runs
		for (size_t i = 0; i < dp->n_pools; i++)
			dp_pool_unlisten(dp->pools[i]);
		return;
	}
	if (dp_watch_dir(&dp->watch, DP_WATCH_SOCKETS, finds ? registry : plugins) < 0) {
		log_warn("watch %s: %s", finds ? registry : plugins, strerror(errno));
		dp_retry(dp);
	}
	for (size_t i = 0; i < dp->n_pools; i++)
		look_after(dp->pools[i], finds ? registry : plugins, !finds);
}

void dp_kubelet_changed(struct dp *dp, const char *name, uint32_t mask)
{
	bool came = mask & (IN_CREATE | IN_MOVED_TO | IN_Q_OVERFLOW);

	if (came && (!*name || !strcmp(name, "kubelet.sock")))
		for (size_t i = 0; i < dp->n_pools; i++)
			dp->pools[i]->registration.done = false;
	dp_kubelet_look(dp);
}

void dp_kubelet_prepare(struct dp_pool *pool)
{
	pool->registration.retry = (struct loop_timer){.fn = on_retry, .ctx = pool};
}

void dp_kubelet_forget(struct dp_pool *pool)
{
	give_up(pool);
}
