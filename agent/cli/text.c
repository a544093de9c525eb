// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"
#include <netinet/in.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "node/datapath.h"

#define REASON(name, label, text) {#name, label, text},
static const struct text_reason reasons[] = {DROP_REASONS(REASON)};
#undef REASON

/** The name of @i among @n, or "#I". */
static const char *among(const char *const names[], size_t n, unsigned int i, char *buf)
{
	if (i < n && names[i])
		return names[i];
	(void)snprintf(buf, TEXT_SIZE, "#%u", i);
	return buf;
}

struct text_reason text_reason(unsigned int reason, char *buf)
{
	if (reason < DROP_MAX)
		return reasons[reason];
	(void)snprintf(buf, TEXT_SIZE, "#%u", reason);
	return (struct text_reason){buf, buf, "a reason that this version does not know"};
}

const char *text_direction(unsigned int dir, char *buf)
{
	static const char *const names[] = {
		[DIR_OUT_OF_POD] = "out-of-pod",
		[DIR_INTO_POD] = "into-pod",
		[DIR_FROM_UPLINK] = "from-uplink",
		[DIR_TO_UPLINK] = "to-uplink",
	};

	return among(names, ARRAY_SIZE(names), dir, buf);
}

const char *text_proto(unsigned int proto, char *buf)
{
	static const char *const names[] = {
		[IPPROTO_ICMP] = "icmp",    [IPPROTO_IGMP] = "igmp", [IPPROTO_TCP] = "tcp",
		[IPPROTO_UDP] = "udp",      [IPPROTO_GRE] = "gre",   [IPPROTO_ESP] = "esp",
		[IPPROTO_ICMPV6] = "icmp6", [IPPROTO_SCTP] = "sctp",
	};

	return among(names, ARRAY_SIZE(names), proto, buf);
}

const char *text_flow(unsigned int what, char *buf)
{
	static const char *const names[] = {
		[FLOW_NEW] = "new",
		[FLOW_REPLIED] = "replied",
		[FLOW_GOES_ON] = "goes-on",
		[FLOW_CLOSED] = "closed",
	};

	return among(names, ARRAY_SIZE(names), what, buf);
}

const char *text_tcp_flags(unsigned int flags, char *buf)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & (1U << i))
			n += (size_t)snprintf(buf + n, TEXT_SIZE - n, "%s%s", n ? "," : "",
					      names[i]);
	return buf;
}

const char *text_ct_state(unsigned int flags, unsigned int proto)
{
	unsigned int fins = flags & (CT_LOW_FIN | CT_HIGH_FIN);

	if (proto != IPPROTO_TCP)
		return flags & CT_REPLIED ? "answered" : "unanswered";
	if (flags & CT_RESET)
		return "reset";
	if (fins)
		return fins == (CT_LOW_FIN | CT_HIGH_FIN) ? "closed" : "closing";
	if (flags & CT_CONFIRMED)
		return flags & CT_PICKED_UP ? "picked-up" : "established";
	return flags & CT_REPLIED ? "opening" : "syn";
}

const char *text_age(double seconds, char *buf)
{
	unsigned long s = seconds < 0 ? 0 : (unsigned long)seconds;

	if (s == 0)
		(void)snprintf(buf, TEXT_SIZE, "now");
	else if (s < 60)
		(void)snprintf(buf, TEXT_SIZE, "%lus", s);
	else if (s < 3600)
		(void)snprintf(buf, TEXT_SIZE, "%lum%02lus", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(buf, TEXT_SIZE, "%luh%02lum", s / 3600, s / 60 % 60);
	else
		(void)snprintf(buf, TEXT_SIZE, "%lud%02luh", s / 86400, s / 3600 % 24);
	return buf;
}

double text_seconds(uint64_t ns)
{
	const uint64_t ms = ns / 1000000;

	return (double)ms / 1000;
}

const char *text_bytes(uint64_t bytes, char *buf)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double n = (double)bytes;
	size_t i = 0;

	if (bytes < 1024) {
		(void)snprintf(buf, TEXT_SIZE, "%u B", (unsigned int)bytes);
		return buf;
	}
	for (n /= 1024; n >= 1023.95 && i + 1 < ARRAY_SIZE(units); i++)
		n /= 1024;
	(void)snprintf(buf, TEXT_SIZE, "%.1f %s", n, units[i]);
	return buf;
}

const char *text_address(const union address *address, char *buf)
{
	struct ipaddr ip = datapath_ip(address);

	return ip_format(&ip, buf);
}

const char *text_end(const char *address, unsigned int port, char *buf)
{
	bool is_v6 = strchr(address, ':');

	if (port)
		(void)snprintf(buf, TEXT_SIZE, "%s%s%s:%u", is_v6 ? "[" : "", address,
			       is_v6 ? "]" : "", port);
	else
		(void)snprintf(buf, TEXT_SIZE, "%s", address);
	return buf;
}

static int64_t read_clock(clockid_t clock)
{
	struct timespec t = {};

	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t text_clock_offset(void)
{
	return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC);
}

uint64_t text_clock_now(void)
{
	return (uint64_t)read_clock(CLOCK_MONOTONIC);
}

const char *text_time(uint64_t monotonic, int64_t offset, char *buf)
{
	int64_t ns = (int64_t)monotonic + offset;
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm = {};
	size_t n;

	(void)gmtime_r(&seconds, &tm);
	n = strftime(buf, TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf + n, TEXT_SIZE - n, ".%09dZ", (int)(ns % 1000000000));
	return buf;
}
