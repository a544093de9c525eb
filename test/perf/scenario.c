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

#define BOTH .side = {[SIDE_OURS] = true, [SIDE_PEER] = true}

const struct scenario scenarios[SCENARIOS] = {
	[VERSION] = {"version", {STEP_VERSION}, 1, BOTH},
	[LOOPBACK] = {"loopback", {STEP_LOOPBACK}, 1, BOTH},
	[BRIDGE] = {"bridge",
		    {STEP_BRIDGE},
		    1,
		    .side = {[SIDE_OURS] = true, [SIDE_PEER] = true, [SIDE_FLOOR] = true}},
	[BRIDGE_MASQ] = {"bridge_masq", {STEP_BRIDGE}, 1, .masquerade = true, BOTH},
	[DUALSTACK] = {"dualstack", {STEP_BRIDGE}, 1, .dual_stack = true, BOTH},
	[LEASES5000] = {"leases5000",
			{STEP_BRIDGE},
			1,
			.leases = 5000,
			.side = {[SIDE_OURS] = true, [SIDE_PEER] = true, [SIDE_BASE] = true}},
	// The others take part with a bridge.
	[EBPF] = {"ebpf",
		  {STEP_EBPF},
		  1,
		  .masquerade = true,
		  .side = {[SIDE_OURS] = true, [SIDE_PEER] = true, [SIDE_BASE] = true}},
	[K3S_CHAIN] = {"k3s_chain", {STEP_FLANNEL, STEP_PORTMAP, STEP_BANDWIDTH}, 3, BOTH},
	[FULL_CHAIN] = {"full_chain",
			{STEP_BRIDGE, STEP_PORTMAP, STEP_BANDWIDTH, STEP_FIREWALL},
			4,
			.masquerade = true,
			BOTH},
	[PORTMAP_IDLE] = {"portmap_idle", {STEP_PORTMAP_IDLE}, 1, BOTH},
};

static const char *const step_plugin[] = {
	[STEP_VERSION] = "bridge",
	[STEP_LOOPBACK] = "loopback",
	[STEP_BRIDGE] = "bridge",
	[STEP_FLANNEL] = "bridge",
	[STEP_EBPF] = "ebpf",
	[STEP_PORTMAP] = "portmap",
	[STEP_PORTMAP_IDLE] = "portmap",
	[STEP_BANDWIDTH] = "bandwidth",
	[STEP_FIREWALL] = "firewall",
};

/** ebpf is ours alone, and compared with bridges. */
static enum step_kind step_of(const struct contest *contest, int i)
{
	enum step_kind kind = contest->scenario->steps[i];

	return kind == STEP_EBPF && contest->side != SIDE_OURS ? STEP_BRIDGE : kind;
}

/** What each configuration has in common, without the closing brace. */
static int write_head(const struct contest *contest, enum step_kind kind, char *out)
{
	return snprintf(out, INPUT_SIZE,
			"{\"cniVersion\":\"1.0.0\",\"name\":\"%s\",\"type\":\"%s\"",
			contest->network, step_plugin[kind]);
}

static void write_bridge(const struct contest *contest, char *out, size_t size)
{
	const struct scenario *scenario = contest->scenario;
	char range6[NAME_SIZE] = "";

	if (scenario->dual_stack)
		(void)snprintf(range6, sizeof(range6), ",[{\"subnet\":\"fd00:%s::/64\"}]",
			       contest->subnet + 3);
	(void)snprintf(out, size,
		       ",\"bridge\":\"%s\",\"isGateway\":true,\"ipMasq\":%s,"
		       "\"ipam\":{\"type\":\"host-local\","
		       "\"ranges\":[[{\"subnet\":\"%s.0.0/16\"}]%s],"
		       "\"routes\":[{\"dst\":\"0.0.0.0/0\"}%s]}}",
		       contest->bridge, scenario->masquerade ? "true" : "false", contest->subnet,
		       range6, scenario->dual_stack ? ",{\"dst\":\"::/0\"}" : "");
}

static void write_ebpf(const struct contest *contest, char *out, size_t size)
{
	(void)snprintf(out, size,
		       ",\"ipMasq\":%s,\"ipam\":{\"type\":\"host-local\","
		       "\"ranges\":[[{\"subnet\":\"%s.0.0/16\"}]]}}",
		       contest->scenario->masquerade ? "true" : "false", contest->subnet);
}

/** What K3s' flannel hands to bridge. */
static void write_flannel(const struct contest *contest, char *out, size_t size)
{
	(void)snprintf(
		out, size,
		",\"bridge\":\"%s\",\"forceAddress\":true,\"hairpinMode\":true,"
		"\"isDefaultGateway\":true,\"isGateway\":true,\"ipMasq\":false,\"mtu\":1450,"
		"\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"%s.0.0/24\"}]],"
		"\"routes\":[{\"dst\":\"%s.0.0/16\"}]}}",
		contest->bridge, contest->subnet, contest->subnet);
}

static void write_step(struct contest *contest, int i)
{
	enum step_kind kind = step_of(contest, i);
	char *text = contest->step[i].input;
	int len = write_head(contest, kind, text);
	char *out = text + len;
	size_t size = (size_t)(INPUT_SIZE - len);

	switch (kind) {
	case STEP_VERSION:
	case STEP_LOOPBACK:
	case STEP_FIREWALL:
		(void)snprintf(out, size, "}");
		break;
	case STEP_BRIDGE:
		write_bridge(contest, out, size);
		break;
	case STEP_EBPF:
		write_ebpf(contest, out, size);
		break;
	case STEP_FLANNEL:
		write_flannel(contest, out, size);
		break;
	case STEP_PORTMAP:
		(void)snprintf(out, size,
			       ",\"snat\":true,\"capabilities\":{\"portMappings\":true},"
			       "\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":%d,"
			       "\"containerPort\":80,\"protocol\":\"tcp\"}]}}",
			       contest->host_port);
		break;
	case STEP_PORTMAP_IDLE:
		(void)snprintf(out, size,
			       ",\"snat\":true,\"capabilities\":{\"portMappings\":true},"
			       "\"prevResult\":{\"cniVersion\":\"1.0.0\",\"interfaces\":"
			       "[{\"name\":\"eth0\",\"sandbox\":\"/run/netns/pod\"}],"
			       "\"ips\":[{\"address\":\"10.1.0.2/16\",\"interface\":0}]}}");
		break;
	case STEP_BANDWIDTH: // the burst is containerd's
		(void)snprintf(out, size,
			       ",\"capabilities\":{\"bandwidth\":true},\"runtimeConfig\":"
			       "{\"bandwidth\":{\"ingressRate\":100000000,"
			       "\"ingressBurst\":4294967295,\"egressRate\":100000000,"
			       "\"egressBurst\":4294967295}}}");
		break;
	}
}

void contest_set_port(struct contest *contest, int host_port)
{
	contest->host_port = host_port;
	for (int i = 0; i < contest->scenario->n_steps; i++)
		write_step(contest, i);
}

static void name_program(struct contest *contest, int i, const char *location)
{
	char *program = contest->step[i].program;

	if (contest->side == SIDE_FLOOR)
		(void)snprintf(program, PROGRAM_SIZE, "%s", location);
	else
		(void)snprintf(program, PROGRAM_SIZE, "%s/%s", location,
			       step_plugin[step_of(contest, i)]);
}

void contest_prepare(struct contest *contest, enum scenario_id id, enum side side,
		     const struct sides *sides)
{
	const struct scenario *scenario = &scenarios[id];
	const bool floor = side == SIDE_FLOOR;

	*contest = (struct contest){.scenario = scenario, .side = side};
	(void)snprintf(contest->network, NAME_SIZE, "perf-%s-%s", scenario->name, side_name[side]);
	(void)snprintf(contest->bridge, NAME_SIZE, "perf%d%s", id, side_name[side]);
	(void)snprintf(contest->subnet, NAME_SIZE, "10.%u",
		       FIRST_SUBNET + (unsigned int)id * SIDES + side);
	for (int i = 0; i < scenario->n_steps; i++)
		name_program(contest, i, sides->location[side]);
	contest_set_port(contest, HOST_PORT);
	contest->args[0] = contest->bridge;
	contest->args[1] = contest->network;
	contest->args[2] = contest->subnet;
	contest->call = (struct call){
		.args = floor ? contest->args : NULL,
		.ifname = id == LOOPBACK ? "lo" : "eth0",
		.plugins = floor ? "/" : sides->location[side],
	};
	if (scenario->leases && side != SIDE_BASE)
		leases_make(contest->network, contest->subnet, scenario->leases);
}
