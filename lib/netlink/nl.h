/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

/**
 * Netlink: requests written top to bottom in the shape the kernel documents them, sent together.
 *
 *	_cleanup_(nl_msg_free) struct nl_msg m = {};
 *
 *	nl_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifinfo, sizeof(ifinfo));
 *	nl_label(&m, "add veth %s", name);
 *	nl_str(&m, IFLA_IFNAME, name);
 *	nl_nest(&m, IFLA_LINKINFO) {
 *		nl_str(&m, IFLA_INFO_KIND, "veth");
 *	}
 *	nl_begin(&m, RTM_NEWADDR, ...);		// a second request in the same message
 *	...
 *	return nl_call(nl, &m, e);
 *
 * Writing cannot fail where it stands: the buffer grows, and want of memory is remembered and
 * reported by nl_call(). So there is one check for all requests, not one per attribute.
 *
 * The kernel carries the requests out in order, each on its own, in one system call; nl_call()
 * waits for the last and reports the first that was refused, by its label, with the kernel's own
 * words (extended ack) in the error's details. A later request is carried out even if an earlier
 * one was refused, so only requests that make sense on their own, or are undone together, belong
 * into one message. An nf_tables batch (nft.h) is all or nothing.
 */
struct nl;
struct nlattr;

enum { NL_LABELS = 12, NL_SMALL = 1024 }; ///< further requests go without a label

struct nl_msg {
	unsigned char *buf; ///< small, or owned once that has been outgrown; NULL before the first
	size_t len, size;
	size_t at;          ///< offset of the request that is being written
	size_t family_len;  ///< of its family header; an answer begins with one of the same kind
	unsigned int count; ///< requests so far
	bool failed;        ///< memory ran out or a request outgrew netlink; nl_call() says so
	bool batch;         ///< framed as an nf_tables batch
	bool large;         ///< nl_expect_large()
	char label[NL_LABELS][80];
	int forgiven[NL_LABELS + 1]; ///< the last: of all requests without a label
	_Alignas(NLMSG_ALIGNTO) unsigned char small[NL_SMALL];
};

/** Open a socket in the current network namespace, with extended acks on. NULL on failure. */
struct nl *nl_open(int protocol, struct err *e);
void nl_closep(struct nl **nl);

/** Start a request. @type as in the header of its family, e.g. RTM_NEWLINK. */
void nl_begin(struct nl_msg *m, uint16_t type, uint16_t flags, const void *family_hdr, size_t len);
void nl_u8(struct nl_msg *m, uint16_t attr, uint8_t value);
void nl_u16(struct nl_msg *m, uint16_t attr, uint16_t value);
void nl_u32(struct nl_msg *m, uint16_t attr, uint32_t value);
void nl_be32(struct nl_msg *m, uint16_t attr, uint32_t value); ///< @value in host order
void nl_str(struct nl_msg *m, uint16_t attr, const char *value);
void nl_put(struct nl_msg *m, uint16_t attr, const void *data, size_t len);
void nl_ip(struct nl_msg *m, uint16_t attr, const struct ipaddr *ip);

/** What the current request does, for the error message: "add address 10.1.0.2/16 to eth0". */
void nl_label(struct nl_msg *m, const char *fmt, ...) _printf_(2, 3);

/**
 * The current request counts as carried out if it is refused with the errno @os. Of the first
 * NL_LABELS no other one does; requests beyond them are forgiven together.
 */
void nl_forgive(struct nl_msg *m, int os);

/**
 * The one object that nl_get() shall bring may be larger than 32 KB, as that of a physical function
 * with more than a hundred virtual ones is.
 */
void nl_expect_large(struct nl_msg *m);

/** The block that follows is nested inside @attr. Do not `return` or `break` out of it. */
#define nl_nest(m, attr) nl_nest_((m), (attr), NULL, 0, UNIQUE(nest))

/** Like nl_nest(), for the attributes that start with a header of their own. */
#define nl_nest_hdr(m, attr, hdr, len) nl_nest_((m), (attr), (hdr), (len), UNIQUE(nest))

#define nl_nest_(m, attr, hdr, len, nest)                                                          \
	for (size_t nest = nl_nest_begin(m, attr, hdr, len); nest; nl_nest_end(m, nest), nest = 0)

size_t nl_nest_begin(struct nl_msg *m, uint16_t attr, const void *hdr, size_t len);
void nl_nest_end(struct nl_msg *m, size_t nest);

/** Release the buffer; the message may be written anew. */
void nl_msg_free(struct nl_msg *m);

/**
 * Send @m and wait for the kernel's verdict on all of it; @m is empty afterwards. On refusal @e
 * holds the label of the first refused request, the errno's text, and e->os the errno. With any
 * code but ERR_KERNEL it is not known what the kernel did: the verdict did not arrive.
 */
int nl_call(struct nl *nl, struct nl_msg *m, struct err *e) _must_check_;

/** What to do with one object of a reply; return -1 with @e filled to stop. */
typedef int nl_reply_fn(const struct nlmsghdr *reply, void *ctx, struct err *e);

/** Send the single request in @m and hand the object the kernel answers with to @on_reply. */
int nl_get(struct nl *nl, struct nl_msg *m, nl_reply_fn *on_reply, void *ctx,
	   struct err *e) _must_check_;

/**
 * Like nl_get() for all objects of a kind. A dump that the kernel marks as interrupted by changes
 * is started again, up to three times; @on_reply may then see an object twice.
 */
int nl_dump(struct nl *nl, struct nl_msg *m, nl_reply_fn *on_reply, void *ctx,
	    struct err *e) _must_check_;

/**
 * Index the attributes behind a family header of @hdr_len bytes: attrs[type] or NULL. Types above
 * @max are passed over.
 */
void nl_parse(const struct nlmsghdr *reply, size_t hdr_len, const struct nlattr *attrs[],
	      uint16_t max);
void nl_parse_nested(const struct nlattr *nest, const struct nlattr *attrs[], uint16_t max);

/**
 * Walk the attributes behind a family header, for those that may come more than once: the one after
 * @previous, or the first if that is NULL; NULL after the last.
 */
const struct nlattr *nl_next(const struct nlmsghdr *reply, size_t hdr_len,
			     const struct nlattr *previous);
const struct nlattr *nl_next_nested(const struct nlattr *nest, const struct nlattr *previous);
uint16_t nl_type(const struct nlattr *a);

/** The family header behind the netlink header. */
const void *nl_payload(const struct nlmsghdr *reply);

/** Values of a reply's attribute; 0, NULL or @otherwise when it is absent or too short. */
uint8_t nl_get_u8(const struct nlattr *a);
uint16_t nl_get_u16(const struct nlattr *a);
uint32_t nl_get_u32(const struct nlattr *a);
uint32_t nl_get_be32(const struct nlattr *a);
const char *nl_get_str(const struct nlattr *a, const char *otherwise);
const void *nl_get_data(const struct nlattr *a, size_t *len);
bool nl_get_ip(const struct nlattr *a, int family, struct ipaddr *out);

/**
 * An ioctl of netdevice(7) in the socket's namespace: what it can answer costs a tenth of a netlink
 * request. Returns 0, or -1 with errno.
 */
int nl_ioctl(const struct nl *nl, int request, void *arg);

/** The index of the interface called @name in the socket's namespace, or 0. */
int nl_ifindex(const struct nl *nl, const char *name);
