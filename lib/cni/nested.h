/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/plugin.h"

/**
 * A plugin inside another one: it serves the outer one's call, with a configuration that the outer
 * one has made for it (CNI specification 1.1.0, section 4). One that is linked into this executable
 * runs in this process, any other is looked up in CNI_PATH.
 */
struct nested {
	struct cni_call call; ///< the outer one's, with the nested configuration
	const char *type;
	const struct cni_plugin *linked; ///< NULL: in CNI_PATH
	const char *at;                  ///< path of its configuration in messages
	struct json_t *given;            ///< what the outer configuration has there, or NULL
};

/**
 * Read the configuration @doc of a plugin of @type. @linked is what is in this executable; another
 * must be in CNI_PATH, unless things are taken away. @at is the key in the outer configuration that
 * is meant for it. @doc must live as long as the call (cni_call_keep()); what every configuration
 * inherits is added to it: prevResult, the attachments that are valid, strict.
 */
int nested_open(struct nested *out, const struct cni_call *outer, const char *type,
		const struct cni_plugin *linked, struct json_t *doc, const char *at,
		struct err *e) _must_check_;

/**
 * Have it serve @verb: that of the call, or DEL to take an ADD back. Errors begin with its type, or
 * with the path of the key that they are about. ADD fills @result, which may be NULL for the other
 * verbs.
 */
int nested_run(const struct nested *nested, enum cni_verb verb, struct cni_result *result,
	       struct err *e) _must_check_;
