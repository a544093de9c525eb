/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * One container interface on one network: what every ADD makes and every DEL takes away.
 *
 * All names that must be found again without any record - the node's end of a veth pair, state
 * files, comments in nf_tables - derive from these three strings alone.
 */
struct attachment {
	const char *network;
	const char *container;
	const char *ifname;
};

enum {
	ATTACHMENT_ID = 12,   ///< size of the id: 11 characters and the NUL
	ATTACHMENT_TAG = 128, ///< size of the tag: what a comment in nf_tables can hold
};

/** A hash of the three as 11 characters of a-z and 2-7; returns @buf, of ATTACHMENT_ID bytes. */
const char *attachment_id(const struct attachment *a, char *buf);

/** The name of the node's end of the veth pair: "veth" and the id; @buf of IFNAMSIZ bytes. */
const char *attachment_host_name(const struct attachment *a, char *buf);

/** The name of its ifb, the device that delays what the container sends: "ifb" and the id. */
const char *attachment_ifb_name(const struct attachment *a, char *buf);

/**
 * "edgeway NET/CONTAINER/IFNAME", for people and for GC, or "edgeway NET/#ID" if that is too long,
 * or "edgeway #NETHASH/#ID";
 * @buf of ATTACHMENT_TAG bytes.
 */
const char *attachment_tag(const struct attachment *a, char *buf);

/**
 * Read the names back out of @tag into @buf, of ATTACHMENT_TAG bytes, where @out then points to.
 * Returns false if it is no tag of ours, or one of those that were too long for the names.
 */
bool attachment_tag_read(const char *tag, char *buf, struct attachment *out);

/** Whether @text begins as all tags do. */
bool attachment_is_tag(const char *text);

/** Whether @tag is that of an attachment to @network, whatever container. */
bool attachment_tag_is_of(const char *tag, const char *network);

/**
 * Whether both tags are of one container, by different interfaces or networks perhaps. Of tags that
 * were too long for the names it cannot be told: false.
 */
bool attachment_tags_share_container(const char *a, const char *b);
