// SPDX-License-Identifier: Apache-2.0
#include "frames.h"
#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <net/ethernet.h>
#include <string.h>

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 2}, gateway[6] = {2, 0, 0, 0, 1, 2};

static struct frame ethernet(uint16_t type)
{
	struct frame f = {.len = ETH_HLEN};
	uint16_t be = htons(type);

	memcpy(f.bytes, gateway, 6);
	memcpy(f.bytes + 6, mac_a, 6);
	memcpy(f.bytes + 12, &be, 2);
	return f;
}

static size_t transport_size(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 20;
	case IPPROTO_SCTP:
		return 12;
	default:
		return 8;
	}
}

struct frame frame4(const char *src, const char *dst, uint8_t proto)
{
	struct frame f = ethernet(ETHERTYPE_IP);
	size_t size = transport_size(proto) + 4; // and a little to carry
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = proto};

	ip.tot_len = htons((uint16_t)(sizeof(ip) + size));
	ip.id = htons(1);
	inet_pton(AF_INET, src, &ip.saddr);
	inet_pton(AF_INET, dst, &ip.daddr);
	memcpy(f.bytes + L3, &ip, sizeof(ip));
	f.l4 = L3 + sizeof(ip);
	f.len = f.l4 + size;
	if (proto == IPPROTO_TCP)
		f.bytes[f.l4 + 12] = 5 << 4;
	return f;
}

struct frame frame6(const char *src, const char *dst, uint8_t proto)
{
	struct frame f = ethernet(ETHERTYPE_IPV6);
	size_t size = transport_size(proto) + 4;
	struct ip6_hdr ip = {};

	ip.ip6_vfc = 6 << 4;
	ip.ip6_hlim = 64;
	ip.ip6_nxt = proto;
	ip.ip6_plen = htons((uint16_t)size);
	inet_pton(AF_INET6, src, &ip.ip6_src);
	inet_pton(AF_INET6, dst, &ip.ip6_dst);
	memcpy(f.bytes + L3, &ip, sizeof(ip));
	f.l4 = L3 + sizeof(ip);
	f.len = f.l4 + size;
	if (proto == IPPROTO_TCP)
		f.bytes[f.l4 + 12] = 5 << 4;
	return f;
}

static void put16(struct frame *f, size_t at, uint16_t value)
{
	uint16_t be = htons(value);

	memcpy(f->bytes + at, &be, 2);
}

void frame_ports(struct frame *f, uint16_t sport, uint16_t dport)
{
	put16(f, f->l4, sport);
	put16(f, f->l4 + 2, dport);
}

void frame_tcp(struct frame *f, uint16_t sport, uint16_t dport, uint8_t flags)
{
	frame_ports(f, sport, dport);
	f->bytes[f->l4 + 13] = flags;
}

void frame_icmp(struct frame *f, uint8_t type, uint16_t id)
{
	f->bytes[f->l4] = type;
	put16(f, f->l4 + 4, id);
}

static int is4(const struct frame *f)
{
	return f->bytes[12] == 8 && f->bytes[13] == 0;
}

static void set_len(struct frame *f)
{
	if (is4(f))
		put16(f, L3 + 2, (uint16_t)(f->len - L3));
	else
		put16(f, L3 + 4, (uint16_t)(f->len - L3 - 40));
}

struct frame frame_error(const char *src, const char *dst, uint8_t type, const struct frame *inner)
{
	struct frame f = strchr(src, ':') ? frame6(src, dst, IPPROTO_ICMPV6)
					  : frame4(src, dst, IPPROTO_ICMP);

	f.bytes[f.l4] = type;
	f.len = f.l4 + 8 + inner->len - L3;
	memcpy(f.bytes + f.l4 + 8, inner->bytes + L3, inner->len - L3);
	set_len(&f);
	return f;
}

struct frame frame_arp(uint16_t op, const char *sender_ip, const char *target_ip)
{
	static const uint8_t fixed[] = {0, 1, 8, 0, 6, 4};
	struct frame f = ethernet(ETHERTYPE_ARP);

	memcpy(f.bytes + L3, fixed, sizeof(fixed));
	put16(&f, L3 + 6, op);
	memcpy(f.bytes + L3 + 8, mac_a, 6);
	inet_pton(AF_INET, sender_ip, f.bytes + L3 + 14);
	inet_pton(AF_INET, target_ip, f.bytes + L3 + 24);
	f.len = L3 + 28;
	return f;
}

struct frame frame_nd(uint8_t type, const char *src, const char *dst, const char *target)
{
	struct frame f = frame6(src, dst, IPPROTO_ICMPV6);

	f.bytes[f.l4] = type;
	inet_pton(AF_INET6, target, f.bytes + f.l4 + 8);
	f.bytes[f.l4 + 24] = type == ND_NEIGHBOR_SOLICIT ? 1 : 2;
	f.bytes[f.l4 + 25] = 1;
	memcpy(f.bytes + f.l4 + 26, mac_a, 6);
	f.len = f.l4 + 32;
	set_len(&f);
	return f;
}

void frame_extension(struct frame *f, uint8_t type)
{
	memmove(f->bytes + f->l4 + 8, f->bytes + f->l4, f->len - f->l4);
	memset(f->bytes + f->l4, 0, 8);
	f->bytes[f->l4] = f->bytes[L3 + 6];
	if (f->l4 > L3 + 40) { // behind others: they keep their order, and this comes last
		f->bytes[f->l4] = f->bytes[f->l4 - 8];
		f->bytes[f->l4 - 8] = type;
	} else {
		f->bytes[L3 + 6] = type;
	}
	f->l4 += 8;
	f->len += 8;
	set_len(f);
}

void frame_fragment(struct frame *f, uint32_t id, uint16_t offset, int more)
{
	if (is4(f)) {
		put16(f, L3 + 4, (uint16_t)id);
		put16(f, L3 + 6, (uint16_t)(offset | (more ? 0x2000 : 0)));
		return;
	}
	frame_extension(f, IPPROTO_FRAGMENT);
	put16(f, f->l4 - 6, (uint16_t)(offset << 3 | (more ? 1 : 0)));
	put16(f, f->l4 - 2, (uint16_t)id);
}

void frame_patch(struct frame *f, const struct patch *patch)
{
	size_t at = patch->at >= L4 ? (size_t)(patch->at - L4 + f->l4) : (size_t)patch->at;

	memcpy(f->bytes + at, patch->bytes, (size_t)patch->len);
}

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t was = a[i];

		a[i] = b[i];
		b[i] = was;
	}
}

struct frame frame_reply(const struct frame *f)
{
	struct frame r = *f;

	swap(r.bytes, r.bytes + 6, 6);
	if (is4(f))
		swap(r.bytes + L3 + 12, r.bytes + L3 + 16, 4);
	else
		swap(r.bytes + L3 + 8, r.bytes + L3 + 24, 16);
	swap(r.bytes + r.l4, r.bytes + r.l4 + 2, 2);
	return r;
}
