// SPDX-License-Identifier: Apache-2.0
/** Settings of the network that the data path, or the node's stack beside it, depends on. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/doctor.h"

/** The number in net/ipv4/conf/@name/@key or the like; -1 if there is no such setting. */
static int read_key(const char *family, const char *name, const char *key)
{
	char path[128], text[32];

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, name, key);
	if (file_read(AT_FDCWD, path, text, sizeof(text)) < 0)
		return -1;
	return (int)strtol(text, NULL, 10);
}

/** For what the larger one of "all" and the interface's own counts (ip-sysctl.rst). */
static int read_larger(const char *name, const char *key)
{
	int all = read_key("ipv4", "all", key), own = read_key("ipv4", name, key);

	return all > own ? all : own;
}

static bool has_family(const struct doctor *doc, int family)
{
	for (size_t i = 0; i < doc->pods.n; i++)
		for (size_t j = 0; j < doc->pods.list[i].n_ips; j++)
			if (doc->pods.list[i].ips[j].family == family)
				return true;
	return false;
}

static void check_forwarding(struct doctor *doc, const char *family, int af, const char *check)
{
	int is_on = read_key(family, "all", "forwarding");

	if (is_on < 0)
		return; // no such family: the kernel's check says so
	if (is_on)
		doctor_ok(doc, check, "is on");
	else if (has_family(doc, af))
		doctor_fail(
			doc, check, "pods reach this node and each other only",
			af == AF_INET
				? "sysctl -w net.ipv4.ip_forward=1, and the same in /etc/sysctl.d"
				: "sysctl -w net.ipv6.conf.all.forwarding=1, and the same in "
				  "/etc/sysctl.d",
			"is off");
	else
		doctor_ok(doc, check, "is off, the first pod switches it on");
}

static void check_one_link(struct doctor *doc, const struct link *link)
{
	if (read_key("ipv4", "all", "forwarding") == 1 &&
	    read_key("ipv4", link->name, "forwarding") == 0)
		doctor_fail(doc, "forwarding, IPv4", "what comes in by it is not forwarded",
			    arena_printf(doc->arena, "sysctl -w net/ipv4/conf/%s/forwarding=1",
					 link->name),
			    "is off on %s", link->name);
}

static void check_uplink(struct doctor *doc, const struct link *link)
{
	int arp = read_larger(link->name, "arp_ignore"), rp = read_larger(link->name, "rp_filter");

	check_one_link(doc, link);
	if (arp >= 8)
		doctor_fail(
			doc, "arp_ignore", "the node answers no ARP: its neighbours do not find it",
			"sysctl -w net.ipv4.conf.all.arp_ignore=2", "is %d on %s", arp, link->name);
	else
		doctor_ok(doc, "arp_ignore", "is %d on %s: pods need no ARP of the node", arp,
			  link->name);
	if (rp == 1 && doc->n_uplinks > 1)
		doctor_warn(doc, "rp_filter",
			    "answers that come back by another uplink than the route's are dropped",
			    arena_printf(doc->arena, "sysctl -w net/ipv4/conf/%s/rp_filter=2",
					 link->name),
			    "is strict on %s, one of %zu uplinks", link->name, doc->n_uplinks);
	else
		doctor_ok(doc, "rp_filter", "is %d on %s", rp, link->name);
}

int doctor_sysctl(struct doctor *doc, struct err *e)
{
	(void)e;
	check_forwarding(doc, "ipv4", AF_INET, "forwarding, IPv4");
	check_forwarding(doc, "ipv6", AF_INET6, "forwarding, IPv6");
	for (size_t i = 0; i < doc->n_uplinks; i++) {
		const struct link *link = doctor_link(doc, doc->uplinks[i]);

		if (link)
			check_uplink(doc, link);
	}
	for (size_t i = 0; i < doc->pods.n; i++)
		if (doc->pods.list[i].has_link && !(doc->pods.list[i].flags & ENDPOINT_CHAINED))
			check_one_link(doc, &doc->pods.list[i].link);
	return 0;
}
