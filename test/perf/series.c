// SPDX-License-Identifier: Apache-2.0
// Keeps samples and turns them into JSON; the statistics are made by the script that reads it.
#include "series.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "call.h"

enum { FIRST_ROOM = 64 };

static void grow(double **array, size_t room)
{
	double *larger = realloc(*array, room * sizeof(**array));

	if (!larger)
		die("out of memory");
	*array = larger;
}

void series_add(struct series *series, double wall_ms, double cpu_ms, double rss_kb)
{
	if (series->count == series->room) {
		series->room = series->room ? 2 * series->room : FIRST_ROOM;
		grow(&series->wall_ms, series->room);
		grow(&series->cpu_ms, series->room);
		grow(&series->rss_kb, series->room);
	}
	series->wall_ms[series->count] = wall_ms;
	series->cpu_ms[series->count] = cpu_ms;
	series->rss_kb[series->count] = rss_kb;
	series->count++;
}

void series_fail(struct series *series, const char *text)
{
	series->failures++;
	if (!series->error)
		series->error = strdup(text);
}

bool series_is_empty(const struct series *series)
{
	return series->count == 0 && series->failures == 0;
}

static json_t *numbers(const double *values, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_real(values[i]));
	return array;
}

json_t *series_json(const struct series *series)
{
	// A plugin that crashed may have written anything; jansson refuses what is not UTF-8.
	json_t *error = json_string(series->error ? series->error : "");

	return json_pack("{s:o, s:o, s:o, s:i, s:o}", "wall_ms",
			 numbers(series->wall_ms, series->count), "cpu_ms",
			 numbers(series->cpu_ms, series->count), "rss_kb",
			 numbers(series->rss_kb, series->count), "failures", series->failures,
			 "error", error ? error : json_string("(output is not text)"));
}

void series_done(struct series *series)
{
	freep(&series->wall_ms);
	freep(&series->cpu_ms);
	freep(&series->rss_kb);
	freep(&series->error);
}
