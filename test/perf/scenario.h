/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/**
 * What is measured: each scenario is a configuration, and the sides that run it in turn.
 *
 * Every side has a network, a bridge and an address range of its own, so that no side pays for
 * what another left behind.
 */
#include <stdbool.h>

#include "call.h"

enum side {
	SIDE_OURS,
	SIDE_PEER,  ///< the reference plugins
	SIDE_FLOOR, ///< a program that does the same kernel work and nothing else
	SIDE_BASE,  ///< ours again, in the way that the scenario compares itself with
	SIDES,
};

extern const char *const side_name[SIDES];

/** What a scenario's plugins are told; each writes a configuration. */
enum step_kind {
	STEP_VERSION, ///< VERSION of the bridge plugin; all others do ADD and DEL
	STEP_LOOPBACK,
	STEP_BRIDGE,       ///< with host-local, and the gateway
	STEP_EBPF,         ///< with host-local
	STEP_FLANNEL,      ///< bridge as K3s' flannel configures it
	STEP_PORTMAP,      ///< one port of the node
	STEP_PORTMAP_IDLE, ///< for a container without ports, with the result of others
	STEP_BANDWIDTH,    ///< both directions
	STEP_FIREWALL,
};

enum { STEPS_MAX = 4 };

struct scenario {
	const char *name;
	enum step_kind steps[STEPS_MAX];
	int n_steps;
	bool masquerade;
	bool dual_stack;
	int leases;       ///< leases of others, for every side but SIDE_BASE
	bool side[SIDES]; ///< who takes part
};

enum scenario_id {
	VERSION,
	LOOPBACK,
	BRIDGE,
	BRIDGE_MASQ,
	DUALSTACK,
	LEASES5000,
	EBPF,
	K3S_CHAIN,
	FULL_CHAIN,
	PORTMAP_IDLE,
	SCENARIOS
};

extern const struct scenario scenarios[SCENARIOS];

/** Where the programs of each side lie. */
struct sides {
	const char *location[SIDES]; ///< the plugins' directory; for SIDE_FLOOR the program itself
	const char *launcher;
};

enum { NAME_SIZE = 48, INPUT_SIZE = 1024, HOST_PORT = 8080, PROGRAM_SIZE = 256 };

/** One plugin of a chain. */
struct step {
	char program[PROGRAM_SIZE];
	char input[INPUT_SIZE]; ///< the configuration
};

/** A scenario as one side runs it. */
struct contest {
	const struct scenario *scenario;
	enum side side;
	char network[NAME_SIZE];
	char bridge[NAME_SIZE];
	char subnet[NAME_SIZE]; ///< the first two bytes, as "10.100"
	int host_port;
	struct step step[STEPS_MAX];
	const char *args[4]; ///< of the floor
	struct call call;    ///< all that is the same in every call
};

/** @contest must stay where it is: its call points into it. */
void contest_prepare(struct contest *contest, enum scenario_id id, enum side side,
		     const struct sides *sides);

/** Ask for another port of the node. */
void contest_set_port(struct contest *contest, int host_port);
