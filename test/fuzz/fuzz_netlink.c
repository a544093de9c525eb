// SPDX-License-Identifier: Apache-2.0
/**
 * The kernel's answers, through every function that asks for one: the first byte chooses the
 * function, the rest is what comes back (kernel.h).
 */
#include <net/if.h>
#include <string.h>

#include "fuzz.h"
#include "kernel.h"
#include "netlink/ifaddr.h"
#include "netlink/link.h"
#include "netlink/neigh.h"
#include "netlink/nft.h"
#include "netlink/port.h"
#include "netlink/qdisc.h"
#include "netlink/route.h"

enum { INDEX = 2 }; ///< of the interface that is asked about; the seeds know it

static const struct ipaddr some_ip = {.family = AF_INET, .bytes = {10, 1, 0, 5}};
static const struct mac some_mac = {{2, 0, 0, 0, 0, 1}};
static const struct nft_table table = {NFT_FAMILY_INET, "edgeway_masq"};

/** Touch each byte that is handed out; a string ends within its array. */
static void must_end(const char *text, size_t size)
{
	must(strnlen(text, size) < size);
}

static void must_format(const struct prefix *p)
{
	char text[PREFIX_TEXT];

	must_end(prefix_format(p, text), sizeof(text));
}

static void look_at_link(const struct link *link)
{
	must_end(link->name, sizeof(link->name));
	must_end(link->kind, sizeof(link->kind));
	must_end(link->alias, sizeof(link->alias));
}

static int on_link(const struct link *link, void *ctx, struct err *e)
{
	(void)ctx;
	(void)e;
	look_at_link(link);
	return 0;
}

static int on_addr(const struct iface_addr *addr, void *ctx, struct err *e)
{
	const struct prefix other = {some_ip, 24};

	(void)ctx;
	(void)e;
	must(addr->index == INDEX);
	must_format(&addr->prefix);
	(void)prefix_overlaps(&addr->prefix, &other);
	return 0;
}

static int on_route(const struct route *r, void *ctx, struct err *e)
{
	char text[IP_TEXT];

	(void)ctx;
	(void)e;
	must(r->oif == INDEX);
	must_format(&r->dst);
	must_end(ip_format(&r->gw, text), sizeof(text));
	must_end(ip_format(&r->src, text), sizeof(text));
	return 0;
}

static void get_link(struct nl *nl, struct err *e)
{
	struct link link = {};

	if (accepted(link_get(nl, "eth0", &link, e), e))
		look_at_link(&link);
}

static void each_link(struct nl *nl, struct err *e)
{
	(void)accepted(link_each(nl, 0, on_link, NULL, e), e);
}

static void each_port(struct nl *nl, struct err *e)
{
	(void)accepted(link_each(nl, INDEX, on_link, NULL, e), e);
}

static void nsid(struct nl *nl, struct err *e)
{
	int number = -1;

	(void)accepted(link_nsid(nl, 0, &number, e), e);
}

static void each_addr(struct nl *nl, struct err *e)
{
	(void)accepted(ifaddr_each(nl, INDEX, 0, on_addr, NULL, e), e);
}

static void each_route(struct nl *nl, struct err *e)
{
	(void)accepted(route_each(nl, INDEX, AF_INET, on_route, NULL, e), e);
}

static void find_route(struct nl *nl, struct err *e)
{
	struct route route;

	if (accepted(route_to(nl, &some_ip, &route, e), e))
		must_format(&route.dst);
}

static void neighbour(struct nl *nl, struct err *e)
{
	(void)accepted(neigh_check_permanent(nl, INDEX, &some_ip, &some_mac, e), e);
}

static void port(struct nl *nl, struct err *e)
{
	struct port out = {};

	(void)accepted(port_get(nl, INDEX, &out, e), e);
}

static void port_vlans(struct nl *nl, struct err *e)
{
	uint8_t flags[PORT_VLANS];

	(void)accepted(port_vlan_get(nl, INDEX, flags, e), e);
}

static void generation(struct nl *nl, struct err *e)
{
	uint32_t genid = 0;

	(void)accepted(nft_genid(nl, &genid, e), e);
}

static void exists(struct nl *nl, struct err *e)
{
	bool out;

	(void)accepted(nft_exists(nl, &table, "pods_10.1.0.0/16", &out, e), e);
}

static void count(struct nl *nl, struct err *e)
{
	const struct nft_chain chain = {.name = "postrouting"};
	uint32_t rules = 0, objects = 0;

	(void)accepted(nft_count(nl, &table, &chain, 1, &rules, &objects, e), e);
}

static void element(struct nl *nl, struct err *e)
{
	const struct nft_key key = nft_key_ip(&some_ip);
	struct nft_elem elem = {};

	if (accepted(nft_elem_get(nl, &table, "pods_10.1.0.0/16", &key, &elem, e), e))
		must_end(elem.comment, sizeof(elem.comment));
}

static int on_set(const char *set, void *ctx, struct err *e)
{
	(void)ctx;
	(void)e;
	(void)strlen(set);
	return 0;
}

static int on_elem(const struct nft_elem *elem, void *ctx, struct err *e)
{
	(void)ctx;
	(void)e;
	must(elem->key.len <= sizeof(elem->key.bytes));
	must_end(elem->comment, sizeof(elem->comment));
	return 0;
}

static void each_set(struct nl *nl, struct err *e)
{
	(void)accepted(nft_set_each(nl, &table, on_set, NULL, e), e);
}

static void each_element(struct nl *nl, struct err *e)
{
	(void)accepted(nft_elem_each(nl, &table, "pods_10.1.0.0/16", on_elem, NULL, e), e);
}

/** Verdicts: of two requests, and of a transaction. */
static void verdicts(struct nl *nl, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	link_set_flags(&m, INDEX, IFF_UP, IFF_UP);
	link_set_alias(&m, "veth0", "edgeway net/c1/eth0");
	(void)accepted(nl_call(nl, &m, e), e);
	must_end(e->details, sizeof(e->details));
}

static void transaction(struct nl *nl, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	nft_batch_begin(&m, 1);
	nft_table_add(&m, &table, 0);
	nft_set_add(&m, &table, &(struct nft_set){"pods", {{NFT_IPV4}}, {}}, 0);
	nft_batch_end(&m);
	(void)accepted(nl_call(nl, &m, e), e);
}

static void queue(struct nl *nl, struct err *e)
{
	const struct tbf tbf = {.rate = 1, .burst = 1};
	struct qdisc q;

	if (!accepted(qdisc_get(nl, INDEX, QDISC_ROOT, &q, e), e))
		return;
	must_end(q.kind, sizeof(q.kind));
	(void)qdisc_is_tbf(&q, &tbf);
}

static void redirection(struct nl *nl, struct err *e)
{
	bool found;

	(void)accepted(qdisc_find_redirect(nl, INDEX, INDEX, &found, e), e);
}

static void (*const asks[])(struct nl *nl, struct err *e) = {
	get_link,  each_link,   each_port,  nsid,         each_addr, each_route,  find_route,
	neighbour, port,        port_vlans, generation,   exists,    count,       element,
	verdicts,  transaction, each_set,   each_element, queue,     redirection,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(nl_closep) struct nl *nl = NULL;
	struct err e = {};

	if (size < 1 || size > 70000)
		return 0;
	nl = nl_open(NETLINK_ROUTE, &e);
	must(nl);
	kernel_answers(data + 1, size - 1);
	asks[data[0] % ARRAY_SIZE(asks)](nl, &e);
	kernel_done();
	return 0;
}
