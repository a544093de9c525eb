// SPDX-License-Identifier: Apache-2.0
/** Reading attributes out of replies. Lengths are checked here, once, for every reader. */
#include <arpa/inet.h>

#include <string.h>

#include "netlink/nl.h"
#include "netlink/nl_private.h"

const void *nl_payload(const struct nlmsghdr *reply)
{
	return (const unsigned char *)reply + NLMSG_HDRLEN;
}

void nl_index(const void *at, size_t len, const struct nlattr *attrs[], uint16_t max)
{
	for (size_t i = 0; i <= max; i++)
		attrs[i] = NULL;
	while (len >= NLA_HDRLEN) {
		const struct nlattr *a = at;
		uint16_t type = a->nla_type & NLA_TYPE_MASK;
		size_t step = NLA_ALIGN(a->nla_len);

		if (a->nla_len < NLA_HDRLEN || a->nla_len > len)
			return;
		if (type <= max)
			attrs[type] = a;
		if (step >= len)
			return;
		at = (const unsigned char *)at + step;
		len -= step;
	}
}

void nl_parse(const struct nlmsghdr *reply, size_t hdr_len, const struct nlattr *attrs[],
	      uint16_t max)
{
	size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(hdr_len);
	size_t len = reply->nlmsg_len > skip ? reply->nlmsg_len - skip : 0;

	nl_index((const unsigned char *)reply + skip, len, attrs, max);
}

void nl_parse_nested(const struct nlattr *nest, const struct nlattr *attrs[], uint16_t max)
{
	size_t len;
	const void *at = nl_get_data(nest, &len);

	nl_index(at, len, attrs, max);
}

const void *nl_get_data(const struct nlattr *a, size_t *len)
{
	*len = a ? a->nla_len - (size_t)NLA_HDRLEN : 0;
	return a ? (const unsigned char *)a + NLA_HDRLEN : NULL;
}

/** Copy a fixed-size value; @out stays as it is when the attribute is absent or too short. */
static void get_fixed(const struct nlattr *a, void *out, size_t size)
{
	size_t len;
	const void *data = nl_get_data(a, &len);

	if (data && len >= size)
		memcpy(out, data, size);
}

uint8_t nl_get_u8(const struct nlattr *a)
{
	uint8_t v = 0;

	get_fixed(a, &v, sizeof(v));
	return v;
}

uint32_t nl_get_u32(const struct nlattr *a)
{
	uint32_t v = 0;

	get_fixed(a, &v, sizeof(v));
	return v;
}

uint32_t nl_get_be32(const struct nlattr *a)
{
	return ntohl(nl_get_u32(a));
}

const char *nl_get_str(const struct nlattr *a, const char *otherwise)
{
	size_t len;
	const char *s = nl_get_data(a, &len);

	return len && memchr(s, '\0', len) ? s : otherwise;
}

bool nl_get_ip(const struct nlattr *a, int family, struct ipaddr *out)
{
	struct ipaddr ip = {.family = family};
	size_t len;
	const void *data = nl_get_data(a, &len);

	if (len != ip_size(&ip))
		return false;
	memcpy(ip.bytes, data, len);
	*out = ip;
	return true;
}
