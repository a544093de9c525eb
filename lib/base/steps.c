// SPDX-License-Identifier: Apache-2.0
#include "base/steps.h"

#include "base/log.h"

int step(struct steps *steps, int rc)
{
	if (rc == 0)
		return 0;
	if (steps->rc == 0)
		*steps->first = steps->err;
	else
		log_warn("%s", steps->err.msg);
	steps->err = (struct err){};
	steps->rc = -1;
	return rc;
}
