/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "frames.h"
#include "shared/conntrack.h"
#include "shared/drop.h"

/**
 * The programs, loaded into a node of their own (sandbox()) with three interfaces: pods A and B,
 * and an uplink. Packets are given to a program without being sent: BPF_PROG_TEST_RUN.
 */
enum program { FROM_POD, TO_POD, FROM_UPLINK, TO_UPLINK, CARRY, PROGRAMS };
enum where { POD_A, POD_B, UPLINK, WHERE_MAX };

enum { PASSED = -1, DROPPED = 2, REDIRECTED = 7 };

/** For cmocka: load, and set up A and B; unload. */
int programs_load(void **state);
int programs_unload(void **state);

/** From now on packets came to the node by this interface; WHERE_MAX: they are the node's own. */
void programs_came_by(enum where where);

/** What @program does with @f at an interface. */
int programs_run(enum program program, enum where where, const struct frame *f);

/** Fails the test unless @program drops @f for this reason, and says whose it was. */
void programs_drop(enum program program, enum where where, const struct frame *f,
		   enum drop_reason reason, const char *what);

/** Flags of both of the pod's entries. */
void programs_set_flags(enum where pod, uint32_t flags);

/** Its addresses are another pod's since @ticks, CT_TICKS, with these flags. */
void programs_heir(enum where pod, uint32_t ticks, uint32_t flags);

/** The entry of the flow that @f belongs to; false if there is none. */
int programs_flow(const struct frame *f, struct ct_entry *out);

/** Let @seconds go by for that entry: it was seen so much earlier. */
void programs_age(const struct frame *f, uint32_t seconds);

/** How many entries there are. */
unsigned int programs_flows(void);

/** Wish for events; take the next of them, false if there is none. */
void programs_listen(uint32_t kinds, uint32_t per_second);
int programs_event(struct event *out);

/** Packets counted so far, of all CPUs. */
uint64_t programs_counted(enum drop_reason reason, enum direction dir);

/**
 * How many atomic operations on its own stack @program has with what it calls: nobody else sees
 * these, they are barriers. With @weak only those that are none: they return nothing, and such may
 * be overtaken (arm64: STSET for LDSETAL).
 */
unsigned int programs_barriers(enum program program, bool weak);

int programs_map(const char *name);
