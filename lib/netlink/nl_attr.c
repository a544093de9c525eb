// SPDX-License-Identifier: Apache-2.0
/** Reading attributes out of replies. Lengths are checked here, once, for every reader. */
#include <arpa/inet.h>

#include <string.h>

#include <libmnl/libmnl.h>

#include "netlink/nl.h"

struct table {
	const struct nlattr **attrs;
	uint16_t max;
};

static int on_attr(const struct nlattr *a, void *data)
{
	const struct table *t = data;

	if (mnl_attr_get_type(a) <= t->max)
		t->attrs[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

static void clear(const struct nlattr *attrs[], uint16_t max)
{
	for (size_t i = 0; i <= max; i++)
		attrs[i] = NULL;
}

void nl_parse(const struct nlmsghdr *reply, size_t hdr_len, const struct nlattr *attrs[],
	      uint16_t max)
{
	struct table t = {attrs, max};

	clear(attrs, max);
	if (mnl_nlmsg_get_payload_len(reply) >= hdr_len)
		(void)mnl_attr_parse(reply, (unsigned int)hdr_len, on_attr, &t);
}

void nl_parse_nested(const struct nlattr *nest, const struct nlattr *attrs[], uint16_t max)
{
	struct table t = {attrs, max};

	clear(attrs, max);
	if (nest)
		(void)mnl_attr_parse_nested(nest, on_attr, &t);
}

const void *nl_payload(const struct nlmsghdr *reply)
{
	return mnl_nlmsg_get_payload(reply);
}

const void *nl_get_data(const struct nlattr *a, size_t *len)
{
	*len = a ? mnl_attr_get_payload_len(a) : 0;
	return a ? mnl_attr_get_payload(a) : NULL;
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
