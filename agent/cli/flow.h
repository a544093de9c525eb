/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "../bpf/shared/datapath.h"
#include "cli/pods.h"

/** The object that stands for an event; @offset: text_clock_offset(). */
json_t *flow_describe(const struct event *event, const struct pods *pods, int64_t offset);

/** The same on one line for people; and the titles above it. Returns 0, or -1 if nobody reads. */
int flow_print(FILE *out, const json_t *row) _must_check_;
int flow_print_titles(FILE *out) _must_check_;
