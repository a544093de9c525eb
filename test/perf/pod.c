// SPDX-License-Identifier: Apache-2.0
// Calls the plugins of a chain for one container, as libcni does.
#include "pod.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

const char *const verb_name[VERBS] = {"ADD", "DEL", "VERSION"};

void pod_renew(struct pod *pod)
{
	static unsigned int containers;

	(void)snprintf(pod->container, CONTAINER_SIZE, "%056x%08u", 0xedu, ++containers);
	freep(&pod->result);
}

/** The configuration of @step with the result of what was called before; owned by the caller. */
static char *input_of(const struct pod *pod, const char *config)
{
	int len = (int)strlen(config) - 1; // without the closing brace
	char *input;

	if ((pod->result ? asprintf(&input, "%.*s,\"prevResult\":%s}", len, config, pod->result)
			 : asprintf(&input, "%s", config)) < 0)
		die("out of memory");
	return input;
}

struct flight pod_start(const struct pod *pod, const struct contest *contest, int step,
			enum verb verb, const char *launcher)
{
	_cleanup_(freep) char *input = input_of(pod, contest->step[step].input);
	struct call call = contest->call;

	call.program = contest->step[step].program;
	call.verb = verb_name[verb];
	call.container = pod->container;
	call.netns = pod->netns;
	call.launcher = launcher;
	call.input = input;
	return call_start(&call);
}

void pod_take_result(struct pod *pod, struct outcome *outcome)
{
	freep(&pod->result);
	pod->result = outcome->output;
	outcome->output = NULL;
}

void pod_measure(struct pod *pod, const struct contest *contest, enum verb verb,
		 const char *launcher, struct series *series)
{
	const int n = contest->scenario->n_steps;
	double wall_ms = 0, cpu_ms = 0;
	bool failed = false;
	long rss_kb = 0;

	for (int i = 0; i < n && !(failed && verb == VERB_ADD); i++) {
		int step = verb == VERB_DEL ? n - 1 - i : i;
		struct flight flight = pod_start(pod, contest, step, verb, launcher);
		_cleanup_(outcome_done) struct outcome outcome = call_finish(&flight);

		if (!outcome.ok && !failed)
			series_fail(series, outcome.output);
		failed |= !outcome.ok;
		wall_ms += outcome.wall_ms;
		cpu_ms += outcome.cpu_ms;
		rss_kb = outcome.rss_kb > rss_kb ? outcome.rss_kb : rss_kb;
		if (verb == VERB_ADD && outcome.ok)
			pod_take_result(pod, &outcome);
	}
	if (!failed)
		series_add(series, wall_ms, cpu_ms, (double)rss_kb);
}

void pod_done(struct pod *pod)
{
	freep(&pod->result);
}
