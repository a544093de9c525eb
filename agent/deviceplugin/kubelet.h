/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "deviceplugin/pool.h"
#include "grpc/api/kubelet.h"

/**
 * Being known to the kubelet. One that has the directory plugins_registry finds our sockets there
 * by itself and asks them; an older one is told, by Register at kubelet.sock in device-plugins,
 * where the sockets are then. It calls us back before it answers that.
 *
 * A kubelet that starts again removes the sockets of device-plugins; whoever removes one of ours,
 * it is there again at once.
 */
struct dp_pool;

/** See to it that all pools listen where the kubelet looks, and are registered. */
void dp_kubelet_look(struct dp *dp);

/** Something happened to @name ("": unknown) in one of the kubelet's directories. */
void dp_kubelet_changed(struct dp *dp, const char *name, uint32_t mask);

void dp_kubelet_options(const struct dp_pool *pool, Deviceplugin__Options *out);

/** The registration of a new pool, and of one that is closed. */
void dp_kubelet_prepare(struct dp_pool *pool);
void dp_kubelet_forget(struct dp_pool *pool);
