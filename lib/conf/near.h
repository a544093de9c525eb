/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"

/** The key of @fields that @key was probably meant to be, by at most two edits; NULL if none. */
const struct conf_field *conf_nearest(const struct conf_field fields[], const char *key);
