/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "grpc/server.h"

/**
 * Allocate: what a container needs for the devices that the kubelet has chosen. @ctx is the pool.
 *
 * The kubelet waits for it with everything else, without a deadline. So nothing is asked of
 * anybody: what is known is answered, and small files are written to memory (/run).
 */
void dp_allocate(struct grpc_call *call, const ProtobufCMessage *m, void *ctx);
