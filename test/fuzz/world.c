// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>

#include "fuzz.h"

void world_make(void)
{
	must(unshare(CLONE_NEWNS | CLONE_NEWNET) == 0);
	must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	must(mount("tmpfs", "/run", "tmpfs", 0, NULL) == 0);
	must(mount("tmpfs", "/var/lib", "tmpfs", 0, NULL) == 0);
}
