// SPDX-License-Identifier: Apache-2.0
/** edgeway endpoints: the pods that the data path serves. */
#include <linux/rtnetlink.h>

#include "cli/cli.h"
#include "cli/pods.h"
#include "cli/view.h"
#include "node/datapath.h"

static const char *state_of(const struct pod *pod, bool is_attached)
{
	if (!pod->has_link)
		return "gone";
	if (!pod->is_known)
		return "incomplete";
	if (!is_attached)
		return "detached";
	return pod->flags & ENDPOINT_ISOLATED ? "isolated" : "open";
}

static int describe(json_t *rows, const struct pod *pod, const struct datapath *d, struct nl *nl,
		    struct err *e)
{
	json_t *row = json_object(), *addresses = json_array();
	char mac[MAC_TEXT], ip[IP_TEXT];
	bool is_attached = false;

	json_array_append_new(rows, row);
	if (pod->has_link && datapath_is_attached(d, nl, pod->index, &is_attached, e) < 0)
		return -1;
	pods_describe(row, pod, pod->index);
	for (size_t i = 0; i < pod->n_ips; i++)
		json_array_append_new(addresses, json_string(ip_format(&pod->ips[i], ip)));
	json_object_set_new(row, "addresses", addresses);
	json_object_set_new(row, "mac", json_string(mac_format(&pod->mac, mac)));
	json_object_set_new(row, "mtu", pod->has_link ? json_integer(pod->link.mtu) : json_null());
	json_object_set_new(row, "state", json_string(state_of(pod, is_attached)));
	json_object_set_new(row, "attached", json_boolean(is_attached));
	json_object_set_new(row, "isolated", json_boolean(pod->flags & ENDPOINT_ISOLATED));
	json_object_set_new(row, "chained", json_boolean(pod->flags & ENDPOINT_CHAINED));
	return 0;
}

static const struct view_column columns[] = {
	{"POD", .format = pods_cell},
	{"NETWORK", .key = "network"},
	{"INTERFACE", .key = "interface"},
	{"ADDRESSES", .key = "addresses"},
	{"MAC", .key = "mac"},
	{"MTU", .key = "mtu"},
	{"STATE", .key = "state"},
	{"CHAINED", .key = "chained"},
	{},
};

int run_endpoints(const struct cli_args *args, struct err *e)
{
	_cleanup_(datapath_close) struct datapath d = DATAPATH_CLOSED;
	_cleanup_(nl_closep) struct nl *nl = nl_open(NETLINK_ROUTE, e);
	_cleanup_(arena_free) struct arena arena = {};
	json_auto_t *rows = json_array();
	struct pods pods;

	if (!nl || pods_load(&pods, nl, &arena, e) < 0 || datapath_find(&d, e) < 0)
		return -1;
	if (cli_has(args, OPTION_POD) &&
	    pods_select(&pods, args->value[OPTION_POD], &pods, &arena, e) < 0)
		return -1;
	for (size_t i = 0; i < pods.n; i++)
		if (describe(rows, &pods.list[i], &d, nl, e) < 0)
			return -1;
	view_rows(cli_has(args, OPTION_JSON), rows, columns);
	return CLI_DONE;
}
