/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "grpc/server.h"

/**
 * Allocate: what a container needs for the devices that the kubelet has chosen. @ctx is the pool.
 *
 * The kubelet waits for it with everything else, without a deadline. So of what is known only what
 * may have changed in between is asked once more, of the kernel: whether the device is still free;
 * and small files are written to memory (/run).
 */
void dp_allocate(struct grpc_call *call, const ProtobufCMessage *m, void *ctx);
