/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/** An IPv4 or IPv6 address in network byte order. */
struct ipaddr {
	int family; ///< AF_INET or AF_INET6; 0 means unset
	union {
		struct in_addr v4;
		struct in6_addr v6;
		uint8_t bytes[16];
	};
};

/** An address with its prefix length, as in "10.1.0.7/24" or "fd00::7/64". */
struct prefix {
	struct ipaddr ip;
	int len;
};

struct mac {
	uint8_t bytes[6];
};

enum {
	IP_TEXT = INET6_ADDRSTRLEN,
	PREFIX_TEXT = INET6_ADDRSTRLEN + 4,
	MAC_TEXT = 18,
};

/**
 * Parse @text; on failure return what is wrong with it and leave @out alone, on success NULL. A MAC
 * address must be one that an interface can have: not a group's, not zero.
 */
const char *ip_parse(struct ipaddr *out, const char *text) _must_check_;
const char *prefix_parse(struct prefix *out, const char *text) _must_check_;
const char *mac_parse(struct mac *out, const char *text) _must_check_;

/** A random, locally administered unicast address. Never fails: worst, it is less random. */
struct mac mac_random(void);
bool mac_is_zero(const struct mac *mac);

/** Write the canonical text into @buf, of IP_TEXT, PREFIX_TEXT or MAC_TEXT bytes; returns @buf. */
const char *ip_format(const struct ipaddr *ip, char *buf);
const char *prefix_format(const struct prefix *p, char *buf);
const char *mac_format(const struct mac *mac, char *buf);

/** Bytes of an address of this family: 4 or 16. */
static inline size_t ip_size(const struct ipaddr *ip)
{
	return ip->family == AF_INET ? 4 : 16;
}

/** 4 or 6, as names and messages have it. */
static inline int ip_version(const struct ipaddr *ip)
{
	return ip->family == AF_INET ? 4 : 6;
}

/** Bits of an address of this family: 32 or 128. */
static inline int ip_bits(const struct ipaddr *ip)
{
	return (int)ip_size(ip) * 8;
}

/** As memcmp(): by family, then by value. */
int ip_cmp(const struct ipaddr *a, const struct ipaddr *b);
bool ip_is_zero(const struct ipaddr *ip);
bool ip_is_loopback(const struct ipaddr *ip);
bool ip_is_link_local(const struct ipaddr *ip);

/** The IPv4 address that an IPv4-mapped one (RFC 4291, 2.5.5.2) stands for; another as it is. */
struct ipaddr ip_unmap(const struct ipaddr *ip);

/** The address after @ip; the highest wraps to zero. */
struct ipaddr ip_next(const struct ipaddr *ip);

/** First and last address of the prefix: the network's own, and IPv4's broadcast. */
struct ipaddr prefix_first(const struct prefix *p);
struct ipaddr prefix_last(const struct prefix *p);
bool prefix_contains(const struct prefix *p, const struct ipaddr *ip);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
