/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "bpf/ringbuf.h"

/**
 * Who listens to the events: one at a time, for the ring buffer has one reader. The programs report
 * only while somebody does.
 */
struct listener {
	int lock;   ///< on LISTENER_LOCK, for as long as it listens
	int events; ///< the map: readable for poll(2) when there are some
	struct ringbuf ring;
};

#define LISTENER_LOCK   "/run/edgeway/events.lock"
#define LISTENER_CLOSED ((struct listener){.lock = -1, .events = -1})

/**
 * Begin to listen to @kinds, enum event_kind. ERR_EXISTS if another process does. Events of earlier
 * are not told.
 */
int listener_begin(struct listener *l, unsigned int kinds, struct err *e) _must_check_;

/** Nobody listens any more: the programs stop reporting. A failure to tell them is logged. */
void listener_end(struct listener *l);

/** The process that listens, or 0 if none does. */
pid_t listener_pid(void);
