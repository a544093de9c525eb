// SPDX-License-Identifier: Apache-2.0
/** Writing requests. */
#include <arpa/inet.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "netlink/nl_private.h"

enum { ATTR_MAX = UINT16_MAX - NLA_HDRLEN };

/** A larger buffer with what was written; the first is inside the message itself. */
static unsigned char *grow(struct nl_msg *m, size_t size)
{
	unsigned char *bigger;

	if (m->buf != m->small)
		return realloc(m->buf, size);
	bigger = malloc(size);
	return bigger ? memcpy(bigger, m->small, m->len) : NULL;
}

/** Room for @more bytes behind what is written; false once the message has failed. */
static bool reserve(struct nl_msg *m, size_t more)
{
	size_t size = m->size;
	unsigned char *bigger;

	if (!m->buf) {
		m->buf = m->small;
		m->size = size = NL_SMALL;
	}
	if (m->failed)
		return false;
	while (size < m->len + more)
		size *= 2;
	if (size == m->size)
		return true;
	bigger = grow(m, size);
	if (!bigger) {
		m->failed = true;
		return false;
	}
	m->buf = bigger;
	m->size = size;
	return true;
}

struct nlmsghdr *nl_current(const struct nl_msg *m)
{
	return (void *)(m->buf + m->at);
}

/** Append @len bytes to the current request, padded with zeros; reserve() has been asked. */
static void append(struct nl_msg *m, const void *data, size_t len)
{
	size_t padded = NLMSG_ALIGN(len);

	if (len)
		memcpy(m->buf + m->len, data, len);
	memset(m->buf + m->len + len, 0, padded - len);
	m->len += padded;
	nl_current(m)->nlmsg_len = (uint32_t)(m->len - m->at);
}

void nl_begin(struct nl_msg *m, uint16_t type, uint16_t flags, const void *family_hdr, size_t len)
{
	const struct nlmsghdr hdr = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags};

	if (!reserve(m, NLMSG_HDRLEN + NLMSG_ALIGN(len)))
		return;
	m->at = m->len;
	m->family_len = len;
	m->count++;
	append(m, &hdr, sizeof(hdr));
	append(m, family_hdr, len);
}

/** The header of an attribute of @len bytes; false when there is no room for all of it. */
static bool put_header(struct nl_msg *m, uint16_t attr, size_t len)
{
	const struct nlattr hdr = {.nla_type = attr, .nla_len = (uint16_t)(NLA_HDRLEN + len)};

	if (len > ATTR_MAX)
		m->failed = true;
	if (!reserve(m, NLA_HDRLEN + NLA_ALIGN(len)))
		return false;
	append(m, &hdr, sizeof(hdr));
	return true;
}

void nl_put(struct nl_msg *m, uint16_t attr, const void *data, size_t len)
{
	if (put_header(m, attr, len))
		append(m, data, len);
}

void nl_u8(struct nl_msg *m, uint16_t attr, uint8_t value)
{
	nl_put(m, attr, &value, sizeof(value));
}

void nl_u16(struct nl_msg *m, uint16_t attr, uint16_t value)
{
	nl_put(m, attr, &value, sizeof(value));
}

void nl_u32(struct nl_msg *m, uint16_t attr, uint32_t value)
{
	nl_put(m, attr, &value, sizeof(value));
}

void nl_be32(struct nl_msg *m, uint16_t attr, uint32_t value)
{
	nl_u32(m, attr, htonl(value));
}

void nl_str(struct nl_msg *m, uint16_t attr, const char *value)
{
	nl_put(m, attr, value, strlen(value) + 1);
}

void nl_ip(struct nl_msg *m, uint16_t attr, const struct ipaddr *ip)
{
	nl_put(m, attr, ip->bytes, ip_size(ip));
}

/** An offset and not a pointer, since the buffer moves when it grows; 0 is never an attribute. */
size_t nl_nest_begin(struct nl_msg *m, uint16_t attr, const void *hdr, size_t len)
{
	size_t nest = m->len;

	if (!put_header(m, attr, len))
		return 0;
	append(m, hdr, len);
	return nest;
}

void nl_nest_end(struct nl_msg *m, size_t nest)
{
	struct nlattr *attr;

	if (m->len - nest > ATTR_MAX)
		m->failed = true;
	if (m->failed)
		return;
	attr = (void *)(m->buf + nest);
	attr->nla_len = (uint16_t)(m->len - nest);
}

void nl_label(struct nl_msg *m, const char *fmt, ...)
{
	va_list ap;

	if (m->failed || m->count == 0 || m->count > NL_LABELS)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(m->label[m->count - 1], sizeof(m->label[0]), fmt, ap);
	va_end(ap);
}

void nl_expect_large(struct nl_msg *m)
{
	m->large = true;
}

void nl_forgive(struct nl_msg *m, int os)
{
	if (!m->failed && m->count > 0)
		m->forgiven[m->count <= NL_LABELS ? m->count - 1 : NL_LABELS] = os;
}

void nl_msg_free(struct nl_msg *m)
{
	if (m->buf != m->small)
		free(m->buf);
	m->buf = NULL;
	m->len = m->size = m->at = 0;
	m->count = 0;
	m->failed = m->batch = m->large = false;
	for (size_t i = 0; i < NL_LABELS; i++)
		m->label[i][0] = '\0';
	for (size_t i = 0; i <= NL_LABELS; i++)
		m->forgiven[i] = 0;
}
