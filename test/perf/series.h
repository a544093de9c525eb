/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/** The measurements of one operation by one side, and their JSON. */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct series {
	double *wall_ms;
	double *cpu_ms;
	double *rss_kb;
	size_t count, room;
	int failures;
	char *error; ///< what the first failure said
};

/** Add a success. */
void series_add(struct series *series, double wall_ms, double cpu_ms, double rss_kb);

/** Count a failure that said @text; its time is not kept. */
void series_fail(struct series *series, const char *text);

bool series_is_empty(const struct series *series);

/** {"wall_ms": [...], "cpu_ms": [...], "rss_kb": [...], "failures": n, "error": "..."} */
json_t *series_json(const struct series *series);

void series_done(struct series *series);
