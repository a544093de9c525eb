// SPDX-License-Identifier: Apache-2.0
#include "cni/mend.h"

#include "base/log.h"

int cni_mend(struct ruleset *rules, struct err *e)
{
	bool mended;

	if (ruleset_mend(rules, &mended, e) < 0) {
		e->code = ERR_UNAVAILABLE;
		return -1;
	}
	if (mended)
		log_warn("nf_tables table %s was flushed or changed, and has been rebuilt",
			 rules->kind->table.name);
	return 0;
}
