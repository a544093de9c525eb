/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * Frames by hand. Pod A is 10.0.0.2, fd00::2 and 02:00:00:00:00:02; B has 3 for 2, and so on.
 * Frames leave from A towards its gateway unless something else is put in.
 */
struct frame {
	uint8_t bytes[512];
	size_t len;
	uint8_t l4; ///< offset of the transport header
};

/** A patch: @len bytes at @at; @at counts from the end of the network header if it is L4 or more.
 */
enum { L3 = 14, L4 = 1000 };
struct patch {
	int at, len;
	const char *bytes;
};

/** A frame with an empty transport header for A and B of these addresses; @proto as in IP. */
struct frame frame4(const char *src, const char *dst, uint8_t proto);
struct frame frame6(const char *src, const char *dst, uint8_t proto);

/** Ports of what has been made with TCP, UDP or SCTP; TCP's flags; ICMP's type, and identifier. */
void frame_ports(struct frame *f, uint16_t sport, uint16_t dport);
void frame_tcp(struct frame *f, uint16_t sport, uint16_t dport, uint8_t flags);
void frame_icmp(struct frame *f, uint8_t type, uint16_t id);

/** An ICMP error of this type from @src to @dst about the IPv4 or IPv6 packet in @inner. */
struct frame frame_error(const char *src, const char *dst, uint8_t type, const struct frame *inner);

/** ARP, op 1 request or 2 reply. */
struct frame frame_arp(uint16_t op, const char *sender_ip, const char *target_ip);

/** Solicitation or advertisement, with an option that says pod A's MAC address. */
struct frame frame_nd(uint8_t type, const char *src, const char *dst, const char *target);

/** Put an IPv6 fragment header before, or IPv4's fields in: @offset in units of 8 bytes. */
void frame_fragment(struct frame *f, uint32_t id, uint16_t offset, int more);

/** Put an IPv6 extension header of 8 bytes before the transport header. */
void frame_extension(struct frame *f, uint8_t type);

void frame_patch(struct frame *f, const struct patch *patch);

/** The same from the other side: addresses, ports and MAC addresses exchanged. */
struct frame frame_reply(const struct frame *f);
