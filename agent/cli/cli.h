/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/options.h"

/** The commands of `edgeway`, closed by one without a name; each has a file of its own. */
extern const struct cli_command cli_commands[];

int run_capture(const struct cli_args *args, struct err *e);
int run_conntrack(const struct cli_args *args, struct err *e);
int run_devices(const struct cli_args *args, struct err *e);
int run_doctor(const struct cli_args *args, struct err *e);
int run_drops(const struct cli_args *args, struct err *e);
int run_endpoints(const struct cli_args *args, struct err *e);
int run_flows(const struct cli_args *args, struct err *e);
int run_status(const struct cli_args *args, struct err *e);

/** Carry out a command line. Returns the exit status. */
int cli_main(int argc, char **argv);
