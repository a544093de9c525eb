// SPDX-License-Identifier: Apache-2.0
/** CNI_ARGS, and the addresses in it. */
#include <string.h>

#include "cni/args.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const known[] = {"IP", "MAC", NULL};
	_cleanup_(arena_free) struct arena arena = {};
	const char *text = arena_strndup(&arena, (const char *)data, size);
	char *ip, *mac;
	const struct cni_call call = {.args = text, .arena = &arena};
	struct prefix prefix;
	struct err e = {};
	struct mac parsed;
	int rc = cni_args_check(&call, known, &e);

	must(rc == 0 || (e.code == ERR_ENV && e.msg[0]));
	must(cni_args_get(&call, "IP", &ip, &e) == 0 && cni_args_get(&call, "MAC", &mac, &e) == 0);
	must(!ip || strstr(text, ip));
	if (ip && !prefix_parse(&prefix, ip)) {
		char out[PREFIX_TEXT];
		struct prefix back;

		must(!prefix_parse(&back, prefix_format(&prefix, out)));
		must(back.len == prefix.len && !ip_cmp(&back.ip, &prefix.ip));
	}
	if (mac && !mac_parse(&parsed, mac)) {
		char out[MAC_TEXT];
		struct mac back;

		must(!mac_parse(&back, mac_format(&parsed, out)));
		must(!memcmp(&back, &parsed, sizeof(back)));
	}
	return 0;
}
