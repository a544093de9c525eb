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
	SIDE_BASE,  ///< ours again, under the conditions the scenario compares itself with
	SIDES,
};

extern const char *const side_name[SIDES];

enum scenario_kind {
	KIND_VERSION, ///< VERSION of the bridge plugin; all others do ADD and DEL
	KIND_LOOPBACK,
	KIND_BRIDGE, ///< bridge with host-local, which is also the gateway
};

struct scenario {
	const char *name;
	enum scenario_kind kind;
	bool masquerade;
	bool dual_stack;
	int leases;       ///< leases of others, for every side but SIDE_BASE
	bool side[SIDES]; ///< who takes part
};

enum scenario_id { VERSION, LOOPBACK, BRIDGE, BRIDGE_MASQ, DUALSTACK, LEASES5000, SCENARIOS };

extern const struct scenario scenarios[SCENARIOS];

/** Where the programs of each side lie. */
struct sides {
	const char *location[SIDES]; ///< the plugins' directory; for SIDE_FLOOR the program itself
	const char *launcher;
};

enum { NAME_SIZE = 48, INPUT_SIZE = 1024, PROGRAM_SIZE = 256 };

/** A scenario as one side runs it. */
struct contest {
	const struct scenario *scenario;
	enum side side;
	char program[PROGRAM_SIZE];
	char network[NAME_SIZE];
	char bridge[NAME_SIZE];
	char subnet[NAME_SIZE]; ///< the first two bytes, as "10.100"
	char input[INPUT_SIZE]; ///< the configuration
	const char *args[4];    ///< of the floor
	struct call call;       ///< all that is the same in every call
};

/** @contest must stay where it is: its call points into it. */
void contest_prepare(struct contest *contest, enum scenario_id id, enum side side,
		     const struct sides *sides);
