// SPDX-License-Identifier: Apache-2.0
#include "base/addr.h"
#include <arpa/inet.h>

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

const char *ip_parse(struct ipaddr *out, const char *text)
{
	struct ipaddr ip = {};

	if (inet_pton(AF_INET, text, &ip.v4) == 1)
		ip.family = AF_INET;
	else if (inet_pton(AF_INET6, text, &ip.v6) == 1)
		ip.family = AF_INET6;
	else
		return "not an IP address";
	*out = ip;
	return NULL;
}

const char *prefix_parse(struct prefix *out, const char *text)
{
	const char *slash = strchr(text, '/');
	char host[IP_TEXT];
	struct prefix p = {};
	int len = 0;

	if (!slash)
		return ip_parse(&p.ip, text)
			       ? "not an address with a prefix length, write it as address/length"
			       : "prefix length missing, write it as address/length";
	if ((size_t)(slash - text) >= sizeof(host))
		return "not an IP address";
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (ip_parse(&p.ip, host))
		return "not an IP address";

	for (const char *c = slash + 1; *c; c++) {
		if (*c < '0' || *c > '9' || len > 128)
			len = 999;
		else
			len = len * 10 + (*c - '0');
	}
	if (!slash[1] || len > ip_bits(&p.ip))
		return p.ip.family == AF_INET ? "prefix length must be 0..32"
					      : "prefix length must be 0..128";
	p.len = len;
	*out = p;
	return NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

const char *mac_parse(struct mac *out, const char *text)
{
	static const char wrong[] = "not a MAC address, write it as 02:00:5e:10:00:01";
	struct mac mac;

	if (strlen(text) != MAC_TEXT - 1)
		return wrong;
	for (size_t i = 0; i < 6; i++) {
		int hi = hex_digit(text[3 * i]), lo = hex_digit(text[3 * i + 1]);

		if (hi < 0 || lo < 0)
			return wrong;
		if (i < 5 && text[3 * i + 2] != ':' && text[3 * i + 2] != '-')
			return wrong;
		mac.bytes[i] = (uint8_t)(hi << 4 | lo);
	}
	if (mac.bytes[0] & 1 || mac_is_zero(&mac))
		return "a group address (or none) cannot be an interface's own";
	*out = mac;
	return NULL;
}

struct mac mac_random(void)
{
	struct timespec now = {};
	struct mac mac;

	if (getrandom(mac.bytes, sizeof(mac.bytes), GRND_NONBLOCK) != sizeof(mac.bytes)) {
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		memcpy(mac.bytes, &now.tv_nsec, 4);
		memcpy(mac.bytes + 4, &now.tv_sec, 2);
	}
	mac.bytes[0] &= 0xfe; // not a group address
	mac.bytes[0] |= 0x02; // locally administered
	return mac;
}

bool mac_is_zero(const struct mac *mac)
{
	return !memcmp(mac->bytes, (uint8_t[6]){}, 6);
}

const char *ip_format(const struct ipaddr *ip, char *buf)
{
	return inet_ntop(ip->family, ip->bytes, buf, IP_TEXT) ? buf : strcpy(buf, "?");
}

const char *prefix_format(const struct prefix *p, char *buf)
{
	size_t n = strlen(ip_format(&p->ip, buf));

	(void)snprintf(buf + n, PREFIX_TEXT - n, "/%d", p->len);
	return buf;
}

const char *mac_format(const struct mac *mac, char *buf)
{
	const uint8_t *b = mac->bytes;

	(void)snprintf(buf, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
		       b[5]);
	return buf;
}

int ip_cmp(const struct ipaddr *a, const struct ipaddr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, ip_size(a));
}

bool ip_is_zero(const struct ipaddr *ip)
{
	for (size_t i = 0; i < ip_size(ip); i++)
		if (ip->bytes[i])
			return false;
	return true;
}

bool ip_is_loopback(const struct ipaddr *ip)
{
	if (ip->family == AF_INET)
		return ip->bytes[0] == 127;
	return IN6_IS_ADDR_LOOPBACK(&ip->v6);
}

bool ip_is_link_local(const struct ipaddr *ip)
{
	if (ip->family == AF_INET)
		return ip->bytes[0] == 169 && ip->bytes[1] == 254;
	return IN6_IS_ADDR_LINKLOCAL(&ip->v6);
}

struct ipaddr ip_unmap(const struct ipaddr *ip)
{
	struct ipaddr v4 = {.family = AF_INET};

	if (ip->family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&ip->v6))
		return *ip;
	memcpy(v4.bytes, ip->bytes + 12, ip_size(&v4));
	return v4;
}

struct ipaddr ip_next(const struct ipaddr *ip)
{
	struct ipaddr next = *ip;

	for (size_t i = ip_size(ip); i-- > 0;)
		if (++next.bytes[i])
			break;
	return next;
}

/** The prefix with every host bit set to @fill, 0x00 or 0xff. */
static struct ipaddr fill_host_bits(const struct prefix *p, uint8_t fill)
{
	struct ipaddr ip = p->ip;

	for (size_t i = 0; i < ip_size(&ip); i++) {
		int net = p->len - (int)i * 8; // bits of this byte that belong to the network
		uint8_t host = (uint8_t)(net >= 8 ? 0 : 0xff >> (net < 0 ? 0 : net));

		ip.bytes[i] = (uint8_t)((ip.bytes[i] & ~host) | (fill & host));
	}
	return ip;
}

struct ipaddr prefix_first(const struct prefix *p)
{
	return fill_host_bits(p, 0x00);
}

struct ipaddr prefix_last(const struct prefix *p)
{
	return fill_host_bits(p, 0xff);
}

bool prefix_contains(const struct prefix *p, const struct ipaddr *ip)
{
	struct ipaddr first = prefix_first(p), last = prefix_last(p);

	return ip->family == p->ip.family && ip_cmp(&first, ip) <= 0 && ip_cmp(ip, &last) <= 0;
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->len <= b->len ? prefix_contains(a, &b->ip) : prefix_contains(b, &a->ip);
}
