// SPDX-License-Identifier: Apache-2.0
#include "cni/version.h"

#include <string.h>

static const char *const texts[CNI_VERSIONS] = {
	"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0",
};

const char *cni_version_text(enum cni_version v)
{
	return texts[v];
}

int cni_version_parse(const char *text, enum cni_version *out, struct err *e)
{
	if (!text || !*text) {
		*out = CNI_0_1_0;
		return 0;
	}
	for (int v = 0; v < CNI_VERSIONS; v++) {
		if (!strcmp(text, texts[v])) {
			*out = (enum cni_version)v;
			return 0;
		}
	}
	(void)err_set(e, ERR_VERSION, "incompatible CNI versions");
	return err_hint(e,
			"config is \"%.40s\", plugin supports [\"0.1.0\" \"0.2.0\" \"0.3.0\" "
			"\"0.3.1\" \"0.4.0\" \"1.0.0\" \"1.1.0\"]",
			text);
}
