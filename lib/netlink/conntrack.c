// SPDX-License-Identifier: Apache-2.0
#include "netlink/conntrack.h"
#include <arpa/inet.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

/** CTA_FILTER and its bits: net/netfilter/nf_internals.h, not all uapi headers have them. */
enum { FILTER = 25, FILTER_ORIG_FLAGS = 1, FILTER_REPLY_FLAGS = 2 };
enum { FILTER_PROTO_NUM = 1 << 3, FILTER_DST_PORT = 1 << 5 };

static void begin(struct nl_msg *m, uint16_t type, uint16_t flags, int family)
{
	const struct nfgenmsg hdr = {.nfgen_family = (uint8_t)family, .version = NFNETLINK_V0};

	nl_begin(m, (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type), flags, &hdr, sizeof(hdr));
}

struct each {
	conntrack_fn *fn;
	void *ctx;
	uint8_t proto;
	uint16_t port;
};

/** One direction of a connection. */
struct tuple {
	struct ipaddr src, dst;
	uint8_t proto;
	uint16_t port;
};

static uint16_t get_be16(const struct nlattr *a)
{
	size_t len = 0;
	uint16_t value = 0;
	const void *data = nl_get_data(a, &len);

	if (len >= sizeof(value))
		memcpy(&value, data, sizeof(value));
	return ntohs(value);
}

static struct tuple read_tuple(const struct nlattr *nest, int family)
{
	const struct nlattr *a[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];
	bool v4 = family == AF_INET;
	struct tuple t = {};

	nl_parse_nested(nest, a, CTA_TUPLE_MAX);
	nl_parse_nested(a[CTA_TUPLE_IP], ip, CTA_IP_MAX);
	nl_parse_nested(a[CTA_TUPLE_PROTO], proto, CTA_PROTO_MAX);
	(void)nl_get_ip(ip[v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC], family, &t.src);
	(void)nl_get_ip(ip[v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST], family, &t.dst);
	t.proto = nl_get_u8(proto[CTA_PROTO_NUM]);
	t.port = get_be16(proto[CTA_PROTO_DST_PORT]);
	return t;
}

static int on_connection(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nfgenmsg *hdr = nl_payload(reply);
	const struct nlattr *a[CTA_MAX + 1];
	const struct each *each = ctx;
	struct conntrack c = {};
	struct tuple first, answer;
	const void *tuple;

	nl_parse(reply, sizeof(*hdr), a, CTA_MAX);
	first = read_tuple(a[CTA_TUPLE_ORIG], hdr->nfgen_family);
	answer = read_tuple(a[CTA_TUPLE_REPLY], hdr->nfgen_family);
	tuple = nl_get_data(a[CTA_TUPLE_ORIG], &c.tuple_len);
	if (first.proto != each->proto || (each->port && first.port != each->port) ||
	    c.tuple_len > sizeof(c.tuple))
		return 0;
	memcpy(c.tuple, tuple, c.tuple_len);
	c.dst = first.dst;
	c.port = first.port;
	c.answerer = answer.src;
	c.zone = get_be16(a[CTA_ZONE]);
	c.id = nl_get_be32(a[CTA_ID]);
	return each->fn(&c, each->ctx, e);
}

int conntrack_each(struct nl *nl, int family, uint8_t proto, uint16_t port, conntrack_fn *fn,
		   void *ctx, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct each each = {fn, ctx, proto, port};
	const uint16_t wire = htons(port);

	begin(&m, IPCTNL_MSG_CT_GET, 0, family);
	nl_label(&m, "list connections to port %d", port);
	nl_nest(&m, CTA_TUPLE_ORIG | NLA_F_NESTED) {
		nl_nest(&m, CTA_TUPLE_PROTO | NLA_F_NESTED) {
			nl_u8(&m, CTA_PROTO_NUM, proto);
			nl_put(&m, CTA_PROTO_DST_PORT, &wire, sizeof(wire));
		}
	}
	nl_nest(&m, FILTER | NLA_F_NESTED) {
		nl_u32(&m, FILTER_ORIG_FLAGS, FILTER_PROTO_NUM | (port ? FILTER_DST_PORT : 0));
		nl_u32(&m, FILTER_REPLY_FLAGS, 0);
	}
	return nl_dump(nl, &m, on_connection, &each, e);
}

void conntrack_del(struct nl_msg *m, const struct conntrack *c)
{
	const uint16_t zone = htons(c->zone);

	begin(m, IPCTNL_MSG_CT_DELETE, 0, c->dst.family);
	nl_label(m, "delete connection");
	nl_put(m, CTA_TUPLE_ORIG | NLA_F_NESTED, c->tuple, c->tuple_len);
	if (zone)
		nl_put(m, CTA_ZONE, &zone, sizeof(zone));
	nl_be32(m, CTA_ID, c->id);
}
