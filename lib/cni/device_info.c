// SPDX-License-Identifier: Apache-2.0
#include "cni/device_info.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>

#include "base/file.h"

static void set(json_t *obj, const char *key, const char *value)
{
	if (*value)
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

int device_info_write(const char *path, const struct device_info *info, struct err *e)
{
	_cleanup_(decref) json_t *doc = NULL;
	_cleanup_(freep) char *text = NULL;
	json_t *pci;

	if (!path || !*path)
		return 0;
	if (refuse_relative(path, e) < 0)
		return -1;
	pci = json_object();
	set(pci, "pci-address", info->address);
	set(pci, "pf-pci-address", info->pf_address);
	set(pci, "representor-device", info->representor);
	doc = json_pack("{s:s, s:s, s:o}", "type", "pci", "version", "1.1.0", "pci", pci);
	text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	if (!text)
		return err_set(e, ERR_TRY_AGAIN, "runtimeConfig.CNIDeviceInfoFile: out of memory");
	if (file_replace(AT_FDCWD, path, text, 0644) < 0)
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
