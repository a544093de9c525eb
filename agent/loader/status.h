/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "loader/build.h"

/**
 * Print as one line of JSON what is loaded: "loaded", whether it is all there; "current", whether
 * it is @build; "build" and "ours", both hashes; "loads", how often something was loaded; "filters"
 * and "interfaces", how many of ours are attached in this namespace, and set up; "connections", the
 * layout of their table. Everything is false or 0 where nothing is loaded.
 */
int status_print(const struct build *build, struct err *e) _must_check_;
