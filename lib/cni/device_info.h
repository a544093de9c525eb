/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/**
 * The file that tells a container which device a network has brought it: Kubernetes Network
 * Plumbing Working Group, "Device Information Specification" 1.1.0, type "pci". Meta plugins name
 * the file in runtimeConfig.CNIDeviceInfoFile, put it into the pod's network status, and delete it.
 */
struct device_info {
	const char *address;     ///< PCI address of the VF
	const char *pf_address;  ///< of its physical function; "" = unknown
	const char *representor; ///< interface on the node; "" = none
	const char *rdma;        ///< name of its RDMA device; NULL or "" = none
};

/** The text of the file, NUL-terminated; free() it. NULL if memory is short. */
char *device_info_text(const struct device_info *info);

/** Write the file at @path, whose directory exists; NULL or "" writes none. */
int device_info_write(const char *path, const struct device_info *info, struct err *e) _must_check_;

/** Remove it; it may be gone. */
int device_info_remove(const char *path, struct err *e) _must_check_;
