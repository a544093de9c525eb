// SPDX-License-Identifier: Apache-2.0
/** edgeway-deviceplugin - tells the kubelet which SR-IOV devices the node has: see usage(). */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/log.h"
#include "cni/json.h"
#include "deviceplugin/plugin.h"

#ifndef EDGEWAY_VERSION
#define EDGEWAY_VERSION "unknown"
#endif

static void usage(FILE *to)
{
	(void)fprintf(
		to,
		"Usage: edgeway-deviceplugin [OPTION]...\n"
		"\n"
		"Tells the kubelet which SR-IOV virtual functions and other PCI devices this node\n"
		"has, and containers how to reach those that they are given. Reads the\n"
		"configuration of sriov-network-device-plugin.\n"
		"\n"
		"  --config-file FILE       (" DP_CONFIG ")\n"
		"  --resource-prefix NAME   of resources that have none (" DP_PREFIX ")\n"
		"  --use-cdi                hand devices over by CDI, not by the kubelet\n"
		"  --cdi-dir DIR            where CDI specifications go (/var/run/cdi)\n"
		"  --kubelet-dir DIR        (/var/lib/kubelet)\n"
		"  --devinfo-dir DIR        where device-info files go\n"
		"                           (/var/run/k8s.cni.cncf.io/devinfo/dp)\n"
		"  --metrics SOCKET         where to serve metrics, \"\" for none\n"
		"                           (/run/edgeway/deviceplugin.sock)\n"
		"  --sriov-plugin FILE      whom to have VFs given back by, \"\" for nobody\n"
		"                           (/opt/cni/bin/sriov)\n"
		"  --sysfs DIR              where sysfs is (/sys)\n"
		"  --check                  read the configuration, say what is wrong, and end\n"
		"  --version, --help, --help=markdown\n"
		"\n"
		"-v, -vmodule, -stderrthreshold, -log_dir, -logtostderr and -alsologtostderr are\n"
		"taken, and change nothing.\n"
		"CNI_LOG=info in the environment makes it say what it does.\n");
}

static void complain(const struct err *e)
{
	(void)fprintf(stderr, "edgeway-deviceplugin: %s\n", e->msg);
	if (*e->details)
		(void)fprintf(stderr, "%s\n", e->details);
}

struct job {
	struct dp_options options;
	const char *cdi; ///< a directory
	bool use_cdi, check;
};

static int help(const char *how)
{
	if (how && !strcmp(how, "markdown"))
		dp_config_markdown();
	else
		usage(stdout);
	return 0;
}

/** Where the text of an option goes; NULL: it is none that has one. */
static const char **text_option(struct job *job, int c)
{
	struct dp_options *o = &job->options;

	switch (c) {
	case 'c':
		return &o->config;
	case 'p':
		return &o->prefix;
	case 'd':
		return &job->cdi;
	case 'k':
		return &o->kubelet;
	case 'i':
		return &o->devinfo;
	case 'm':
		return &o->metrics;
	case 'g':
		return &o->plugin;
	case 's':
		return &o->sysfs;
	default:
		return NULL;
	}
}

/** Returns an exit status, or -1 to go on. */
static int take_option(struct job *job, int c)
{
	const char **to = text_option(job, c);

	switch (c) {
	case 'u':
		job->use_cdi = !optarg || strcmp(optarg, "false") != 0;
		return -1;
	case 'n':
		job->check = true;
		return -1;
	case 'l': // the original's logger's
		return -1;
	case 'V':
		(void)printf("edgeway-deviceplugin %s\n", EDGEWAY_VERSION);
		return 0;
	case 'h':
		return help(optarg);
	default:
		if (!to)
			return 2; // getopt has said what is wrong
		*to = optarg;
		return -1;
	}
}

/** Returns an exit status, or -1 to go on. Options may begin with one dash, as the original's. */
static int read_options(struct job *job, int argc, char *argv[])
{
	static const struct option known[] = {{"config-file", required_argument, NULL, 'c'},
					      {"resource-prefix", required_argument, NULL, 'p'},
					      {"use-cdi", optional_argument, NULL, 'u'},
					      {"cdi-dir", required_argument, NULL, 'd'},
					      {"kubelet-dir", required_argument, NULL, 'k'},
					      {"devinfo-dir", required_argument, NULL, 'i'},
					      {"metrics", required_argument, NULL, 'm'},
					      {"sriov-plugin", required_argument, NULL, 'g'},
					      {"sysfs", required_argument, NULL, 's'},
					      {"check", no_argument, NULL, 'n'},
					      {"version", no_argument, NULL, 'V'},
					      {"help", optional_argument, NULL, 'h'},
					      {"v", required_argument, NULL, 'l'},
					      {"vmodule", required_argument, NULL, 'l'},
					      {"stderrthreshold", required_argument, NULL, 'l'},
					      {"log_dir", required_argument, NULL, 'l'},
					      {"logtostderr", optional_argument, NULL, 'l'},
					      {"alsologtostderr", optional_argument, NULL, 'l'},
					      {}};
	int c, rc = -1;

	while (rc < 0 && (c = getopt_long_only(argc, argv, "", known, NULL)) >= 0)
		rc = take_option(job, c);
	job->options.cdi = job->use_cdi ? job->cdi : NULL;
	if (rc >= 0 || optind == argc)
		return rc;
	(void)fprintf(stderr, "edgeway-deviceplugin: \"%s\": there are options only; see --help\n",
		      argv[optind]);
	return 2;
}

static void on_signal(void *ctx, uint32_t events)
{
	(void)events;
	loop_stop(ctx);
}

/** SIGTERM and SIGINT are events like others. */
static int watch_signals(struct loop *l, struct loop_watch *w, struct err *e)
{
	sigset_t set;
	int fd;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_os(e, ERR_KERNEL, errno, "watch signals");
	*w = (struct loop_watch){.fn = on_signal, .ctx = l, .fd = -1};
	return loop_watch(l, w, fd, EPOLLIN, e);
}

static int serve(const struct dp_options *options, struct err *e)
{
	_cleanup_(loop_closep) struct loop *l = NULL;
	struct loop_watch signals;
	struct dp dp;
	int rc;

	if (loop_open(&l, e) < 0 || watch_signals(l, &signals, e) < 0)
		return -1;
	rc = dp_open(&dp, options, l, e);
	if (rc == 0)
		rc = loop_run(l, e);
	dp_close(&dp);
	return rc;
}

static int check(const struct dp_options *options, struct err *e)
{
	_cleanup_(arena_free) struct arena arena = {};
	struct dp_config config;

	return dp_config_read(&config, options->config, options->prefix, &arena, e);
}

int main(int argc, char *argv[])
{
	struct job job = {.cdi = "/var/run/cdi",
			  .options = {
				  .config = DP_CONFIG,
				  .prefix = DP_PREFIX,
				  .kubelet = "/var/lib/kubelet",
				  .sysfs = PCI_SYSFS,
				  .devinfo = "/var/run/k8s.cni.cncf.io/devinfo/dp",
				  .metrics = "/run/edgeway/deviceplugin.sock",
				  .plugin = "/opt/cni/bin/sriov",
			  }};
	struct err e = {};
	int rc = read_options(&job, argc, argv);

	if (rc >= 0)
		return rc;
	json_prepare();
	log_setup("deviceplugin", NULL, NULL, NULL);
	rc = job.check ? check(&job.options, &e) : serve(&job.options, &e);
	if (rc < 0)
		complain(&e);
	return rc < 0;
}
