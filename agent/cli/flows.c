// SPDX-License-Identifier: Apache-2.0
/** edgeway flows: events of the data path while they happen. */
#include <limits.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/flow.h"
#include "cli/listener.h"
#include "cli/stop.h"
#include "cli/text.h"
#include "cli/view.h"
#include "node/datapath.h"

enum { LISTEN_SECONDS = 5, POLL_MS = 200 };
static const uint64_t NS = 1000000000;

struct watch {
	bool json;
	int left;                  ///< events until it ends
	const struct pods *chosen; ///< NULL: of all pods
	struct nl *nl;
	struct arena arena; ///< of the pods below
	struct pods pods;
	uint64_t pods_read; ///< when
	int64_t offset;
};

static bool is_of(const struct pods *pods, const union address *address)
{
	struct ipaddr ip = datapath_ip(address);

	return pods_by_address(pods, &ip);
}

static bool is_wanted(const struct watch *w, const struct event *event)
{
	return !w->chosen || pods_by_index(w->chosen, (int)event->ifindex) ||
	       is_of(w->chosen, &event->src) || is_of(w->chosen, &event->dst);
}

/** Learn of pods that have come meanwhile: at most once a second, for an uplink is never known. */
static int know_pods(struct watch *w, int index, struct err *e)
{
	uint64_t now = text_clock_now();

	if (pods_by_index(&w->pods, index) || (w->pods_read && now - w->pods_read < NS))
		return 0;
	w->pods = (struct pods){};
	arena_free(&w->arena);
	w->arena = (struct arena){};
	w->pods_read = now;
	return pods_load(&w->pods, w->nl, &w->arena, e);
}

static int on_event(const void *record, size_t len, void *ctx, struct err *e)
{
	struct watch *w = ctx;
	struct event event = {};
	json_auto_t *row = NULL;

	if (w->left == 0)
		return 0; // of the same batch, but not asked for
	memcpy(&event, record, len < sizeof(event) ? len : sizeof(event));
	if (event.lost && !w->json)
		(void)fprintf(stderr, "%u events before this one were not reported\n", event.lost);
	if (!is_wanted(w, &event))
		return 0;
	if (know_pods(w, (int)event.ifindex, e) < 0)
		return -1;
	row = flow_describe(&event, &w->pods, w->offset);
	w->left -= w->left != INT_MAX;
	if ((w->json ? view_json_line(stdout, row) : flow_print(stdout, row)) < 0)
		w->left = 0;
	return 0;
}

static int listen_to(struct watch *w, const struct cli_args *args, int stop, struct err *e)
{
	_cleanup_(listener_end) struct listener l = LISTENER_CLOSED;
	uint64_t end = text_clock_now() + LISTEN_SECONDS * NS;
	bool stopped = false;

	if (listener_begin(&l,
			   cli_has(args, OPTION_DROPS) ? EVENT_DROPS : EVENT_FLOWS | EVENT_DROPS,
			   e) < 0)
		return -1;
	if (!w->json && flow_print_titles(stdout) < 0)
		return 0;
	while (w->left > 0 && !stopped &&
	       (cli_has(args, OPTION_FOLLOW) || text_clock_now() < end)) {
		// The programs may leave it to us to look.
		if (stop_wait(stop, l.events, POLL_MS, &stopped, e) < 0 ||
		    ringbuf_read(&l.ring, on_event, w, e) < 0)
			return -1;
	}
	return 0;
}

static void watch_free(struct watch *w)
{
	nl_closep(&w->nl);
	arena_free(&w->arena);
}

int run_flows(const struct cli_args *args, struct err *e)
{
	_cleanup_(watch_free) struct watch w = {.json = cli_has(args, OPTION_JSON),
						.left = args->count ? args->count : INT_MAX,
						.offset = text_clock_offset()};
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(fd_closep) int stop = -1;
	struct pods pods;

	w.nl = nl_open(NETLINK_ROUTE, e);
	if (!w.nl)
		return -1;
	if (cli_has(args, OPTION_POD)) {
		if (pods_load(&pods, w.nl, &arena, e) < 0 ||
		    pods_select(&pods, args->value[OPTION_POD], &pods, &arena, e) < 0)
			return -1;
		w.chosen = &pods;
	}
	stop = stop_open(e);
	if (stop < 0 || listen_to(&w, args, stop, e) < 0)
		return -1;
	return CLI_DONE;
}
