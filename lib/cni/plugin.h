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
 * Fill the rest of the call from call->doc as @plugin's table has it: call->conf and call->common.
 * @at is the path of the document in messages, "" for what the runtime sent.
 */
int cni_plugin_read(const struct cni_plugin *plugin, struct cni_call *call, const char *at,
		    struct err *e) _must_check_;

/** Serve call->verb, which is not VERSION; ADD fills @result, the others leave it alone. */
int cni_plugin_run(const struct cni_plugin *plugin, const struct cni_call *call,
		   struct cni_result *result, struct err *e) _must_check_;

/**
 * The whole of a plugin's main(): serve the verb in CNI_COMMAND, or without one the options --help
 * and --resync. stdout gets the result or the error as JSON and nothing else. Returns the exit
 * status.
 */
int cni_main(const struct cni_plugin *plugin, int argc, char **argv);
