// SPDX-License-Identifier: Apache-2.0
/** One event of the data path: as an object, and as a line. */
#include "cli/flow.h"
#include <arpa/inet.h>
#include <netinet/in.h>

#include <string.h>

#include "../bpf/shared/conntrack.h"
#include "cli/text.h"
#include "cli/view.h"

static bool is_icmp(const struct event *event)
{
	return event->proto == IPPROTO_ICMP || event->proto == IPPROTO_ICMPV6;
}

/** Of ICMP the ports' place holds type and code in a drop, and the identifier in a flow. */
static void describe_ports(json_t *row, const struct event *event)
{
	unsigned int first = ntohs(event->sport), second = ntohs(event->dport);

	if (!is_icmp(event)) {
		json_object_set_new(row, "source_port", json_integer(first));
		json_object_set_new(row, "destination_port", json_integer(second));
	} else if (event->kind == EVENT_DROPS) {
		json_object_set_new(row, "icmp_type", json_integer(first));
		json_object_set_new(row, "icmp_code", json_integer(second));
	} else {
		json_object_set_new(row, "icmp_id", json_integer(first));
	}
}

json_t *flow_describe(const struct event *event, const struct pods *pods, int64_t offset)
{
	bool is_drop = event->kind == EVENT_DROPS;
	json_t *row = json_object();
	char buf[TEXT_SIZE];
	struct text_reason reason = text_reason(event->what, buf);

	json_object_set_new(row, "event", json_string(is_drop ? "drop" : "flow"));
	if (is_drop) {
		json_object_set_new(row, "reason", json_string(reason.name));
		json_object_set_new(row, "label", json_string(reason.label));
	} else {
		json_object_set_new(row, "what", json_string(text_flow(event->what, buf)));
	}
	json_object_set_new(row, "time", json_string(text_time(event->time, offset, buf)));
	json_object_set_new(row, "direction", json_string(text_direction(event->dir, buf)));
	json_object_set_new(row, "proto", json_string(text_proto(event->proto, buf)));
	json_object_set_new(row, "source", json_string(text_address(&event->src, buf)));
	json_object_set_new(row, "destination", json_string(text_address(&event->dst, buf)));
	describe_ports(row, event);
	if (event->proto == IPPROTO_TCP)
		json_object_set_new(row, "tcp_flags",
				    json_string(text_tcp_flags(event->tcp_flags, buf)));
	json_object_set_new(row, "bytes", json_integer(event->len));
	if (!is_drop)
		json_object_set_new(row, "stack", json_boolean(event->flags & CT_STACK));
	json_object_set_new(row, "lost", json_integer(event->lost));
	pods_describe(row, pods_by_index(pods, (int)event->ifindex), (int)event->ifindex);
	return row;
}

static const char line[] = "%-12.12s  %-12s  %-11s  %-8s  %-5s  %s\n";

int flow_print_titles(FILE *out)
{
	(void)fprintf(out, line, "TIME (UTC)", "POD", "DIRECTION", "EVENT", "PROTO", "FLOW");
	return fflush(out) == 0 ? 0 : -1;
}

/** What is behind the addresses: why it was dropped, or what is known of the flow. */
static void remark(const json_t *row, bool is_drop, char *buf)
{
	const char *flags = view_get(row, "tcp_flags");
	int n = 0;

	if (json_object_get(row, "icmp_type"))
		n = snprintf(buf, VIEW_CELL, "type %lld code %lld  ", view_int(row, "icmp_type"),
			     view_int(row, "icmp_code"));
	else if (json_object_get(row, "icmp_id"))
		n = snprintf(buf, VIEW_CELL, "id %lld  ", view_int(row, "icmp_id"));
	else if (*flags)
		n = snprintf(buf, VIEW_CELL, "%s  ", flags);
	(void)snprintf(buf + n, VIEW_CELL - (size_t)n, "%s",
		       is_drop                                       ? view_get(row, "label")
		       : json_is_true(json_object_get(row, "stack")) ? "by the stack"
								     : "direct");
}

int flow_print(FILE *out, const json_t *row)
{
	bool is_drop = !strcmp(view_get(row, "event"), "drop");
	char pod[VIEW_CELL], src[VIEW_CELL], dst[VIEW_CELL], what[VIEW_CELL],
		flow[3 * VIEW_CELL + 8];
	const char *clock = strchr(view_get(row, "time"), 'T');

	pods_cell(row, pod);
	(void)text_end(view_get(row, "source"), (unsigned int)view_int(row, "source_port"), src);
	(void)text_end(view_get(row, "destination"),
		       (unsigned int)view_int(row, "destination_port"), dst);
	remark(row, is_drop, what);
	(void)snprintf(flow, sizeof(flow), "%s -> %s  %s", src, dst, what);
	(void)fprintf(out, line, clock ? clock + 1 : "", pod, view_get(row, "direction"),
		      is_drop ? "dropped" : view_get(row, "what"), view_get(row, "proto"), flow);
	return fflush(out) == 0 ? 0 : -1;
}
