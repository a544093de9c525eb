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
#include "pod.h"
#include "scenario.h"
#include "series.h"
#include "world.h"

enum {
	WARM_UPS = 2,
	MEMORY_ROUNDS = 5,
	BURST_MAX = 1000,
	CROWD = 100, ///< pods that are there already
	CROWD_BLOCKS = 4,
	SETTLE_NS = 2000000,
};

struct options {
	struct sides sides;
	int rounds, bursts, burst_size;
};

struct bench {
	struct options options;
	struct contest contest[SCENARIOS][SIDES];
	struct pod pod[SCENARIOS][SIDES];
	struct series series[SCENARIOS][SIDES][VERBS];
};

static const char *launcher; // set while memory is measured: every call goes through it

/** Let the kernel finish what the call before left to it, so that the next does not pay for it. */
static void settle(void)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = SETTLE_NS}, NULL);
}

static void measure(const struct contest *contest, struct pod *pod, enum verb verb,
		    struct series *series)
{
	settle();
	pod_measure(pod, contest, verb, launcher, series);
}

/** One turn of one side: a container comes and goes. */
static void take_turn(const struct contest *contest, struct pod *pod, struct series series[VERBS])
{
	pod_renew(pod);
	if (contest->scenario->steps[0] == STEP_VERSION) {
		measure(contest, pod, VERB_VERSION, &series[VERB_VERSION]);
		return;
	}
	measure(contest, pod, VERB_ADD, &series[VERB_ADD]);
	measure(contest, pod, VERB_DEL, &series[VERB_DEL]);
}

static bool makes_link(const struct scenario *scenario)
{
	const enum step_kind first = scenario->steps[0];

	return first == STEP_BRIDGE || first == STEP_EBPF || first == STEP_FLANNEL;
}

/** A plugin that says "done" and does nothing would be the fastest: look once. */
static void check_work(struct bench *b, enum scenario_id id, enum side side)
{
	struct contest *contest = &b->contest[id][side];
	struct pod *pod = &b->pod[id][side];
	struct series ignored[VERBS] = {};

	if (!makes_link(contest->scenario))
		return;
	pod_renew(pod);
	for (enum verb verb = VERB_ADD; verb <= VERB_DEL; verb++) {
		measure(contest, pod, verb, &ignored[verb]);
		if (ignored[verb].failures)
			series_fail(&b->series[id][side][verb], ignored[verb].error);
		else if (netns_has_link(pod->netns, "eth0") != (verb == VERB_ADD))
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
			netns_make(name, b->pod[id][side].netns);
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
					take_turn(&b->contest[id][side], &b->pod[id][side],
						  b->series[id][side]);
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

/** Print what @kind of measurement found of one side, and forget it. */
static void finish(const char *kind, enum scenario_id id, enum side side,
		   struct series series[VERBS])
{
	for (enum verb verb = 0; verb < VERBS; verb++) {
		print_series(kind, scenarios[id].name, side, verb, &series[verb]);
		series_done(&series[verb]);
	}
}

/** Peak memory of ADD and DEL; in rounds of their own, for the launcher costs time. */
static void run_memory(struct bench *b, enum scenario_id id)
{
	launcher = b->options.sides.launcher;
	for (enum side side = 0; side < SIDES; side++) {
		struct series series[VERBS] = {};

		for (int i = 0; scenarios[id].side[side] && i < MEMORY_ROUNDS; i++)
			take_turn(&b->contest[id][side], &b->pod[id][side], series);
		finish("memory", id, side, series);
	}
	launcher = NULL;
}

/** Pods in namespaces of their own, called after @what. */
static struct pod *make_pods(const char *what, int count)
{
	struct pod *pods = calloc((size_t)count, sizeof(*pods));

	if (!pods)
		die("out of memory");
	for (int i = 0; i < count; i++) {
		char name[NAME_SIZE];

		(void)snprintf(name, sizeof(name), "%s-%d", what, i);
		netns_make(name, pods[i].netns);
	}
	return pods;
}

static void free_pods(struct pod *pods, int count)
{
	for (int i = 0; i < count; i++)
		pod_done(&pods[i]);
	free(pods);
}

/** Call @verb for all of @pods at once; the sample is the time until the last one is done. */
static void burst(const struct contest *contest, struct pod *pods, int count, enum verb verb,
		  struct series *series)
{
	_cleanup_(freep) struct flight *flights = calloc((size_t)count, sizeof(*flights));
	int failures = series->failures;
	double cpu_ms = 0, started;

	if (!flights)
		die("out of memory");
	settle();
	started = clock_ms();
	for (int i = 0; i < count; i++)
		flights[i] = pod_start(&pods[i], contest, 0, verb, NULL);
	for (int i = 0; i < count; i++) {
		_cleanup_(outcome_done) struct outcome outcome = call_finish(&flights[i]);

		cpu_ms += outcome.cpu_ms;
		if (!outcome.ok)
			series_fail(series, outcome.output);
		else if (verb == VERB_ADD)
			pod_take_result(&pods[i], &outcome);
	}
	if (series->failures == failures)
		series_add(series, clock_ms() - started, cpu_ms / count, 0);
}

/** Of one plugin, not of a chain. */
static void run_bursts(struct bench *b, enum scenario_id id)
{
	const int count = b->options.burst_size;
	struct pod *pods = make_pods(scenarios[id].name, count);
	struct series series[SIDES][VERBS] = {};

	for (int round = 0; round < b->options.bursts; round++) {
		for (int turn = 0; turn < SIDES; turn++) {
			enum side side = whose_turn(&scenarios[id], round, turn);

			if (side == SIDES)
				continue;
			for (int i = 0; i < count; i++)
				pod_renew(&pods[i]);
			for (enum verb verb = VERB_ADD; verb <= VERB_DEL; verb++)
				burst(&b->contest[id][side], pods, count, verb,
				      &series[side][verb]);
		}
	}
	for (enum side side = 0; side < SIDES; side++)
		finish("burst", id, side, series[side]);
	free_pods(pods, count);
}

/** All of the crowd come, or go, each with a port of its own. */
static void move_crowd(struct contest *contest, struct pod *pods, enum verb verb)
{
	struct series ignored = {};

	for (int i = 0; i < CROWD; i++) {
		contest_set_port(contest, HOST_PORT + 1 + i);
		if (verb == VERB_ADD)
			pod_renew(&pods[i]);
		pod_measure(&pods[i], contest, verb, NULL, &ignored);
	}
	if (ignored.failures)
		die("%s of one of %d pods: %s", verb_name[verb], CROWD, ignored.error);
	series_done(&ignored);
}

/**
 * Whether others cost: our pod comes and goes alone, then among CROWD pods of its network, in
 * blocks by turns.
 */
static void run_crowd(struct bench *b, enum scenario_id id)
{
	const int rounds = (b->options.rounds + CROWD_BLOCKS - 1) / CROWD_BLOCKS;
	const struct contest *contest = &b->contest[id][SIDE_OURS];
	struct pod *pods = make_pods("crowd", CROWD);
	struct pod *pod = &b->pod[id][SIDE_OURS];
	struct series series[SIDES][VERBS] = {};
	struct contest crowd;

	contest_prepare(&crowd, id, SIDE_OURS, &b->options.sides);
	for (int block = 0; block < CROWD_BLOCKS; block++) {
		for (int i = 0; i < rounds; i++)
			take_turn(contest, pod, series[SIDE_BASE]);
		move_crowd(&crowd, pods, VERB_ADD);
		for (int i = 0; i < rounds; i++)
			take_turn(contest, pod, series[SIDE_OURS]);
		move_crowd(&crowd, pods, VERB_DEL);
	}
	finish("crowd", id, SIDE_OURS, series[SIDE_OURS]);
	finish("crowd", id, SIDE_BASE, series[SIDE_BASE]);
	free_pods(pods, CROWD);
}

static void finish_rounds(struct bench *b)
{
	for (enum scenario_id id = 0; id < SCENARIOS; id++) {
		for (enum side side = 0; side < SIDES; side++) {
			finish("single", id, side, b->series[id][side]);
			pod_done(&b->pod[id][side]);
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
	run_bursts(&bench, EBPF);
	run_crowd(&bench, K3S_CHAIN);
	finish_rounds(&bench);
	return 0;
}
