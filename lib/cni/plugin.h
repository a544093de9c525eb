/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/call.h"

/**
 * What a plugin is: its keys, and a function for each verb it serves. Functions that are NULL
 * succeed without doing anything, as the specification allows; VERSION needs none.
 *
 *	int main(int argc, char **argv)
 *	{
 *		return cni_main(&plugin, argc, argv);
 *	}
 */
struct cni_plugin {
	const char *name;
	const char *about; ///< one line
	const struct conf_field *fields;
	size_t conf_size;
	bool needs_netns; ///< open CNI_NETNS into call->netns_fd; ADD and CHECK fail without it
	bool open;        ///< a delegate: the configuration also carries keys of others
	bool chained;     ///< comes after others: ADD needs prevResult, its result starts as that

	int (*add)(const struct cni_call *, struct cni_result *, struct err *);
	int (*del)(const struct cni_call *, struct err *);
	int (*check)(const struct cni_call *, struct err *);
	int (*status)(const struct cni_call *, struct err *);
	int (*gc)(const struct cni_call *, struct err *);
	int (*resync)(struct arena *,
		      struct err *); ///< --resync: rebuild what is derived from state
};

/**
 * The whole of a plugin's main(): serve the verb in CNI_COMMAND, or without one the options --help
 * and --resync. stdout gets the result or the error as JSON and nothing else. Returns the exit
 * status.
 */
int cni_main(const struct cni_plugin *plugin, int argc, char **argv);
