/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

/**
 * The command line, by tables: what is accepted, what --help says, what the completion and the man
 * page are checked against is one list.
 *
 * An option is written --name, --name=VALUE or --name VALUE, or by its letter: -c 3, -c3. Options
 * and operands may come in any order; behind "--" all are operands.
 */
enum cli_option {
	OPTION_CONFIG,
	OPTION_COUNT,
	OPTION_DROPS,
	OPTION_FOLLOW,
	OPTION_JSON,
	OPTION_POD,
	OPTION_REASONS,
	OPTION_WRITE,
	OPTION_HELP,
	OPTIONS
};

#define WITH(option) (1U << OPTION_##option)

/** How the command ends: documented in docs/man/edgeway.8. */
enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1, ///< it could not be done; stderr says why
	CLI_USAGE = 2,  ///< it was asked for in a way that is not understood
	CLI_FOUND = 3,  ///< doctor: something does not work as it is
};

struct cli_args {
	const char *value[OPTIONS]; ///< NULL: not given; "" of one without a value
	const char *operand;        ///< NULL if there is none
	int count;                  ///< of OPTION_COUNT, 1 or more; 0 if it is not given
};

struct cli_command {
	const char *name;
	const char *about;              ///< one line
	const char *details;            ///< more for --help, or NULL
	const char *operand;            ///< what its operand is called, or NULL: it has none
	unsigned int options, required; ///< WITH(...); --help is accepted anyway

	/** Returns enum cli_exit, or -1 with @e filled. */
	int (*run)(const struct cli_args *args, struct err *e);
};

/** Read what stands behind the command's name; -1 with one precise message. */
int cli_parse(const struct cli_command *command, int argc, const char *const *argv,
	      struct cli_args *out, struct err *e) _must_check_;

/** What `edgeway COMMAND --help` prints. */
void cli_help(FILE *out, const struct cli_command *command);

static inline bool cli_has(const struct cli_args *args, enum cli_option option)
{
	return args->value[option];
}
