// SPDX-License-Identifier: Apache-2.0
/** Replies of the kernel: attributes of any length and nesting, through every reader. */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "netlink/nl.h"

enum { MAX = 40, DEPTH = 2 };

/** Read each attribute as everything it might be; touch all bytes that are handed out. */
static void read_all(const struct nlattr *attrs[], int depth)
{
	for (uint16_t i = 0; i <= MAX; i++) {
		if (!attrs[i])
			continue;
		const struct nlattr *inner[MAX + 1];
		struct ipaddr ip;
		size_t len;
		const uint8_t *data = nl_get_data(attrs[i], &len);
		volatile uint32_t sum =
			nl_get_u8(attrs[i]) + nl_get_u32(attrs[i]) + nl_get_be32(attrs[i]);

		for (size_t at = 0; at < len; at++)
			sum += data[at];
		sum += (uint32_t)strlen(nl_get_str(attrs[i], ""));
		if (nl_get_ip(attrs[i], AF_INET, &ip) || nl_get_ip(attrs[i], AF_INET6, &ip))
			must(len == ip_size(&ip));
		(void)sum;
		nl_parse_nested(attrs[i], inner, MAX);
		if (depth < DEPTH)
			read_all(inner, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t headers[] = {0, 4, 8, 12, 16};
	const struct nlattr *attrs[MAX + 1];
	struct nlmsghdr *reply;

	if (size > 4000)
		return 0;
	// A length of its own, so that a step beyond the end is seen.
	reply = malloc(NLMSG_HDRLEN + size);
	must(reply);
	*reply = (struct nlmsghdr){.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + size)};
	memcpy((char *)reply + NLMSG_HDRLEN, data, size);
	must(nl_payload(reply) == (const char *)reply + NLMSG_HDRLEN);
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		nl_parse(reply, headers[i], attrs, MAX);
		read_all(attrs, 0);
	}
	free(reply);
	return 0;
}
