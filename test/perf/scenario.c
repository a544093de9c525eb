// SPDX-License-Identifier: Apache-2.0
// The table of scenarios, and the configuration each side gets.
#include "scenario.h"

#include <stdio.h>

#include "world.h"

enum { FIRST_SUBNET = 100 };

const char *const side_name[SIDES] = {
	[SIDE_OURS] = "ours",
	[SIDE_PEER] = "peer",
	[SIDE_FLOOR] = "floor",
	[SIDE_BASE] = "base",
};

const struct scenario scenarios[SCENARIOS] = {
	[VERSION] = {.name = "version",
		     .kind = KIND_VERSION,
		     .side = {[SIDE_OURS] = true, [SIDE_PEER] = true}},
	[LOOPBACK] = {.name = "loopback",
		      .kind = KIND_LOOPBACK,
		      .side = {[SIDE_OURS] = true, [SIDE_PEER] = true}},
	[BRIDGE] = {.name = "bridge",
		    .kind = KIND_BRIDGE,
		    .side = {[SIDE_OURS] = true, [SIDE_PEER] = true, [SIDE_FLOOR] = true}},
	[BRIDGE_MASQ] = {.name = "bridge_masq",
			 .kind = KIND_BRIDGE,
			 .masquerade = true,
			 .side = {[SIDE_OURS] = true, [SIDE_PEER] = true}},
	[DUALSTACK] = {.name = "dualstack",
		       .kind = KIND_BRIDGE,
		       .dual_stack = true,
		       .side = {[SIDE_OURS] = true, [SIDE_PEER] = true}},
	[LEASES5000] = {.name = "leases5000",
			.kind = KIND_BRIDGE,
			.leases = 5000,
			.side = {[SIDE_OURS] = true, [SIDE_PEER] = true, [SIDE_BASE] = true}},
};

static void write_bridge_input(struct contest *contest, unsigned int subnet)
{
	const struct scenario *scenario = contest->scenario;
	char range6[NAME_SIZE] = "";

	if (scenario->dual_stack)
		(void)snprintf(range6, sizeof(range6), ",[{\"subnet\":\"fd00:%u::/64\"}]", subnet);
	(void)snprintf(contest->input, INPUT_SIZE,
		       "{\"cniVersion\":\"1.0.0\",\"name\":\"%s\",\"type\":\"bridge\","
		       "\"bridge\":\"%s\",\"isGateway\":true,\"ipMasq\":%s,"
		       "\"ipam\":{\"type\":\"host-local\","
		       "\"ranges\":[[{\"subnet\":\"%s.0.0/16\"}]%s],"
		       "\"routes\":[{\"dst\":\"0.0.0.0/0\"}%s]}}",
		       contest->network, contest->bridge, scenario->masquerade ? "true" : "false",
		       contest->subnet, range6, scenario->dual_stack ? ",{\"dst\":\"::/0\"}" : "");
}

static void write_input(struct contest *contest, unsigned int subnet)
{
	switch (contest->scenario->kind) {
	case KIND_VERSION:
		(void)snprintf(contest->input, INPUT_SIZE, "{\"cniVersion\":\"1.0.0\"}");
		break;
	case KIND_LOOPBACK:
		(void)snprintf(contest->input, INPUT_SIZE,
			       "{\"cniVersion\":\"1.0.0\",\"name\":\"%s\",\"type\":\"loopback\"}",
			       contest->network);
		break;
	case KIND_BRIDGE:
		write_bridge_input(contest, subnet);
		break;
	}
}

void contest_prepare(struct contest *contest, enum scenario_id id, enum side side,
		     const struct sides *sides)
{
	const struct scenario *scenario = &scenarios[id];
	const bool loopback = scenario->kind == KIND_LOOPBACK;
	const bool floor = side == SIDE_FLOOR;
	unsigned int subnet = FIRST_SUBNET + (unsigned int)id * SIDES + side;

	contest->scenario = scenario;
	contest->side = side;
	if (floor)
		(void)snprintf(contest->program, PROGRAM_SIZE, "%s", sides->location[side]);
	else
		(void)snprintf(contest->program, PROGRAM_SIZE, "%s/%s", sides->location[side],
			       loopback ? "loopback" : "bridge");
	(void)snprintf(contest->network, NAME_SIZE, "perf-%s-%s", scenario->name, side_name[side]);
	(void)snprintf(contest->bridge, NAME_SIZE, "perf%d%s", id, side_name[side]);
	(void)snprintf(contest->subnet, NAME_SIZE, "10.%u", subnet);
	write_input(contest, subnet);
	contest->args[0] = contest->bridge;
	contest->args[1] = contest->network;
	contest->args[2] = contest->subnet;
	contest->call = (struct call){
		.program = contest->program,
		.args = floor ? contest->args : NULL,
		.ifname = loopback ? "lo" : "eth0",
		.plugins = floor ? "/" : sides->location[side],
		.container = "",
		.netns = "",
		.input = contest->input,
	};
	if (scenario->leases && side != SIDE_BASE)
		leases_make(contest->network, contest->subnet, scenario->leases);
}
