// SPDX-License-Identifier: Apache-2.0
#include "cni/device_info.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>

#include "base/file.h"

static void set(json_t *obj, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(obj, key, json_string(value));
}

static void decref(json_t **json)
{
	json_decref(*json);
}

static int refuse_relative(const char *path, struct err *e)
{
	if (*path == '/')
		return 0;
	return err_set(e, ERR_CONFIG,
		       "runtimeConfig.CNIDeviceInfoFile: \"%.64s\": must begin with /", path);
}

char *device_info_text(const struct device_info *info)
{
	_cleanup_(decref) json_t *doc = NULL;
	json_t *pci = json_object();

	set(pci, "pci-address", info->address);
	set(pci, "pf-pci-address", info->pf_address);
	set(pci, "representor-device", info->representor);
	set(pci, "rdma-device", info->rdma);
	doc = json_pack("{s:s, s:s, s:o}", "type", "pci", "version", "1.1.0", "pci", pci);
	return doc ? json_dumps(doc, JSON_COMPACT) : NULL;
}

int device_info_write(const char *path, const struct device_info *info, struct err *e)
{
	_cleanup_(freep) char *text = NULL;

	if (!path || !*path)
		return 0;
	if (refuse_relative(path, e) < 0)
		return -1;
	text = device_info_text(info);
	if (!text)
		return err_set(e, ERR_TRY_AGAIN, "runtimeConfig.CNIDeviceInfoFile: out of memory");
	// To replace one takes a second name, which would stay if we were killed.
	if (file_create(AT_FDCWD, path, text, 0644) < 0 &&
	    (errno != EEXIST || file_replace(AT_FDCWD, path, text, 0644) < 0))
		return err_os(e, ERR_IO, errno, "runtimeConfig.CNIDeviceInfoFile: write %s", path);
	return 0;
}

int device_info_remove(const char *path, struct err *e)
{
	if (!path || *path != '/')
		return 0;
	if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
		return 0;
	return err_os(e, ERR_IO, errno, "runtimeConfig.CNIDeviceInfoFile: remove %s", path);
}
