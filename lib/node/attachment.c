// SPDX-License-Identifier: Apache-2.0
#include "node/attachment.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

const char *attachment_id(const struct attachment *a, char *buf)
{
	uint64_t h = HASH_SEED;

	h = hash_str(h, a->network);
	h = hash_str(h, a->container);
	h = hash_str(h, a->ifname);
	return hash_format(h, buf);
}

const char *attachment_host_name(const struct attachment *a, char *buf)
{
	char id[ATTACHMENT_ID];

	(void)snprintf(buf, IFNAMSIZ, "veth%s", attachment_id(a, id));
	return buf;
}

const char *attachment_tag(const struct attachment *a, char *buf)
{
	char id[ATTACHMENT_ID];
	int n = snprintf(buf, ATTACHMENT_TAG, "edgeway %s/%s/%s", a->network, a->container,
			 a->ifname);

	if (n >= ATTACHMENT_TAG) // cut, it might be another's
		n = snprintf(buf, ATTACHMENT_TAG, "edgeway %s/#%s", a->network,
			     attachment_id(a, id));
	if (n >= ATTACHMENT_TAG)
		(void)snprintf(buf, ATTACHMENT_TAG, "edgeway #%s", attachment_id(a, id));
	return buf;
}

bool attachment_tag_is_of(const char *tag, const char *network)
{
	static const char start[] = "edgeway ";
	size_t n = strlen(network);

	return !strncmp(tag, start, strlen(start)) && !strncmp(tag + strlen(start), network, n) &&
	       tag[strlen(start) + n] == '/';
}
