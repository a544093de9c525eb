// SPDX-License-Identifier: Apache-2.0
#include "node/attachment.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

static const char start[] = "edgeway ";

const char *attachment_id(const struct attachment *a, char *buf)
{
	uint64_t h = HASH_SEED;

	h = hash_str(h, a->network);
	h = hash_str(h, a->container);
	h = hash_str(h, a->ifname);
	return hash_format(h, buf);
}

static const char *name_after(const char *kind, const struct attachment *a, char *buf)
{
	char id[ATTACHMENT_ID];

	(void)snprintf(buf, IFNAMSIZ, "%s%s", kind, attachment_id(a, id));
	return buf;
}

const char *attachment_host_name(const struct attachment *a, char *buf)
{
	return name_after("veth", a, buf);
}

const char *attachment_ifb_name(const struct attachment *a, char *buf)
{
	return name_after("ifb", a, buf);
}

const char *attachment_tag(const struct attachment *a, char *buf)
{
	char id[ATTACHMENT_ID], net[HASH_TEXT];
	int n = snprintf(buf, ATTACHMENT_TAG, "edgeway %s/%s/%s", a->network, a->container,
			 a->ifname);

	if (n >= ATTACHMENT_TAG) // cut, it might be another's
		n = snprintf(buf, ATTACHMENT_TAG, "edgeway %s/#%s", a->network,
			     attachment_id(a, id));
	if (n >= ATTACHMENT_TAG)
		(void)snprintf(buf, ATTACHMENT_TAG, "edgeway #%s/#%s",
			       hash_format(hash_str(HASH_SEED, a->network), net),
			       attachment_id(a, id));
	return buf;
}

bool attachment_tag_read(const char *tag, char *buf, struct attachment *out)
{
	char *container, *ifname;
	size_t at = strlen(start);

	if (strncmp(tag, start, at) != 0 || strlen(tag) >= ATTACHMENT_TAG)
		return false;
	(void)snprintf(buf, ATTACHMENT_TAG, "%s", tag + at);
	container = strchr(buf, '/');
	ifname = container ? strchr(container + 1, '/') : NULL;
	if (!ifname)
		return false;
	*container++ = *ifname++ = '\0';
	*out = (struct attachment){.network = buf, .container = container, .ifname = ifname};
	return true;
}

/** Whether @tag goes on with @name and a slash at @at. */
static bool names(const char *tag, size_t at, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(tag + at, name, n) && tag[at + n] == '/';
}

bool attachment_is_tag(const char *text)
{
	return !strncmp(text, start, strlen(start));
}

bool attachment_tag_is_of(const char *tag, const char *network)
{
	size_t at = strlen(start);
	char net[HASH_TEXT];

	if (strncmp(tag, start, at) != 0)
		return false;
	return names(tag, at, network) ||
	       (tag[at] == '#' &&
		names(tag, at + 1, hash_format(hash_str(HASH_SEED, network), net)));
}

/** "/CONTAINER/IFNAME" in @tag, or NULL. */
static const char *container_in(const char *tag)
{
	const char *at = strchr(tag, '/');

	return at && strchr(at + 1, '/') ? at : NULL;
}

bool attachment_tags_share_container(const char *a, const char *b)
{
	const char *x = container_in(a), *y = container_in(b);
	size_t n = x ? (size_t)(strchr(x + 1, '/') - x) : 0;

	return x && y && !strncmp(x, y, n + 1);
}
