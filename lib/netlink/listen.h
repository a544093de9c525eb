/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/**
 * What the kernel tells by itself over netlink(7), to whom it may concern: of interfaces and routes
 * (NETLINK_ROUTE), of devices (NETLINK_KOBJECT_UEVENT). Others than the kernel are not heard.
 */
enum { LISTEN_SIZE = 32768 }; ///< of the buffer: no event is larger

/** A socket in the current network namespace that does not block; @groups is a mask of RTMGRP_*. */
int listen_open(int protocol, uint32_t groups, int *fd, struct err *e) _must_check_;

/**
 * The next event into @buf of LISTEN_SIZE bytes: its length; 0 if there is none, -1 if some were
 * lost because they were not read in time: look for yourself what has changed.
 */
ssize_t listen_next(int fd, void *buf);

/** What a message of NETLINK_KOBJECT_UEVENT says; "" where it does not. Points into it. */
struct uevent {
	const char *action;    ///< "add", "remove", "change", "bind", "unbind"...
	const char *subsystem; ///< "pci", "net"...
	const char *path;      ///< of the device, below sysfs
};

/** @buf has room for a NUL behind the @len bytes. */
void uevent_parse(struct uevent *out, char *buf, size_t len);
