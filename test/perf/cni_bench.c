// SPDX-License-Identifier: Apache-2.0
/**
 * perf_bench - time CNI plugins against each other.
 *
 * All sides of a scenario take turns in every round, in an order that changes, so that whatever
 * else the machine does hits them alike. Network namespaces are made beforehand and used again:
 * neither their making nor the kernel's slow clean-up of them falls into a measured time. One
 * object of JSON per line comes out, holding every sample.
 *
 * It wants a mount and a network namespace of its own, with a writable /run and /var/lib;
 * test/perf/run sees to that.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "call.h"
#include "scenario.h"
#include "series.h"
#include "world.h"

enum verb { VERB_ADD, VERB_DEL, VERB_VERSION, VERBS };

enum {
	WARM_UPS = 2,
	MEMORY_ROUNDS = 5,
	BURST_MAX = 1000,
	CONTAINER_SIZE = 65,
	SETTLE_NS = 2000000,
};

static const char *const verb_name[VERBS] = {"ADD", "DEL", "VERSION"};

struct options {
	struct sides sides;
	int rounds, bursts, burst_size;
};

/** One container's network: what a runtime remembers between ADD and DEL. */
struct attachment {
	char container[CONTAINER_SIZE];
	char netns[NETNS_PATH];
	char *input; ///< for DEL: the configuration with the result of ADD in it; owned
};

struct bench {
	struct options options;
	struct contest contest[SCENARIOS][SIDES];
	struct attachment attachment[SCENARIOS][SIDES];
	struct series series[SCENARIOS][SIDES][VERBS];
	unsigned int containers; ///< made so far
};

static const char *launcher; // set while memory is measured: every call goes through it

/** Let the kernel finish what the call before left to it, so that the next does not pay for it. */
static void settle(void)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = SETTLE_NS}, NULL);
}

static struct call call_of(const struct contest *contest, const struct attachment *attachment,
			   enum verb verb)
{
	struct call call = contest->call;

	call.verb = verb_name[verb];
	call.container = attachment->container;
	call.netns = attachment->netns;
	call.launcher = launcher;
	if (verb == VERB_DEL && attachment->input)
		call.input = attachment->input;
	return call;
}

/** Put the result of ADD into the configuration for DEL, as libcni does. */
static void remember_result(struct attachment *attachment, const char *config, const char *result)
{
	int len = (int)strlen(config) - 1; // without the closing brace

	freep(&attachment->input);
	if (asprintf(&attachment->input, "%.*s,\"prevResult\":%s}", len, config, result) < 0)
		die("out of memory");
}

static void record(struct series *series, const struct outcome *outcome)
{
	if (outcome->ok)
		series_add(series, outcome->wall_ms, outcome->cpu_ms, (double)outcome->rss_kb);
	else
		series_fail(series, outcome->output);
}

static void new_container(struct bench *b, struct attachment *attachment)
{
	(void)snprintf(attachment->container, CONTAINER_SIZE, "%056x%08u", 0xedu, ++b->containers);
	freep(&attachment->input);
}

/** One call of @verb; what came of it goes to @series. */
static void measure(const struct contest *contest, struct attachment *attachment, enum verb verb,
		    struct series *series)
{
	struct call call = call_of(contest, attachment, verb);
	_cleanup_(outcome_done) struct outcome outcome = {};

	settle();
	outcome = call_run(&call);
	record(series, &outcome);
	if (verb == VERB_ADD && outcome.ok)
		remember_result(attachment, contest->input, outcome.output);
}

/** One turn of one side: a container comes and goes. */
static void take_turn(struct bench *b, enum scenario_id id, enum side side,
		      struct series series[VERBS])
{
	struct contest *contest = &b->contest[id][side];
	struct attachment *attachment = &b->attachment[id][side];

	new_container(b, attachment);
	if (contest->scenario->kind == KIND_VERSION) {
		measure(contest, attachment, VERB_VERSION, &series[VERB_VERSION]);
		return;
	}
	measure(contest, attachment, VERB_ADD, &series[VERB_ADD]);
	measure(contest, attachment, VERB_DEL, &series[VERB_DEL]);
}

/** A plugin that says "done" and does nothing would be the fastest: look once. */
static void check_work(struct bench *b, enum scenario_id id, enum side side)
{
	struct contest *contest = &b->contest[id][side];
	struct attachment *attachment = &b->attachment[id][side];
	struct series ignored[VERBS] = {};

	if (contest->scenario->kind != KIND_BRIDGE)
		return;
	new_container(b, attachment);
	for (enum verb verb = VERB_ADD; verb <= VERB_DEL; verb++) {
		measure(contest, attachment, verb, &ignored[verb]);
		if (ignored[verb].failures)
			series_fail(&b->series[id][side][verb], ignored[verb].error);
		else if (netns_has_link(attachment->netns, "eth0") != (verb == VERB_ADD))
			series_fail(&b->series[id][side][verb],
				    "the call succeeded, but the container's link says otherwise");
		series_done(&ignored[verb]);
	}
}

/** Make the pods and let every side run untimed, so that bridges and page cache are there. */
static void prepare(struct bench *b)
{
	for (enum scenario_id id = 0; id < SCENARIOS; id++) {
		for (enum side side = 0; side < SIDES; side++) {
			char name[NAME_SIZE];

			if (!scenarios[id].side[side])
				continue;
			contest_prepare(&b->contest[id][side], id, side, &b->options.sides);
			(void)snprintf(name, sizeof(name), "%s-%s", scenarios[id].name,
				       side_name[side]);
			netns_make(name, b->attachment[id][side].netns);
			for (int i = 0; i < WARM_UPS; i++)
				check_work(b, id, side);
		}
	}
}

/** The side that comes at place @turn of @round: rotated, and in reverse every other time. */
static enum side whose_turn(const struct scenario *scenario, int round, int turn)
{
	enum side present[SIDES];
	int count = 0, place;

	for (enum side side = 0; side < SIDES; side++)
		if (scenario->side[side])
			present[count++] = side;
	if (turn >= count)
		return SIDES;
	place = (round + turn) % count;
	return present[(round / count) % 2 ? count - 1 - place : place];
}

static void run_rounds(struct bench *b)
{
	for (int round = 0; round < b->options.rounds; round++) {
		for (enum scenario_id id = 0; id < SCENARIOS; id++) {
			for (int turn = 0; turn < SIDES; turn++) {
				enum side side = whose_turn(&scenarios[id], round, turn);

				if (side < SIDES)
					take_turn(b, id, side, b->series[id][side]);
			}
		}
	}
}

static void print_series(const char *kind, const char *scenario, enum side side, enum verb verb,
			 const struct series *series)
{
	json_auto_t *line = NULL;

	if (series_is_empty(series))
		return;
	line = json_pack("{s:s, s:s, s:s, s:s, s:o}", "kind", kind, "scenario", scenario, "side",
			 side_name[side], "verb", verb_name[verb], "samples", series_json(series));
	if (!line || json_dumpf(line, stdout, JSON_COMPACT) < 0)
		die("cannot print the results");
	(void)puts("");
}

/** Peak memory of ADD and DEL; in rounds of their own, for the launcher costs time. */
static void run_memory(struct bench *b, enum scenario_id id)
{
	launcher = b->options.sides.launcher;
	for (enum side side = 0; side < SIDES; side++) {
		struct series series[VERBS] = {};

		for (int i = 0; scenarios[id].side[side] && i < MEMORY_ROUNDS; i++)
			take_turn(b, id, side, series);
		for (enum verb verb = 0; verb < VERBS; verb++) {
			print_series("memory", scenarios[id].name, side, verb, &series[verb]);
			series_done(&series[verb]);
		}
	}
	launcher = NULL;
}

/** Call @verb for all of @pods at once; the sample is the time until the last one is done. */
static void burst(const struct contest *contest, struct attachment *pods, int count, enum verb verb,
		  struct series *series)
{
	_cleanup_(freep) struct flight *flights = calloc((size_t)count, sizeof(*flights));
	int failures = series->failures;
	double cpu_ms = 0, started;

	if (!flights)
		die("out of memory");
	settle();
	started = clock_ms();
	for (int i = 0; i < count; i++) {
		struct call call = call_of(contest, &pods[i], verb);

		flights[i] = call_start(&call);
	}
	for (int i = 0; i < count; i++) {
		_cleanup_(outcome_done) struct outcome outcome = call_finish(&flights[i]);

		cpu_ms += outcome.cpu_ms;
		if (!outcome.ok)
			series_fail(series, outcome.output);
		else if (verb == VERB_ADD)
			remember_result(&pods[i], contest->input, outcome.output);
	}
	if (series->failures == failures)
		series_add(series, clock_ms() - started, cpu_ms / count, 0);
}

static void run_bursts(struct bench *b, enum scenario_id id)
{
	const int count = b->options.burst_size;
	_cleanup_(freep) struct attachment *pods = calloc((size_t)count, sizeof(*pods));
	struct series series[SIDES][VERBS] = {};

	if (!pods)
		die("out of memory");
	for (int i = 0; i < count; i++) {
		char name[NAME_SIZE];

		(void)snprintf(name, sizeof(name), "burst-%d", i);
		netns_make(name, pods[i].netns);
	}
	for (int round = 0; round < b->options.bursts; round++) {
		for (int turn = 0; turn < SIDES; turn++) {
			enum side side = whose_turn(&scenarios[id], round, turn);

			if (side == SIDES)
				continue;
			for (int i = 0; i < count; i++)
				new_container(b, &pods[i]);
			for (enum verb verb = VERB_ADD; verb <= VERB_DEL; verb++)
				burst(&b->contest[id][side], pods, count, verb,
				      &series[side][verb]);
		}
	}
	for (enum side side = 0; side < SIDES; side++) {
		for (enum verb verb = 0; verb < VERBS; verb++) {
			print_series("burst", scenarios[id].name, side, verb, &series[side][verb]);
			series_done(&series[side][verb]);
		}
	}
	for (int i = 0; i < count; i++)
		freep(&pods[i].input);
}

static void finish_rounds(struct bench *b)
{
	for (enum scenario_id id = 0; id < SCENARIOS; id++) {
		for (enum side side = 0; side < SIDES; side++) {
			for (enum verb verb = 0; verb < VERBS; verb++) {
				print_series("single", scenarios[id].name, side, verb,
					     &b->series[id][side][verb]);
				series_done(&b->series[id][side][verb]);
			}
			freep(&b->attachment[id][side].input);
		}
	}
}

static int number(const char *text, int max)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*end || end == text || value < 0 || value > max)
		die("\"%s\": must be a number up to %d", text, max);
	return (int)value;
}

static void read_options(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{"ours", required_argument, NULL, 'o'},
		{"peer", required_argument, NULL, 'p'},
		{"floor", required_argument, NULL, 'f'},
		{"launcher", required_argument, NULL, 'l'},
		{"rounds", required_argument, NULL, 'r'},
		{"bursts", required_argument, NULL, 'b'},
		{"burst-size", required_argument, NULL, 's'},
		{},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (opt) {
		case 'o':
			options->sides.location[SIDE_OURS] = optarg;
			options->sides.location[SIDE_BASE] = optarg;
			break;
		case 'p':
			options->sides.location[SIDE_PEER] = optarg;
			break;
		case 'f':
			options->sides.location[SIDE_FLOOR] = optarg;
			break;
		case 'l':
			options->sides.launcher = optarg;
			break;
		case 'r':
			options->rounds = number(optarg, 1000000);
			break;
		case 'b':
			options->bursts = number(optarg, 1000000);
			break;
		case 's':
			options->burst_size = number(optarg, BURST_MAX);
			break;
		default:
			die("see test/perf/run --help");
		}
	}
	for (enum side side = 0; side < SIDES; side++)
		if (!options->sides.location[side])
			die("--%s is missing", side_name[side]);
	if (!options->sides.launcher)
		die("--launcher is missing");
}

int main(int argc, char **argv)
{
	static struct bench bench = {
		.options = {.rounds = 40, .bursts = 3, .burst_size = 100},
	};

	read_options(&bench.options, argc, argv);
	prepare(&bench);
	run_rounds(&bench);
	run_memory(&bench, BRIDGE);
	run_bursts(&bench, BRIDGE_MASQ);
	finish_rounds(&bench);
	return 0;
}
