/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/** A container that comes and goes: the calls a runtime makes for it, of one plugin or a chain. */
#include "call.h"
#include "scenario.h"
#include "series.h"
#include "world.h"

enum verb { VERB_ADD, VERB_DEL, VERB_VERSION, VERBS };

extern const char *const verb_name[VERBS];

enum { CONTAINER_SIZE = 65 };

/** What a runtime remembers of a container between ADD and DEL. */
struct pod {
	char container[CONTAINER_SIZE];
	char netns[NETNS_PATH];
	char *result; ///< of ADD, or NULL; owned
};

/** Another container of @pod's namespace. */
void pod_renew(struct pod *pod);

/** Start @verb of plugin @step of the contest; @launcher may be NULL. */
struct flight pod_start(const struct pod *pod, const struct contest *contest, int step,
			enum verb verb, const char *launcher);

/**
 * Call @verb on the whole chain: DEL in reverse, each plugin with the result of the one before as
 * a runtime passes it on. Put the times of the plugins together, without what is between them, and
 * add that to @series. The first failure ends an ADD.
 */
void pod_measure(struct pod *pod, const struct contest *contest, enum verb verb,
		 const char *launcher, struct series *series);

/** Take over what ADD printed, for the calls that follow. */
void pod_take_result(struct pod *pod, struct outcome *outcome);

void pod_done(struct pod *pod);
