/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "base/cleanup.h"

/**
 * The classic file format of tcpdump and Wireshark with stamps of nanoseconds
 * (draft-ietf-opsawg-pcap): Ethernet frames, in this machine's byte order.
 */
enum { PCAP_FRAME_MAX = 262144 }; ///< what readers take at most

/** Both return 0, or -1 with errno. @len: of the frame, of which @kept bytes are in @data. */
int pcap_begin(FILE *out) _must_check_;
int pcap_put(FILE *out, const struct timespec *when, const void *data, uint32_t kept,
	     uint32_t len) _must_check_;
