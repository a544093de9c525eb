// SPDX-License-Identifier: Apache-2.0
#include "netlink/nft_xt.h"

#include <linux/netfilter/nf_tables_compat.h>
#include <stdio.h>
#include <string.h>

#include "netlink/nft_private.h"

enum { COMMENT_MAX = 256 }; ///< XT_MAX_COMMENT_LEN

/** struct xt_conntrack_mtinfo3, whose header no libc but glibc can be included beside. */
struct conntrack_info {
	uint32_t addresses[32], expires[2];
	uint16_t proto, ports[4];
	uint16_t match_flags, invert_flags, state_mask, status_mask;
	uint16_t high_ports[4];
	uint32_t padding; ///< XT_ALIGN()
};
_Static_assert(sizeof(struct conntrack_info) == 168, "as the kernel has it");

enum { MATCH_STATE = 1, STATE_ESTABLISHED = 2, STATE_RELATED = 4 };

static void match(struct nl_msg *m, const char *name, uint32_t revision, const void *info,
		  size_t len)
{
	expression(m, "match") {
		nl_str(m, NFTA_MATCH_NAME, name);
		nl_be32(m, NFTA_MATCH_REV, revision);
		nl_put(m, NFTA_MATCH_INFO, info, len);
	}
}

void nft_xt_comment(struct nl_msg *m, const char *text)
{
	char info[COMMENT_MAX] = {};

	(void)snprintf(info, sizeof(info), "%s", text);
	match(m, "comment", 0, info, sizeof(info));
}

void nft_xt_established(struct nl_msg *m)
{
	const struct conntrack_info info = {.match_flags = MATCH_STATE,
					    .state_mask = STATE_ESTABLISHED | STATE_RELATED};

	match(m, "conntrack", 3, &info, sizeof(info));
}

void nft_counter(struct nl_msg *m)
{
	expression(m, "counter") {
	}
}

const char *nft_xt_read_comment(const struct nlattr *list, char buf[static COMMENT_MAX])
{
	for (const struct nlattr *a = nl_next_nested(list, NULL); a; a = nl_next_nested(list, a)) {
		const struct nlattr *expr[NFTA_EXPR_MAX + 1], *data[NFTA_MATCH_MAX + 1];
		const char *info;
		size_t len;

		nl_parse_nested(a, expr, NFTA_EXPR_MAX);
		if (strcmp(nl_get_str(expr[NFTA_EXPR_NAME], ""), "match") != 0)
			continue;
		nl_parse_nested(expr[NFTA_EXPR_DATA], data, NFTA_MATCH_MAX);
		if (strcmp(nl_get_str(data[NFTA_MATCH_NAME], ""), "comment") != 0)
			continue;
		info = nl_get_data(data[NFTA_MATCH_INFO], &len);
		(void)snprintf(buf, COMMENT_MAX, "%.*s", info ? (int)len : 0, info ? info : "");
		return buf;
	}
	return NULL;
}
