/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/**
 * Calling a CNI plugin as a runtime does, with a stopwatch.
 *
 * A call is started and then waited for, so that many may be under way at once:
 *
 *	struct flight flight = call_start(&call);
 *	_cleanup_(outcome_done) struct outcome outcome = call_finish(&flight);
 *
 * The configuration goes in through a memfd and the result comes out through another: no pipe has
 * to be drained while the clock runs.
 */
#include <stdbool.h>
#include <sys/types.h>

struct call {
	const char *program;     ///< the plugin's executable
	const char *const *args; ///< its arguments, ended by NULL; may be NULL
	const char *verb;        ///< CNI_COMMAND
	const char *container;   ///< CNI_CONTAINERID
	const char *netns;       ///< CNI_NETNS
	const char *ifname;      ///< CNI_IFNAME
	const char *plugins;     ///< CNI_PATH
	const char *input;       ///< the configuration
	const char *launcher;    ///< start the plugin through this program and take its memory peak
};

/** A call under way. */
struct flight {
	pid_t pid;
	int output; ///< where the plugin's stdout goes
	int report; ///< where the launcher writes the peak; -1 without one
	double started;
};

struct outcome {
	bool ok;
	double wall_ms; ///< from just before the spawn until the process was reaped
	double cpu_ms;  ///< user and system time, children included
	long rss_kb;    ///< peak of the largest process; 0 without a launcher
	char *output;   ///< owned
};

double clock_ms(void);

struct flight call_start(const struct call *call);
struct outcome call_finish(struct flight *flight);

void outcome_done(struct outcome *outcome);

/** Print why the benchmark itself cannot go on, and exit. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
