// SPDX-License-Identifier: Apache-2.0
/**
 * loopback - bring up the loopback interface of a container.
 *
 * The interface is always called lo, whatever CNI_IFNAME says.
 */
#include <errno.h>

#include "base/log.h"
#include "cni/plugin.h"
#include "netlink/ifaddr.h"
#include "netlink/link.h"
#include "node/netns.h"

static const struct conf_field fields[] = {
	CNI_COMMON_KEYS,
	conf_end,
};

struct inside {
	struct netns ns;
	struct nl *nl;
	struct link lo;
};

static void leave(struct inside *in)
{
	nl_closep(&in->nl);
	netns_leave(&in->ns);
}

static int enter(const struct cni_call *call, struct inside *in, struct err *e)
{
	if (netns_enter(&in->ns, call->netns_fd, e) < 0)
		return -1;
	in->nl = nl_open(NETLINK_ROUTE, e);
	return in->nl ? link_get(in->nl, "lo", &in->lo, e) : -1;
}

static int set_up(struct inside *in, bool up, struct err *e)
{
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	if (!(in->lo.flags & IFF_UP) == !up)
		return 0;
	link_set_flags(&m, in->lo.index, up ? IFF_UP : 0, IFF_UP);
	return nl_call(in->nl, &m, e);
}

/** What goes where: the addresses of lo, in the result. */
struct report {
	struct cni_result *result;
	struct arena *arena;
};

static int on_address(const struct iface_addr *addr, void *ctx, struct err *e)
{
	struct report *report = ctx;
	const struct cni_ip ip = {.address = addr->prefix};
	char text[PREFIX_TEXT];

	if (!ip_is_loopback(&addr->prefix.ip))
		return err_set(e, ERR_CONFIG,
			       "loopback interface carries %s, which is not a "
			       "loopback address",
			       prefix_format(&addr->prefix, text));
	if (!cni_result_add_ip(report->result, report->arena, &ip))
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	return 0;
}

/** Bring lo up and describe it. */
static int bring_up(const struct cni_call *call, struct inside *in, struct cni_result *r,
		    struct err *e)
{
	const struct cni_iface lo = {
		.name = "lo", .mac = "00:00:00:00:00:00", .sandbox = call->netns};
	struct report report = {r, call->arena};

	if (set_up(in, true, e) < 0)
		return -1;
	if (!cni_result_add_iface(r, call->arena, &lo))
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	return ifaddr_each(in->nl, in->lo.index, 0, on_address, &report, e);
}

/** Whether or not the kernel's answer to bringing it up arrived. */
static void take_down(const struct cni_call *call)
{
	_cleanup_(leave) struct inside in = {.ns.home = -1};
	struct err e = {};

	if (enter(call, &in, &e) < 0 || set_up(&in, false, &e) < 0)
		log_warn("rollback: %s", e.msg);
}

static int add(const struct cni_call *call, struct cni_result *result, struct err *e)
{
	struct cni_result r = {};
	bool was_up;
	int rc;

	{
		_cleanup_(leave) struct inside in = {.ns.home = -1};

		if (enter(call, &in, e) < 0)
			return -1;
		was_up = in.lo.flags & IFF_UP;
		rc = bring_up(call, &in, &r, e);
	}
	if (rc == 0)
		*result = call->prev ? *call->prev : r;
	else if (!was_up)
		take_down(call);
	return rc;
}

static int del(const struct cni_call *call, struct err *e)
{
	_cleanup_(leave) struct inside in = {.ns.home = -1};

	if (call->netns_fd < 0)
		return 0;
	return enter(call, &in, e) < 0 ? -1 : set_up(&in, false, e);
}

static int check(const struct cni_call *call, struct err *e)
{
	_cleanup_(leave) struct inside in = {.ns.home = -1};

	if (enter(call, &in, e) < 0)
		return -1;
	return in.lo.flags & IFF_UP ? 0 : err_set(e, ERR_MISMATCH, "loopback interface is down");
}

int main(int argc, char **argv)
{
	static const struct cni_plugin plugin = {
		.name = "loopback",
		.about = "bring up the loopback interface of a container",
		.fields = fields,
		.conf_size = sizeof(struct cni_common),
		.needs_netns = true,
		.add = add,
		.del = del,
		.check = check,
	};

	return cni_main(&plugin, argc, argv);
}
