/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/**
 * jansson, prepared for a process that must not print half a document: whether memory ran out
 * anywhere is remembered, so writers need not check every json_object_set_new(). Prepared again, it
 * starts anew.
 */
void json_prepare(void);

/** Whether an allocation of jansson's has failed since. */
bool json_out_of_memory(void);
