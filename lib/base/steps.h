/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/**
 * Work whose steps stand on their own, such as a DEL: each is tried, whatever became of the others.
 *
 *	struct steps steps = {.first = e};
 *
 *	step(&steps, delete_this(&steps.err));
 *	step(&steps, delete_that(&steps.err));
 *	return steps.rc;
 *
 * The first error is the result, further ones are logged.
 */
struct steps {
	struct err *first; ///< where the first error goes
	struct err err;    ///< for the step that is being tried
	int rc;            ///< 0, or -1 once a step has failed
};

/** Note the outcome of a step; returns it. */
int step(struct steps *steps, int rc);
