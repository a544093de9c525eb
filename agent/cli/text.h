/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "../bpf/shared/conntrack.h"
#include "../bpf/shared/datapath.h"
#include "../bpf/shared/drop.h"

/** What numbers of the maps are called. Strings returned are static, or in @buf of TEXT_SIZE. */
enum { TEXT_SIZE = 64 };

struct text_reason {
	const char *name;  ///< as in JSON: "SRC_MAC"
	const char *label; ///< as in tables: "source MAC"
	const char *text;
};

/** A reason that this version does not know is "#NUMBER" in @buf. */
struct text_reason text_reason(unsigned int reason, char *buf);

/** "out-of-pod", "into-pod", "from-uplink", "to-uplink". */
const char *text_direction(unsigned int dir, char *buf);

/** "tcp", "udp", "icmp", "icmp6", "sctp", or the number. */
const char *text_proto(unsigned int proto, char *buf);

/** "new", "replied", "goes-on", "closed". */
const char *text_flow(unsigned int what, char *buf);

/** "SYN,ACK" of a TCP header's 14th octet; "" if none is set. */
const char *text_tcp_flags(unsigned int flags, char *buf);

/**
 * Where a connection stands. TCP: "syn", "opening", "established", "picked-up", "closing",
 * "closed", "reset"; others "unanswered", "answered".
 */
const char *text_ct_state(unsigned int flags, unsigned int proto);

/** "45s", "3m12s", "2h05m", "3d04h"; "now" if it is less than a second. */
const char *text_age(double seconds, char *buf);

/** Nanoseconds as seconds, to the millisecond, as JSON has them. */
double text_seconds(uint64_t ns);

/** "512 B", "1.5 KiB", "12.0 MiB". */
const char *text_bytes(uint64_t bytes, char *buf);

/** An address of the maps, in @buf of IP_TEXT bytes or more. */
const char *text_address(const union address *address, char *buf);

/** "10.9.0.2:80", "[fd00::2]:80"; without the port if that is 0. */
const char *text_end(const char *address, unsigned int port, char *buf);

/** How far CLOCK_REALTIME is ahead of CLOCK_MONOTONIC, and the latter now: ns. */
int64_t text_clock_offset(void);
uint64_t text_clock_now(void);

/** A time of CLOCK_MONOTONIC as "2026-11-22T09:35:13.123456789Z". */
const char *text_time(uint64_t monotonic, int64_t offset, char *buf);
