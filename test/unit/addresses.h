/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/addr.h"

/** Addresses from text; what is none fails the test. */
struct ipaddr ip_of(const char *text);
struct prefix prefix_of(const char *text);
