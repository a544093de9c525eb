/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/plugin.h"

/** Serve the command line of a plugin that was started by hand. Returns the exit status. */
int cni_options(const struct cni_plugin *plugin, int argc, char **argv);
