/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/**
 * What a benchmark needs of the node before it starts the clock: pods' network namespaces, and
 * leases that others seem to hold. The caller's mount and network namespaces are private, so
 * nothing here is taken down again: it goes with them.
 */
#include <stdbool.h>

enum { NETNS_PATH = 64 };

/** Make a network namespace and mount it at /run/netns/@name; the path is written to @path. */
void netns_make(const char *name, char path[NETNS_PATH]);

/** Whether the namespace at @path has a link called @ifname. */
bool netns_has_link(const char *path, const char *ifname);

/**
 * Write @count leases of @network in host-local's format, from @first_two.0.2 upwards, and note
 * the last one as the last reserved.
 */
void leases_make(const char *network, const char *first_two, int count);
