// SPDX-License-Identifier: Apache-2.0
#include "loader/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "bpf/sys.h"
#include "loader/about.h"
#include "loader/attach.h"
#include "loader/pins.h"

/** How many interfaces are set up. */
static int count_interfaces(size_t *n, struct err *e)
{
	_cleanup_(fd_closep) int fd = -1;
	uint32_t key;
	int rc = 0;

	*n = 0;
	if (pins_open(EDGEWAY_PINS "/" MAP_INTERFACES, &fd, e) < 0)
		return -1;
	while (fd >= 0 && *n < INTERFACES_MAX &&
	       (rc = bpf_map_next(fd, *n ? &key : NULL, &key, e)) > 0)
		++*n;
	return rc < 0 ? -1 : 0;
}

static const char *text(bool value)
{
	return value ? "true" : "false";
}

int status_print(const struct build *build, struct err *e)
{
	size_t filters, interfaces;
	struct about about;
	bool loaded;

	if (about_read(&about, e) < 0 || attach_count(&filters, e) < 0 ||
	    count_interfaces(&interfaces, e) < 0)
		return -1;
	loaded = about.build && pins_are_complete();
	(void)printf("{\"loaded\": %s, \"current\": %s, \"build\": \"%016" PRIx64
		     "\", \"ours\": \"%016" PRIx64 "\", \"loads\": %u, \"filters\": %zu, "
		     "\"interfaces\": %zu, ",
		     text(loaded), text(loaded && about.build == build->id), (uint64_t)about.build,
		     build->id, about.loads, filters, interfaces);
	(void)printf("\"connections\": {\"buckets\": %u, \"ways\": %u, \"bucketSize\": %u, "
		     "\"entriesAt\": %u, \"entrySize\": %u}}\n",
		     about.ct_buckets, about.ct_ways, about.ct_bucket_size, about.ct_entries_at,
		     about.ct_entry_size);
	return fflush(stdout) != 0 ? err_os(e, ERR_IO, errno, "write the status") : 0;
}
