/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/**
 * As much rtnetlink as the floor needs, with nothing between it and the kernel: messages are
 * written one behind the other into one buffer and sent at once; the last is acknowledged.
 */
#include <stddef.h>
#include <stdint.h>

struct batch {
	size_t len;
	size_t first; ///< where the message being written starts
	int count;
	_Alignas(4) unsigned char buf[2048];
};

/** A route socket in the current network namespace; -1 on failure. */
int floor_nl_open(void);

void floor_nl_begin(struct batch *b, uint16_t type, uint16_t flags, const void *header, size_t len);
void floor_nl_put(struct batch *b, uint16_t attr, const void *data, size_t len);
void floor_nl_str(struct batch *b, uint16_t attr, const char *text);
void floor_nl_u32(struct batch *b, uint16_t attr, uint32_t value);
size_t floor_nl_nest(struct batch *b, uint16_t attr);
void floor_nl_header(struct batch *b, const void *header, size_t len);
void floor_nl_end(struct batch *b, size_t nest);

/** Send all of @b and wait for the verdict: 0, or the first refusal as a negative errno. */
int floor_nl_call(int fd, struct batch *b);

/** Have the kernel describe a link, or the IPv4 addresses of one, and read it without looking. */
int floor_nl_get_link(int fd, const char *name);
int floor_nl_list_addresses(int fd, int ifindex);

/** The index of the link called @name, or a negative errno. */
int floor_nl_ifindex(int fd, const char *name);
