/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "node/pci.h"

/** Reading sysfs: what pci.c and pci_device.c have in common. */

/** Open a directory of the device, or the device itself with "."; -1 with errno. */
int pci_open_device(const char *sysfs, const char *address, const char *below);

/** The last part of what a symbolic link says. False with errno, ENOENT if there is none. */
bool pci_link_name(int dir, const char *path, char *buf, size_t size);

/** The first line of a file; false if it cannot be read. */
bool pci_read_line(int dir, const char *path, char *buf, size_t size);

/** A number in any base that strtol() knows; @otherwise if there is none. */
long pci_read_number(int dir, const char *path, long otherwise);

/** Whether the physical function at @address has made VFs. */
bool pci_has_vfs(const char *sysfs, const char *address);

typedef void pci_name_fn(int dir, const char *name, void *ctx);

/**
 * Call @fn for each name in the directory @fd, which is taken over; with -1 and errno = ENOENT
 * there are none. 0, or a negative errno: then names may be missing.
 */
int pci_each_name(int fd, pci_name_fn *fn, void *ctx);
