/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "grpc/server.h"

/**
 * GetPreferredAllocation: which of the devices that are free. @ctx is the pool. Those that somebody
 * has, though the kubelet believes otherwise, come last. Then, as the resource's configuration
 *says:
 *
 *	spread   of the physical function that has the fewest in use
 *	pack     of the one that has the most
 *	numa     all of one NUMA node, if one has enough; the fullest that does, so that what is
 *		 left serves large requests
 *
 * and by address.
 */
void dp_prefer(struct grpc_call *call, const ProtobufCMessage *m, void *ctx);
