// SPDX-License-Identifier: Apache-2.0
/** Loads the eBPF data path of a node: see usage(). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>

#include "base/file.h"
#include "loader/load.h"
#include "loader/object.h"
#include "loader/status.h"
#include "node/datapath.h"

enum job { LOAD, STATUS, UNLOAD };

struct options {
	enum job job;
	const char *object; ///< path; NULL: the one that this program carries
};

static void usage(FILE *to)
{
	(void)fprintf(
		to,
		"Usage: edgeway-loader [--object FILE] [--verbose]\n"
		"       edgeway-loader --status [--object FILE]\n"
		"       edgeway-loader --unload\n"
		"\n"
		"Loads Edgeway's eBPF programs and pins them below " EDGEWAY_PINS ",\n"
		"or replaces those of another build while packets pass. The plugin \"ebpf\" runs\n"
		"it by itself where that has not been done.\n"
		"\n"
		"  --status       print as JSON what is loaded, change nothing\n"
		"  --unload       detach and unpin everything: pods lose their data path\n"
		"  --object FILE  the programs of this object, not of the one carried\n"
		"  --verbose      print what libbpf and the kernel's verifier say\n"
		"  --version\n");
}

static void complain(const struct err *e)
{
	(void)fprintf(stderr, "%s\n", e->msg);
	if (*e->details)
		(void)fprintf(stderr, "%s\n", e->details);
}

/** Returns an exit status, or -1 to go on. */
static int read_options(struct options *o, int argc, char *argv[])
{
	static const struct option known[] = {{"status", no_argument, NULL, 's'},
					      {"unload", no_argument, NULL, 'u'},
					      {"object", required_argument, NULL, 'o'},
					      {"verbose", no_argument, NULL, 'v'},
					      {"version", no_argument, NULL, 'V'},
					      {"help", no_argument, NULL, 'h'},
					      {}};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		switch (c) {
		case 's':
			o->job = STATUS;
			break;
		case 'u':
			o->job = UNLOAD;
			break;
		case 'o':
			o->object = optarg;
			break;
		case 'v':
			object_be_verbose();
			break;
		case 'V':
			(void)printf("edgeway-loader %s\n", EDGEWAY_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default: // getopt has said what is wrong
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	(void)fprintf(stderr, "edgeway-loader: \"%s\": there are options only; see --help\n",
		      argv[optind]);
	return 2;
}

/** Nobody attaches anything, or loads, while we do this. */
static int under_lock(const struct options *o, const struct build *build, struct err *e)
{
	_cleanup_(fd_closep) int lock = -1;

	if (dir_make("/run/edgeway", 0755) < 0)
		return err_os(e, ERR_IO, errno, "make /run/edgeway");
	if (file_lock(AT_FDCWD, DATAPATH_LOCK, 0600, &lock, e) < 0)
		return -1;
	return o->job == UNLOAD ? unload(e) : load(build, e);
}

int main(int argc, char *argv[])
{
	_cleanup_(arena_free) struct arena arena = {};
	struct build build = build_carried();
	struct options o = {};
	struct err e = {};
	int rc = read_options(&o, argc, argv);

	if (rc >= 0)
		return rc;
	if (o.object && build_read(&build, o.object, &arena, &e) < 0)
		rc = -1;
	else
		rc = o.job == STATUS ? status_print(&build, &e) : under_lock(&o, &build, &e);
	if (rc < 0)
		complain(&e);
	return rc < 0;
}
