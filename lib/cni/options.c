// SPDX-License-Identifier: Apache-2.0
#include "cni/options.h"

#include <stdio.h>
#include <string.h>

#include "conf/doc.h"

#ifndef EDGEWAY_VERSION
#define EDGEWAY_VERSION "unknown"
#endif

static void print_versions(FILE *out)
{
	(void)fprintf(out, "CNI protocol versions supported:");
	for (int v = 0; v < CNI_VERSIONS; v++)
		(void)fprintf(out, "%s %s", v ? "," : "", cni_version_text((enum cni_version)v));
	(void)fputc('\n', out);
}

static void print_about(FILE *out, const struct cni_plugin *p)
{
	(void)fprintf(out, "CNI %s plugin, Edgeway %s: %s\n", p->name, EDGEWAY_VERSION, p->about);
	print_versions(out);
}

static void print_help(const struct cni_plugin *p)
{
	print_about(stdout, p);
	(void)printf("\nA container runtime starts it with the verb in CNI_COMMAND and the "
		     "configuration on stdin.\nBy hand:\n"
		     "  %s --help             this text\n"
		     "  %s --help=markdown    the keys as a table for the documentation\n"
		     "  %s --help=errors      the error codes as a table\n",
		     p->name, p->name, p->name);
	if (p->resync)
		(void)printf("  %s --resync           rebuild nf_tables from the recorded state\n",
			     p->name);
	(void)printf("\nKeys of its configuration:\n");
	conf_print_text(stdout, p->fields);
}

static void print_errors(void)
{
	(void)printf("| code | meaning | why | what to do |\n|---|---|---|---|\n");
	for (const struct err_explanation *x = err_codes(); x->title; x++)
		(void)printf("| %d | %s | %s | %s |\n", x->code, x->title, x->why, x->what_to_do);
}

static int resync(const struct cni_plugin *p)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct err e = {};

	if (p->resync(&arena, &e) == 0)
		return EXIT_SUCCESS;
	(void)fprintf(stderr, "%s: %s\n%s%s", p->name, e.msg, e.details, e.details[0] ? "\n" : "");
	return EXIT_FAILURE;
}

int cni_options(const struct cni_plugin *plugin, int argc, char **argv)
{
	if (argc < 2) {
		print_about(stderr, plugin);
		return EXIT_SUCCESS;
	}
	if (!strcmp(argv[1], "--help")) {
		print_help(plugin);
	} else if (!strcmp(argv[1], "--help=markdown")) {
		conf_print_markdown(stdout, plugin->fields);
	} else if (!strcmp(argv[1], "--help=errors")) {
		print_errors();
	} else if (!strcmp(argv[1], "--version")) {
		print_about(stdout, plugin);
	} else if (!strcmp(argv[1], "--resync") && plugin->resync) {
		return resync(plugin);
	} else {
		(void)fprintf(stderr, "%s: %s: unknown option; try --help\n", plugin->name,
			      argv[1]);
		return EXIT_FAILURE;
	}
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
