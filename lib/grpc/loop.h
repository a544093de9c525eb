/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"

/**
 * One thread's wait for everything: descriptors and deadlines, each with a function to call.
 *
 * Who has no loop of its own runs this one with loop_run(). Who has, watches loop_fd() in it, which
 * is readable whenever there is something to do, deadlines included, and then calls loop_step(l, 0,
 * e) until it returns 0.
 *
 * Watches and timers belong to the caller and are part of its structs. Any of them may be taken
 * away by any function that the loop calls, its own included: events are fetched one at a time, so
 * none is left that speaks of what is gone, and the kernel hands out ready descriptors in turn.
 */
struct loop;

/** @events as of epoll_wait(2). */
typedef void loop_fn(void *ctx, uint32_t events);
typedef void loop_timer_fn(void *ctx);

struct loop_watch {
	loop_fn *fn;
	void *ctx;
	int fd; ///< watched, or -1: set by loop_watch() and loop_unwatch()
};

struct loop_timer {
	loop_timer_fn *fn;
	void *ctx;
	int64_t due;  ///< by loop_now()
	size_t place; ///< in the loop's heap, from 1; 0: not running
};

int loop_open(struct loop **l, struct err *e) _must_check_;

/** What was watched is no longer; the descriptors stay open, the timers forget that they ran. */
void loop_closep(struct loop **l);

/** Readable when loop_step() has something to do. It is the loop's own. */
int loop_fd(const struct loop *l);

/**
 * Wait @ms milliseconds at most (-1: for ever) and do one thing that is due. 1: it did, 0: there
 * was nothing, -1: @e is filled.
 */
int loop_step(struct loop *l, int ms, struct err *e) _must_check_;

/** Do what is due until somebody calls loop_stop(). */
int loop_run(struct loop *l, struct err *e) _must_check_;
void loop_stop(struct loop *l);

/** Call w->fn when one of @events is there for @fd (EPOLLIN...), as long as it is there. */
int loop_watch(struct loop *l, struct loop_watch *w, int fd, uint32_t events,
	       struct err *e) _must_check_;

/** Wait for other events on what is watched. */
void loop_rewatch(struct loop *l, struct loop_watch *w, uint32_t events);

/** Do this before the descriptor is closed. What is not watched is left alone. */
void loop_unwatch(struct loop *l, struct loop_watch *w);

/** Milliseconds of CLOCK_MONOTONIC. */
int64_t loop_now(void);

/** Call t->fn once, @ms milliseconds from now; a timer that runs is set anew. */
int loop_timer_set(struct loop *l, struct loop_timer *t, int64_t ms, struct err *e) _must_check_;
void loop_timer_stop(struct loop *l, struct loop_timer *t);
