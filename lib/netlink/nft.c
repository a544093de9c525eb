// SPDX-License-Identifier: Apache-2.0
/** Transactions, tables, chains, sets, elements. */
#include "netlink/nft.h"
#include <arpa/inet.h>

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "netlink/nl_private.h"

/** User data of libnftnl: type, length, value; numbers of its udata.h. */
enum { UDATA_SET_KEYBYTEORDER = 0, UDATA_SET_DATABYTEORDER = 1, UDATA_ELEM_COMMENT = 0 };

/** Numbers of nft(8): enum byteorder of its expression.h, enum datatypes of its datatype.h. */
enum { BYTEORDER_INVALID, BYTEORDER_HOST_ENDIAN, BYTEORDER_BIG_ENDIAN };
enum {
	TYPE_IPADDR = 7,
	TYPE_IP6ADDR = 8,
	TYPE_ETHERADDR = 9,
	TYPE_INET_PROTOCOL = 12,
	TYPE_INET_SERVICE = 13,
	TYPE_IFNAME = 41,
	TYPE_BITS = 6, ///< of each in the number of a concatenation
};
enum { POLICY_ACCEPT = 1 };

static const struct {
	uint32_t type, len, byteorder;
} part_types[] = {
	[NFT_IPV4] = {TYPE_IPADDR, 4, BYTEORDER_BIG_ENDIAN},
	[NFT_IPV6] = {TYPE_IP6ADDR, 16, BYTEORDER_BIG_ENDIAN},
	[NFT_ETHER] = {TYPE_ETHERADDR, 6, BYTEORDER_BIG_ENDIAN},
	[NFT_PROTO] = {TYPE_INET_PROTOCOL, 1, BYTEORDER_BIG_ENDIAN},
	[NFT_PORT] = {TYPE_INET_SERVICE, 2, BYTEORDER_BIG_ENDIAN},
	[NFT_IFNAME] = {TYPE_IFNAME, IFNAMSIZ, BYTEORDER_HOST_ENDIAN},
};

/** Append a part. Of a concatenation each takes whole registers of four bytes. */
static void key_put(struct nft_key *key, const void *bytes, size_t len, const char *text)
{
	size_t at = NLA_ALIGN(key->len), used = strlen(key->text);

	if (at + len > sizeof(key->bytes))
		return; // no type of ours is as long
	memcpy(key->bytes + at, bytes, len);
	key->len = at ? at + NLA_ALIGN(len) : len;
	(void)snprintf(key->text + used, sizeof(key->text) - used, "%s%s", used ? " . " : "", text);
}

void nft_key_put_ip(struct nft_key *key, const struct ipaddr *ip)
{
	char text[IP_TEXT];

	key_put(key, ip->bytes, ip_size(ip), ip_format(ip, text));
}

void nft_key_put_mac(struct nft_key *key, const struct mac *mac)
{
	char text[MAC_TEXT];

	key_put(key, mac->bytes, sizeof(mac->bytes), mac_format(mac, text));
}

void nft_key_put_proto(struct nft_key *key, uint8_t proto)
{
	char text[4];

	(void)snprintf(text, sizeof(text), "%d", proto);
	key_put(key, &proto, sizeof(proto), text);
}

void nft_key_put_port(struct nft_key *key, uint16_t port)
{
	uint16_t wire = htons(port);
	char text[6];

	(void)snprintf(text, sizeof(text), "%d", port);
	key_put(key, &wire, sizeof(wire), text);
}

struct nft_key nft_key_ip(const struct ipaddr *ip)
{
	struct nft_key key = {};

	nft_key_put_ip(&key, ip);
	return key;
}

void nft_key_put_ifname(struct nft_key *key, const char *name)
{
	char padded[IFNAMSIZ] = {};

	(void)snprintf(padded, sizeof(padded), "%s", name);
	key_put(key, padded, sizeof(padded), padded);
}

struct nft_key nft_key_ifname(const char *name)
{
	struct nft_key key = {};

	nft_key_put_ifname(&key, name);
	return key;
}

static void begin(struct nl_msg *m, uint16_t type, uint16_t flags, uint8_t family)
{
	const struct nfgenmsg hdr = {.nfgen_family = family, .version = NFNETLINK_V0};

	nl_begin(m, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, &hdr, sizeof(hdr));
}

static void batch_header(struct nl_msg *m, uint16_t type)
{
	const struct nfgenmsg hdr = {.version = NFNETLINK_V0,
				     .res_id = htons(NFNL_SUBSYS_NFTABLES)};

	nl_begin(m, type, 0, &hdr, sizeof(hdr));
}

void nft_batch_begin(struct nl_msg *m, uint32_t genid)
{
	batch_header(m, NFNL_MSG_BATCH_BEGIN);
	nl_label(m, "change nf_tables");
	if (genid)
		nl_be32(m, NFNL_BATCH_GENID, genid);
	m->batch = true;
}

void nft_batch_end(struct nl_msg *m)
{
	if (!m->failed) // the last request answers for all
		nl_current(m)->nlmsg_flags |= NLM_F_ACK;
	batch_header(m, NFNL_MSG_BATCH_END);
}

static int on_genid(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nlattr *a[NFTA_GEN_MAX + 1];

	(void)e;
	nl_parse(reply, sizeof(struct nfgenmsg), a, NFTA_GEN_MAX);
	*(uint32_t *)ctx = nl_get_be32(a[NFTA_GEN_ID]);
	return 0;
}

int nft_genid(struct nl *nl, uint32_t *genid, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	begin(&m, NFT_MSG_GETGEN, 0, 0);
	nl_label(&m, "read generation of nf_tables");
	return nl_get(nl, &m, on_genid, genid, e);
}

void nft_table_add(struct nl_msg *m, const struct nft_table *table, uint16_t flags)
{
	begin(m, NFT_MSG_NEWTABLE, NLM_F_CREATE | flags, table->family);
	nl_label(m, "add nf_tables table %s", table->name);
	nl_str(m, NFTA_TABLE_NAME, table->name);
}

void nft_table_del(struct nl_msg *m, const struct nft_table *table)
{
	begin(m, NFT_MSG_DELTABLE, 0, table->family);
	nl_label(m, "delete nf_tables table %s", table->name);
	nl_str(m, NFTA_TABLE_NAME, table->name);
}

void nft_chain_add(struct nl_msg *m, const struct nft_table *table, const struct nft_chain *chain)
{
	begin(m, NFT_MSG_NEWCHAIN, NLM_F_CREATE, table->family);
	nl_label(m, "add nf_tables chain %s %s", table->name, chain->name);
	nl_str(m, NFTA_CHAIN_TABLE, table->name);
	nl_str(m, NFTA_CHAIN_NAME, chain->name);
	if (!chain->type)
		return;
	nl_nest(m, NFTA_CHAIN_HOOK | NLA_F_NESTED) {
		nl_be32(m, NFTA_HOOK_HOOKNUM, chain->hook);
		nl_be32(m, NFTA_HOOK_PRIORITY, (uint32_t)chain->priority);
	}
	nl_be32(m, NFTA_CHAIN_POLICY, POLICY_ACCEPT);
	nl_str(m, NFTA_CHAIN_TYPE, chain->type);
}

/** A type as nf_tables and nft(8) know it. */
struct type_info {
	uint32_t number, len, byteorder;
};

static struct type_info type_info(const struct nft_type *type)
{
	struct type_info info = {};
	size_t n;

	for (n = 0; n < NFT_PARTS && type->parts[n] != NFT_NONE; n++) {
		info.number = info.number << TYPE_BITS | part_types[type->parts[n]].type;
		info.len += NLA_ALIGN(part_types[type->parts[n]].len);
	}
	if (n == 1) {
		info.len = part_types[type->parts[0]].len;
		info.byteorder = part_types[type->parts[0]].byteorder;
	}
	return info;
}

/** One number of a set's user data. */
struct set_udata {
	uint8_t type, len;
	uint32_t value;
} __attribute__((packed));

void nft_set_add(struct nl_msg *m, const struct nft_table *table, const struct nft_set *set,
		 uint16_t flags)
{
	struct type_info key = type_info(&set->key), data = type_info(&set->data);
	const struct set_udata udata[] = {
		{UDATA_SET_KEYBYTEORDER, sizeof(uint32_t), key.byteorder},
		{UDATA_SET_DATABYTEORDER, sizeof(uint32_t), data.byteorder},
	};

	begin(m, NFT_MSG_NEWSET, NLM_F_CREATE | flags, table->family);
	nl_label(m, "add nf_tables set %s %s", table->name, set->name);
	nl_str(m, NFTA_SET_TABLE, table->name);
	nl_str(m, NFTA_SET_NAME, set->name);
	nl_be32(m, NFTA_SET_KEY_TYPE, key.number);
	nl_be32(m, NFTA_SET_KEY_LEN, key.len);
	if (data.number) {
		nl_be32(m, NFTA_SET_FLAGS, NFT_SET_MAP);
		nl_be32(m, NFTA_SET_DATA_TYPE, data.number);
		nl_be32(m, NFTA_SET_DATA_LEN, data.len);
	}
	nl_be32(m, NFTA_SET_ID, m->count); // the kernel wants one, unique in the transaction
	nl_put(m, NFTA_SET_USERDATA, udata, data.number ? sizeof(udata) : sizeof(udata[0]));
}

static int ignore(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	(void)reply;
	(void)ctx;
	(void)e;
	return 0;
}

int nft_exists(struct nl *nl, const struct nft_table *table, const char *set, bool *out,
	       struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	begin(&m, set ? NFT_MSG_GETSET : NFT_MSG_GETTABLE, 0, table->family);
	nl_label(&m, "find nf_tables %s %s %s", set ? "set" : "table", table->name, set ? set : "");
	nl_str(&m, set ? NFTA_SET_TABLE : NFTA_TABLE_NAME, table->name);
	if (set)
		nl_str(&m, NFTA_SET_NAME, set);
	*out = nl_get(nl, &m, ignore, NULL, e) == 0;
	return *out || e->os == ENOENT ? 0 : -1;
}

static int on_table_use(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nlattr *a[NFTA_TABLE_MAX + 1];

	(void)e;
	nl_parse(reply, sizeof(struct nfgenmsg), a, NFTA_TABLE_MAX);
	*(uint32_t *)ctx = nl_get_be32(a[NFTA_TABLE_USE]);
	return 0;
}

static int on_chain_use(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nlattr *a[NFTA_CHAIN_MAX + 1];

	(void)e;
	nl_parse(reply, sizeof(struct nfgenmsg), a, NFTA_CHAIN_MAX);
	*(uint32_t *)ctx = nl_get_be32(a[NFTA_CHAIN_USE]);
	return 0;
}

static int count_uses(struct nl *nl, const struct nft_table *table, const char *chain,
		      uint32_t *uses, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	begin(&m, NFT_MSG_GETCHAIN, 0, table->family);
	nl_label(&m, "find nf_tables chain %s %s", table->name, chain);
	nl_str(&m, NFTA_CHAIN_TABLE, table->name);
	nl_str(&m, NFTA_CHAIN_NAME, chain);
	return nl_get(nl, &m, on_chain_use, uses, e);
}

int nft_count(struct nl *nl, const struct nft_table *table, const struct nft_chain chains[],
	      size_t n, uint32_t uses[], uint32_t *objects, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	int rc;

	begin(&m, NFT_MSG_GETTABLE, 0, table->family);
	nl_label(&m, "find nf_tables table %s", table->name);
	nl_str(&m, NFTA_TABLE_NAME, table->name);
	rc = nl_get(nl, &m, on_table_use, objects, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = count_uses(nl, table, chains[i].name, &uses[i], e);
	if (rc == 0)
		return 0;
	*objects = 0;
	memset(uses, 0, n * sizeof(*uses));
	return e->os == ENOENT ? 0 : -1;
}

static void put_value(struct nl_msg *m, uint16_t attr, const struct nft_key *value)
{
	nl_nest(m, attr | NLA_F_NESTED)
		nl_put(m, NFTA_DATA_VALUE, value->bytes, value->len);
}

static void elem_begin(struct nl_msg *m, uint16_t type, uint16_t flags,
		       const struct nft_table *table, const char *set)
{
	begin(m, type, flags, table->family);
	nl_str(m, NFTA_SET_ELEM_LIST_TABLE, table->name);
	nl_str(m, NFTA_SET_ELEM_LIST_SET, set);
}

static void put_comment(struct nl_msg *m, const char *comment)
{
	uint8_t udata[2 + sizeof(((struct nft_elem *)0)->comment)] = {UDATA_ELEM_COMMENT};
	size_t len = strlen(comment) + 1;

	udata[1] = (uint8_t)len;
	memcpy(udata + 2, comment, len);
	nl_put(m, NFTA_SET_ELEM_USERDATA, udata, 2 + len);
}

static void put_elem(struct nl_msg *m, uint16_t flags, const struct nft_table *table,
		     const char *set, const struct nft_elem *elem)
{
	elem_begin(m, NFT_MSG_NEWSETELEM, NLM_F_CREATE | flags, table, set);
	nl_label(m, "add %s to nf_tables set %s %s", elem->key.text, table->name, set);
	nl_nest(m, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED) {
		nl_nest(m, NFTA_LIST_ELEM | NLA_F_NESTED) {
			put_value(m, NFTA_SET_ELEM_KEY, &elem->key);
			if (elem->data.len)
				put_value(m, NFTA_SET_ELEM_DATA, &elem->data);
			if (elem->comment[0])
				put_comment(m, elem->comment);
		}
	}
}

void nft_elem_add(struct nl_msg *m, const struct nft_table *table, const char *set,
		  const struct nft_elem *elem)
{
	put_elem(m, NLM_F_EXCL, table, set, elem);
}

void nft_elem_ensure(struct nl_msg *m, const struct nft_table *table, const char *set,
		     const struct nft_elem *elem)
{
	put_elem(m, 0, table, set, elem);
}

void nft_elem_del(struct nl_msg *m, const struct nft_table *table, const char *set,
		  const struct nft_key *key)
{
	elem_begin(m, NFT_MSG_DELSETELEM, 0, table, set);
	nl_label(m, "delete %s from nf_tables set %s %s", key->text, table->name, set);
	nl_nest(m, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED) {
		nl_nest(m, NFTA_LIST_ELEM | NLA_F_NESTED)
			put_value(m, NFTA_SET_ELEM_KEY, key);
	}
}

/** A key or data, only if it is one that we can have written. */
static void read_value(const struct nlattr *nest, struct nft_key *out)
{
	const struct nlattr *a[NFTA_DATA_MAX + 1];
	const void *bytes;
	size_t len;

	nl_parse_nested(nest, a, NFTA_DATA_MAX);
	bytes = nl_get_data(a[NFTA_DATA_VALUE], &len);
	if (len && len <= sizeof(out->bytes)) {
		memcpy(out->bytes, bytes, len);
		out->len = len;
	}
}

/** The element that @list_elem tells of. */
static struct nft_elem read_elem(const struct nlattr *list_elem)
{
	const struct nlattr *a[NFTA_SET_ELEM_MAX + 1];
	struct nft_elem elem = {.key.text = "an element"};
	const uint8_t *data;
	size_t len;

	nl_parse_nested(list_elem, a, NFTA_SET_ELEM_MAX);
	read_value(a[NFTA_SET_ELEM_KEY], &elem.key);
	read_value(a[NFTA_SET_ELEM_DATA], &elem.data);
	data = nl_get_data(a[NFTA_SET_ELEM_USERDATA], &len);
	if (len > 2 && data[0] == UDATA_ELEM_COMMENT && data[1] <= len - 2)
		(void)snprintf(elem.comment, sizeof(elem.comment), "%.*s", data[1],
			       (const char *)data + 2);
	return elem;
}

/** What a dump of sets or elements calls. */
struct each {
	nft_set_fn *on_set;
	nft_elem_fn *on_elem;
	void *ctx;
};

static int on_elems(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nlattr *list[NFTA_SET_ELEM_LIST_MAX + 1], *elems;
	const struct each *each = ctx;

	nl_parse(reply, sizeof(struct nfgenmsg), list, NFTA_SET_ELEM_LIST_MAX);
	elems = list[NFTA_SET_ELEM_LIST_ELEMENTS];
	for (const struct nlattr *a = elems ? nl_next_nested(elems, NULL) : NULL; a;
	     a = nl_next_nested(elems, a)) {
		const struct nft_elem elem = read_elem(a);

		if (each->on_elem(&elem, each->ctx, e) < 0)
			return -1;
	}
	return 0;
}

static int on_set(const struct nlmsghdr *reply, void *ctx, struct err *e)
{
	const struct nlattr *a[NFTA_SET_MAX + 1];
	const struct each *each = ctx;
	const char *name;

	nl_parse(reply, sizeof(struct nfgenmsg), a, NFTA_SET_MAX);
	name = nl_get_str(a[NFTA_SET_NAME], NULL);
	return name ? each->on_set(name, each->ctx, e) : 0;
}

int nft_set_each(struct nl *nl, const struct nft_table *table, nft_set_fn *fn, void *ctx,
		 struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct each each = {.on_set = fn, .ctx = ctx};

	begin(&m, NFT_MSG_GETSET, 0, table->family);
	nl_label(&m, "list sets of nf_tables table %s", table->name);
	nl_str(&m, NFTA_SET_TABLE, table->name);
	return nl_dump(nl, &m, on_set, &each, e);
}

int nft_elem_each(struct nl *nl, const struct nft_table *table, const char *set, nft_elem_fn *fn,
		  void *ctx, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct each each = {.on_elem = fn, .ctx = ctx};

	elem_begin(&m, NFT_MSG_GETSETELEM, 0, table, set);
	nl_label(&m, "list nf_tables set %s %s", table->name, set);
	return nl_dump(nl, &m, on_elems, &each, e);
}

static int copy_elem(const struct nft_elem *elem, void *ctx, struct err *e)
{
	struct nft_elem *out = ctx;

	(void)e;
	memcpy(out->comment, elem->comment, sizeof(out->comment));
	out->data = elem->data;
	return 0;
}

int nft_elem_get(struct nl *nl, const struct nft_table *table, const char *set,
		 const struct nft_key *key, struct nft_elem *out, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	struct each each = {.on_elem = copy_elem, .ctx = out};

	*out = (struct nft_elem){.key = *key};
	elem_begin(&m, NFT_MSG_GETSETELEM, 0, table, set);
	nl_label(&m, "find %s in nf_tables set %s %s", key->text, table->name, set);
	nl_nest(&m, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED) {
		nl_nest(&m, NFTA_LIST_ELEM | NLA_F_NESTED)
			put_value(&m, NFTA_SET_ELEM_KEY, key);
	}
	return nl_get(nl, &m, on_elems, &each, e);
}
