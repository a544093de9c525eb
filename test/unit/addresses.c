// SPDX-License-Identifier: Apache-2.0
#include "addresses.h"

#include "test.h"

struct ipaddr ip_of(const char *text)
{
	struct ipaddr ip = {};
	const char *why = ip_parse(&ip, text);

	if (why)
		fail_msg("%s: %s", text, why);
	return ip;
}

struct prefix prefix_of(const char *text)
{
	struct prefix prefix = {};
	const char *why = prefix_parse(&prefix, text);

	if (why)
		fail_msg("%s: %s", text, why);
	return prefix;
}
