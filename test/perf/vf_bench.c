// SPDX-License-Identifier: Apache-2.0
/**
 * perf_vf_bench ROUNDS ADDRESS NETDEV SRIOV FLOOR - time the plugin SRIOV against the program
 * FLOOR, both with the virtual function at the PCI address ADDRESS, whose interface is NETDEV.
 *
 * Both take turns with the one VF in every round. One object of JSON per line comes out, holding
 * every sample. It wants a node of its own, with the VF in its namespace.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "call.h"
#include "series.h"
#include "world.h"

enum { WARM_UPS = 2, CONTENDERS = 4, CONF_SIZE = 512, SETTLE_NS = 20000000 };

static const char *const verb_name[] = {"ADD", "DEL"};

enum { VERBS = sizeof(verb_name) / sizeof(verb_name[0]) };

struct contender {
	const char *scenario, *side;
	const char *more; ///< of the configuration; NULL: the floor
	bool up;          ///< the floor puts the interface up, too
	const char *args[3];
	char conf[CONF_SIZE];
	struct call call;
	struct series series[VERBS];
};

static void turn(struct contender *c, bool counts)
{
	for (int verb = 0; verb < VERBS; verb++) {
		struct flight flight;

		c->call.verb = verb_name[verb];
		(void)nanosleep(&(struct timespec){.tv_nsec = SETTLE_NS}, NULL);
		flight = call_start(&c->call);
		_cleanup_(outcome_done) struct outcome outcome = call_finish(&flight);

		if (!outcome.ok)
			series_fail(&c->series[verb], outcome.output);
		else if (counts)
			series_add(&c->series[verb], outcome.wall_ms, outcome.cpu_ms, 0);
		if (outcome.ok && netns_has_link(c->call.netns, "net1") != (verb == 0))
			die("%s of %s did not move the interface", c->call.verb, c->call.program);
	}
}

static void print(const struct contender *c)
{
	for (int verb = 0; verb < VERBS; verb++) {
		json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:o}", "kind", "attach", "scenario",
					 c->scenario, "verb", verb_name[verb], "side", c->side,
					 "samples", series_json(&c->series[verb]));
		_cleanup_(freep) char *text = json_dumps(item, JSON_COMPACT);

		if (!text || puts(text) < 0)
			die("cannot print");
		json_decref(item);
	}
}

/** @argv as perf_vf_bench has it. */
static void prepare(struct contender *c, char **argv, const char *netns)
{
	(void)snprintf(c->conf, sizeof(c->conf),
		       "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\":\"sriov\","
		       "\"deviceID\":\"%s\"%s}",
		       argv[2], c->more ? c->more : "");
	c->args[0] = argv[3];
	c->args[1] = c->up ? "up" : NULL;
	c->call = (struct call){
		.program = c->more ? argv[4] : argv[5],
		.args = c->more ? NULL : c->args,
		.container = "perf",
		.netns = netns,
		.ifname = "net1",
		.plugins = "/nonexistent",
		.input = c->conf,
	};
}

int main(int argc, char **argv)
{
	static struct contender contenders[CONTENDERS] = {
		{.scenario = "bare", .side = "floor"},
		{.scenario = "bare", .side = "floor_up", .up = true},
		{.scenario = "bare", .side = "ours", .more = ""},
		{.scenario = "attributes",
		 .side = "ours",
		 .more = ",\"vlan\":100,\"mac\":\"02:00:00:00:aa:01\",\"spoofchk\":\"off\","
			 "\"trust\":\"on\",\"ipam\":{\"type\":\"host-local\",\"ranges\":"
			 "[[{\"subnet\":\"10.9.0.0/24\"}]]}"},
	};
	char netns[NETNS_PATH];
	int rounds;

	if (argc != 6)
		die("see test/perf/run --help");
	rounds = (int)strtol(argv[1], NULL, 10);
	netns_make("pod", netns);
	for (int i = 0; i < CONTENDERS; i++)
		prepare(&contenders[i], argv, netns);
	for (int round = -WARM_UPS; round < rounds; round++)
		for (int i = 0; i < CONTENDERS; i++)
			turn(&contenders[(i + round + WARM_UPS) % CONTENDERS], round >= 0);
	for (int i = 0; i < CONTENDERS; i++)
		print(&contenders[i]);
	return 0;
}
