// SPDX-License-Identifier: Apache-2.0
/** Configurations, through host-local's own tables: nested lists, addresses, requests. */
#include <jansson.h>
#include <string.h>

#include "fuzz.h"
#include "ipam/host_local.h"

static const struct conf_field common_fields[] = {CNI_COMMON_KEYS, conf_end};

/** Every refusal has a code and says something. */
static void judge(int rc, const struct err *e)
{
	must(rc == 0 || (e->code > 0 && e->msg[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_free) struct arena arena = {};
	json_auto_t *doc = json_loadb((const char *)data, size, 0, NULL);
	struct conf_report report = {.open = true, .strict = size % 2};
	struct cni_common common = {};
	struct cni_call call = {
		.version = (enum cni_version)(size % CNI_VERSIONS),
		.at = {"net", "c1", "eth0"},
		.args = "",
		.doc = doc,
		.common = &common,
		.arena = &arena,
	};
	struct host_local hl;
	struct err e = {};
	int rc;

	if (!doc)
		return 0;
	rc = conf_read(&common, common_fields, doc, "", &report, &arena, &e);
	judge(rc, &e);
	if (rc < 0)
		return 0;
	rc = host_local_open(&hl, &call, conf_lookup(doc, "ipam"), &e);
	judge(rc, &e);
	for (size_t i = 0; rc == 0 && i < hl.n_sets; i++) { // the first steps of each round
		struct range_cursor c = range_start(&hl.sets[i], &(struct ipaddr){});
		struct ipaddr ip;

		for (int n = 0; n < 300 && range_next(&c, &ip); n++)
			must(range_find(&hl.sets[i], &ip));
	}
	return 0;
}
