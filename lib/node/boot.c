// SPDX-License-Identifier: Apache-2.0
#include "node/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"

int boot_id(char *buf, struct err *e)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";

	if (file_read(AT_FDCWD, path, buf, BOOT_ID) < 0)
		return err_os(e, ERR_IO, errno, "read %s", path);
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}
