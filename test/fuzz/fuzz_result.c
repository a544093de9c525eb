// SPDX-License-Identifier: Apache-2.0
/** Results of delegates and runtimes: what is read can be written and read again, the same. */
#include <jansson.h>

#include "cni/result.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_free) struct arena arena = {};
	enum cni_version version = (enum cni_version)(size % CNI_VERSIONS);
	json_auto_t *doc = json_loadb((const char *)data, size, 0, NULL);
	struct cni_result first = {}, second = {};
	json_auto_t *once = NULL, *again = NULL;
	struct err e = {};

	if (!doc)
		return 0;
	if (cni_result_read(&first, doc, "prevResult", version, &arena, &e) < 0) {
		must(e.code > 0 && e.msg[0]);
		return 0;
	}
	once = cni_result_write(&first, version, &e);
	if (!once) { // the first shape without an address
		must(version < CNI_0_3_0 && e.msg[0]);
		return 0;
	}
	must(cni_result_read(&second, once, "result", version, &arena, &e) == 0);
	again = cni_result_write(&second, version, &e);
	must(again && json_equal(once, again));
	return 0;
}
