// SPDX-License-Identifier: Apache-2.0
#include "ipam/range.h"

#include <stdio.h>
#include <string.h>

const struct conf_field range_fields[] = {
	conf_prefix(struct range, subnet, "subnet", .required = true,
		    .help = "the subnet to allocate from, e.g. 10.1.0.0/16"),
	conf_ip(struct range, start, "rangeStart",
		.help = "first address to give; the subnet's second if absent"),
	conf_ip(struct range, end, "rangeEnd",
		.help = "last address to give; the subnet's last usable if absent"),
	conf_ip(struct range, gateway, "gateway",
		.help = "address of the gateway, never given; the subnet's first if absent"),
	conf_end,
};

static const struct conf_field range_elem = {.kind = CONF_OBJ, .sub = range_fields};
const struct conf_field range_set_elem = conf_list(struct range_set, ranges, n, NULL, &range_elem);

static struct ipaddr previous(struct ipaddr ip)
{
	for (size_t i = ip_size(&ip); i-- > 0;)
		if (ip.bytes[i]--)
			break;
	return ip;
}

/** The subnet's own address is nobody's, nor is IPv4's broadcast. */
static void set_defaults(struct range *r)
{
	struct ipaddr first = prefix_first(&r->subnet), last = prefix_last(&r->subnet);

	if (!r->gateway.family)
		r->gateway = ip_next(&first);
	if (!r->start.family)
		r->start = ip_next(&first);
	if (!r->end.family)
		r->end = last.family == AF_INET ? previous(last) : last;
}

static int check_bound(const struct range *r, const struct ipaddr *ip, const char *at,
		       const char *key, struct err *e)
{
	char text[IP_TEXT], subnet[PREFIX_TEXT];

	if (prefix_contains(&r->subnet, ip))
		return 0;
	return err_set(e, ERR_CONFIG, "%s.%s: \"%s\": not in the subnet %s", at, key,
		       ip_format(ip, text), prefix_format(&r->subnet, subnet));
}

static int check_range(struct range *r, const char *at, struct err *e)
{
	struct prefix net = {prefix_first(&r->subnet), r->subnet.len};
	char text[PREFIX_TEXT], right[PREFIX_TEXT], end[IP_TEXT];

	if (ip_cmp(&net.ip, &r->subnet.ip) != 0)
		return err_set(e, ERR_CONFIG,
			       "%s.subnet: \"%s\": Network has host bits set; write \"%s\"", at,
			       prefix_format(&r->subnet, text), prefix_format(&net, right));
	if (r->subnet.len > ip_bits(&r->subnet.ip) - 2)
		return err_set(
			e, ERR_CONFIG,
			"%s.subnet: \"%s\": Network too small to allocate from; a /%d is the "
			"least",
			at, prefix_format(&r->subnet, text), ip_bits(&r->subnet.ip) - 2);
	set_defaults(r);
	if (check_bound(r, &r->start, at, "rangeStart", e) < 0 ||
	    check_bound(r, &r->end, at, "rangeEnd", e) < 0)
		return -1;
	if (r->gateway.family != r->subnet.ip.family)
		return err_set(e, ERR_CONFIG, "%s.gateway: \"%s\": not of the subnet's family", at,
			       ip_format(&r->gateway, text));
	if (ip_cmp(&r->start, &r->end) > 0)
		return err_set(e, ERR_CONFIG, "%s.rangeStart: \"%s\": after rangeEnd \"%s\"", at,
			       ip_format(&r->start, text), ip_format(&r->end, end));
	return 0;
}

static bool overlap(const struct range *a, const struct range *b)
{
	return a->start.family == b->start.family && ip_cmp(&a->start, &b->end) <= 0 &&
	       ip_cmp(&b->start, &a->end) <= 0;
}

enum { PATH_SIZE = 96 };

/** Where range @r of @set stands: "ipam.ranges[0][1]", or "ipam" for the older form. */
static const char *path_of(const struct range_set *set, size_t r, char *buf)
{
	if (set->single)
		(void)snprintf(buf, PATH_SIZE, "%s", set->path);
	else
		(void)snprintf(buf, PATH_SIZE, "%s[%zu]", set->path, r);
	return buf;
}

/** Whether range @r of set @s meets one before it. */
static int check_overlap(const struct range_set *sets, size_t s, size_t r, struct err *e)
{
	const struct range *mine = &sets[s].ranges[r];
	char here[PATH_SIZE], there[PATH_SIZE];

	for (size_t i = 0; i <= s; i++)
		for (size_t j = 0; j < (i == s ? r : sets[i].n); j++)
			if (overlap(&sets[i].ranges[j], mine))
				return err_set(e, ERR_CONFIG, "%s: overlaps with %s%s",
					       path_of(&sets[s], r, here),
					       path_of(&sets[i], j, there),
					       sets[i].single ? ".subnet" : "");
	return 0;
}

int range_sets_check(struct range_set *sets, size_t n, struct err *e)
{
	for (size_t s = 0; s < n; s++) {
		if (!sets[s].n)
			return err_set(e, ERR_CONFIG, "%s: an empty set of ranges", sets[s].path);
		for (size_t r = 0; r < sets[s].n; r++) {
			struct range *range = &sets[s].ranges[r];
			char path[PATH_SIZE];

			if (check_range(range, path_of(&sets[s], r, path), e) < 0)
				return -1;
			if (range->subnet.ip.family != sets[s].ranges[0].subnet.ip.family)
				return err_set(e, ERR_CONFIG,
					       "%s.subnet: mixed address families in one set",
					       path);
			if (check_overlap(sets, s, r, e) < 0)
				return -1;
		}
	}
	return 0;
}

const struct range *range_find(const struct range_set *set, const struct ipaddr *ip)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct range *r = &set->ranges[i];

		if (r->start.family == ip->family && ip_cmp(&r->start, ip) <= 0 &&
		    ip_cmp(ip, &r->end) <= 0)
			return r;
	}
	return NULL;
}

const char *range_set_format(const struct range_set *set, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < set->n && n + 1 < size; i++) {
		char start[IP_TEXT], end[IP_TEXT];

		n += (size_t)snprintf(buf + n, size - n, "%s%s-%s", i ? "," : "",
				      ip_format(&set->ranges[i].start, start),
				      ip_format(&set->ranges[i].end, end));
	}
	return buf;
}

/** One step of the round. */
static void advance(struct range_cursor *c)
{
	if (ip_cmp(&c->at, &c->set->ranges[c->range].end) < 0) {
		c->at = ip_next(&c->at);
		return;
	}
	c->range = (c->range + 1) % c->set->n;
	c->at = c->set->ranges[c->range].start;
}

struct range_cursor range_start(const struct range_set *set, const struct ipaddr *last)
{
	struct range_cursor c = {.set = set, .at = set->ranges[0].start};
	const struct range *r = last->family ? range_find(set, last) : NULL;

	if (r) {
		c.range = (size_t)(r - set->ranges);
		c.at = *last;
		advance(&c);
	}
	c.first = c.at;
	return c;
}

const struct range *range_next(struct range_cursor *c, struct ipaddr *ip)
{
	for (;;) {
		const struct range *r = &c->set->ranges[c->range];
		struct ipaddr at = c->at;

		if (c->started && ip_cmp(&c->at, &c->first) == 0)
			return NULL;
		c->started = true;
		advance(c);
		if (ip_cmp(&at, &r->gateway) != 0) {
			*ip = at;
			return r;
		}
	}
}
