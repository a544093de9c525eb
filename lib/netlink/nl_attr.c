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

uint16_t nl_type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

/** The attribute at @at if all of it is there, else NULL. */
static const struct nlattr *attr_at(const unsigned char *at, const unsigned char *end)
{
	const struct nlattr *a = (const void *)at;

	if (at >= end || (size_t)(end - at) < NLA_HDRLEN || a->nla_len < NLA_HDRLEN ||
	    a->nla_len > end - at)
		return NULL;
	return a;
}

static const struct nlattr *attr_after(const struct nlattr *a, const unsigned char *end)
{
	size_t step = NLA_ALIGN(a->nla_len), left = (size_t)(end - (const unsigned char *)a);

	return step < left ? attr_at((const unsigned char *)a + step, end) : NULL;
}

const struct nlattr *nl_next(const struct nlmsghdr *reply, size_t hdr_len,
			     const struct nlattr *previous)
{
	const unsigned char *start = (const unsigned char *)reply;
	const unsigned char *end = start + reply->nlmsg_len;
	size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(hdr_len);

	if (previous)
		return attr_after(previous, end);
	return reply->nlmsg_len > skip ? attr_at(start + skip, end) : NULL;
}

const struct nlattr *nl_next_nested(const struct nlattr *nest, const struct nlattr *previous)
{
	const unsigned char *start = (const unsigned char *)nest;
	const unsigned char *end = start + nest->nla_len;

	return previous ? attr_after(previous, end) : attr_at(start + NLA_HDRLEN, end);
}

void nl_index(const void *at, size_t len, const struct nlattr *attrs[], uint16_t max)
{
	const unsigned char *end;

	for (size_t i = 0; i <= max; i++)
		attrs[i] = NULL;
	if (!len)
		return; // there may be nothing to point at
	end = (const unsigned char *)at + len;
	for (const struct nlattr *a = attr_at(at, end); a; a = attr_after(a, end))
		if (nl_type(a) <= max)
			attrs[nl_type(a)] = a;
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

uint16_t nl_get_u16(const struct nlattr *a)
{
	uint16_t v = 0;

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
