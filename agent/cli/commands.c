// SPDX-License-Identifier: Apache-2.0
/** The list of commands, and which one is meant. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/text.h"
#include "cni/json.h"

#ifndef EDGEWAY_VERSION
#define EDGEWAY_VERSION "unknown"
#endif

const struct cli_command cli_commands[] = {
	{.name = "status",
	 .about = "what is loaded, how much is in use, what has passed and what has not",
	 .options = WITH(JSON),
	 .run = run_status},
	{.name = "endpoints",
	 .about = "the pods that the data path serves",
	 .options = WITH(JSON) | WITH(POD),
	 .run = run_endpoints},
	{.name = "flows",
	 .about = "connections as they begin and end, and packets as they are dropped",
	 .details =
		 "Without --follow it listens for five seconds. While nobody listens, events cost\n"
		 "nothing and are not kept. One can listen at a time.\n",
	 .options = WITH(COUNT) | WITH(DROPS) | WITH(FOLLOW) | WITH(JSON) | WITH(POD),
	 .run = run_flows},
	{.name = "conntrack",
	 .about = "the connections that are tracked",
	 .options = WITH(JSON) | WITH(POD),
	 .run = run_conntrack},
	{.name = "drops",
	 .about = "what was dropped: of which pod, why, how often",
	 .options = WITH(JSON) | WITH(POD) | WITH(REASONS),
	 .run = run_drops},
	{.name = "capture",
	 .about = "write a pod's packets to a file for tcpdump or Wireshark",
	 .details =
		 "POD is an address, the beginning of a container's id, or the name of the node's\n"
		 "end. Packets are taken inside the pod: what it sends before it is judged, and "
		 "what\n"
		 "has reached it. Ends at SIGINT, and says how many there were.\n",
	 .operand = "POD",
	 .options = WITH(COUNT) | WITH(JSON) | WITH(WRITE),
	 .required = WITH(WRITE),
	 .run = run_capture},
	{.name = "devices",
	 .about = "SR-IOV devices of the node: of which resource, in what state, whose",
	 .details =
		 "Needs no daemon: it looks as edgeway-deviceplugin does, at the card and at what\n"
		 "the plugin sriov remembers. Which pod the kubelet has given a device to, it "
		 "does\n"
		 "not know.\n",
	 .options = WITH(CONFIG) | WITH(JSON),
	 .run = run_devices},
	{.name = "doctor",
	 .about = "look for what keeps the data path from working on this node",
	 .details = "Exit status 3 if something does not work as it is.\n",
	 .options = WITH(JSON),
	 .run = run_doctor},
	{},
};

static void help(FILE *out)
{
	(void)fprintf(out, "edgeway COMMAND [OPTION]... - the eBPF data path and the devices of "
			   "this node\n\n");
	for (const struct cli_command *c = cli_commands; c->name; c++)
		(void)fprintf(out, "  %-12s %s\n", c->name, c->about);
	(void)fprintf(
		out,
		"\n"
		"  edgeway COMMAND --help    its options\n"
		"  edgeway --version         the version\n"
		"  edgeway --help=markdown, --help=drop-reasons    for the documentation\n"
		"\n"
		"Exit status: 0 done, 1 failed, 2 not understood, 3 doctor found something.\n");
}

static void help_stdout(void)
{
	help(stdout);
}

static void version(void)
{
	(void)printf("edgeway %s\n", EDGEWAY_VERSION);
}

/** For docs/drop-reasons.md. */
static void reasons_markdown(void)
{
	char buf[TEXT_SIZE];

	(void)printf("| number | reason | in tables | meaning |\n|---|---|---|---|\n");
	for (unsigned int i = 0; i < DROP_MAX; i++) {
		struct text_reason reason = text_reason(i, buf);

		(void)printf("| %u | `%s` | %s | %s |\n", i, reason.name, reason.label,
			     reason.text);
	}
}

/** For docs/cli.md. */
static void commands_markdown(void)
{
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		(void)printf("%s```\n", c == cli_commands ? "" : "\n");
		cli_help(stdout, c);
		(void)printf("```\n");
	}
}

/** What `edgeway OPTION` prints, for the options that need no command. */
static const struct {
	const char *name;
	void (*print)(void);
} bare_options[] = {
	{"--help", help_stdout},
	{"-h", help_stdout},
	{"--help=markdown", commands_markdown},
	{"--help=drop-reasons", reasons_markdown},
	{"--version", version},
};

static const struct cli_command *find(const char *name)
{
	for (const struct cli_command *c = cli_commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static int run(const struct cli_command *command, const struct cli_args *args)
{
	struct err e = {};
	int rc = command->run(args, &e);

	if (rc >= 0 && (fflush(stdout) != 0 || ferror(stdout))) {
		if (errno == EPIPE)
			return CLI_FAILED; // `edgeway flows -f | head` has what it wants
		rc = err_os(&e, ERR_IO, errno, "write to standard output");
	}
	if (rc >= 0 && json_out_of_memory())
		rc = err_set(&e, ERR_TRY_AGAIN, "out of memory");
	if (rc >= 0)
		return rc;
	(void)fprintf(stderr, "edgeway %s: %s\n", command->name, e.msg);
	if (e.details[0])
		(void)fprintf(stderr, "%s\n", e.details);
	return CLI_FAILED;
}

int cli_main(int argc, char **argv)
{
	const struct cli_command *command;
	struct cli_args args;
	struct err e = {};

	json_prepare();
	// Who reads from us may have enough: that ends us by a failed write, not on the spot.
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		help(stderr);
		return CLI_USAGE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(bare_options); i++) {
		if (strcmp(argv[1], bare_options[i].name) != 0)
			continue;
		bare_options[i].print();
		return fflush(stdout) == 0 ? CLI_DONE : CLI_FAILED;
	}
	command = find(argv[1]);
	if (!command) {
		(void)fprintf(stderr, "edgeway: %s: unknown %s; try: edgeway --help\n", argv[1],
			      argv[1][0] == '-' ? "option" : "command");
		return CLI_USAGE;
	}
	if (cli_parse(command, argc - 2, (const char *const *)argv + 2, &args, &e) < 0) {
		(void)fprintf(stderr, "edgeway %s: %s; try: edgeway %s --help\n", command->name,
			      e.msg, command->name);
		return CLI_USAGE;
	}
	if (cli_has(&args, OPTION_HELP)) {
		cli_help(stdout, command);
		return fflush(stdout) == 0 ? CLI_DONE : CLI_FAILED;
	}
	return run(command, &args);
}
