// SPDX-License-Identifier: Apache-2.0
#include "deviceplugin/watch.h"

#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/log.h"
#include "deviceplugin/kubelet.h"
#include "deviceplugin/plugin.h"
#include "netlink/link.h"
#include "netlink/listen.h"

/**
 * Hardware only: pods come and go with interfaces of software, which say nothing about a card. A PF
 * is known by its name, for the tests' sake: theirs are of software.
 */
static bool link_matters(const struct dp *dp, const struct link *link)
{
	for (size_t i = 0; i < dp->inventory.n && *link->kind; i++) {
		const struct pci_vf *vf = &dp->inventory.devices[i].pci.vf;

		if (!strcmp(vf->pf_netdev, link->name) || !strcmp(vf->netdev, link->name))
			return true;
	}
	return !*link->kind;
}

static bool event_matters(const struct dp *dp, const struct nlmsghdr *event)
{
	const struct rtmsg *route = nl_payload(event);
	struct link link;

	if (event->nlmsg_type == RTM_NEWROUTE || event->nlmsg_type == RTM_DELROUTE)
		return route->rtm_dst_len == 0; // who leads out of here is the node's own
	if (event->nlmsg_type != RTM_NEWLINK && event->nlmsg_type != RTM_DELLINK)
		return false;
	link_parse(&link, event);
	return link_matters(dp, &link);
}

static void on_links(void *ctx, uint32_t events)
{
	_Alignas(NLMSG_ALIGNTO) static char buf[LISTEN_SIZE];
	struct dp_watch *w = ctx;
	bool matters = false;
	ssize_t n;

	(void)events;
	while ((n = listen_next(w->links.fd, buf)) != 0) {
		const struct nlmsghdr *h = (const void *)buf;

		for (matters |= n<0; n> 0 && NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n))
			matters |= event_matters(w->dp, h);
	}
	if (matters)
		dp_changed(w->dp);
}

static void on_uevents(void *ctx, uint32_t events)
{
	static char buf[LISTEN_SIZE];
	struct dp_watch *w = ctx;
	bool matters = false;
	struct uevent event;
	ssize_t n;

	(void)events;
	while ((n = listen_next(w->uevents.fd, buf)) != 0) {
		if (n > 0)
			uevent_parse(&event, buf, (size_t)n);
		matters |= n < 0 || !strcmp(event.subsystem, "pci") ||
			   !strcmp(event.subsystem, "infiniband");
	}
	if (matters)
		dp_changed(w->dp);
}

static void on_file(struct dp_watch *w, enum dp_watch_what what, const struct inotify_event *event)
{
	size_t n = event->len ? strlen(event->name) : 0;

	switch (what) {
	case DP_WATCH_CONFIG:
		dp_config_changed(w->dp);
		break;
	case DP_WATCH_RECORDS:
		if (n > 5 && !strcmp(event->name + n - 5, ".lock"))
			break;
		dp_changed(w->dp);
		dp_assigned_changed(&w->dp->assigned);
		break;
	case DP_WATCH_NETNS:
		dp_changed(w->dp);
		break;
	case DP_WATCH_KUBELET:
	case DP_WATCH_SOCKETS:
		dp_kubelet_changed(w->dp, n ? event->name : "", event->mask);
		break;
	}
}

static void forget(struct dp_watch *w, int wd)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->dirs[i].wd == wd)
			w->dirs[i] = w->dirs[--w->n];
}

static void on_event(struct dp_watch *w, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW) {
		dp_config_changed(w->dp);
		dp_kubelet_changed(w->dp, "", event->mask);
		dp_assigned_ask(&w->dp->assigned);
	}
	for (size_t i = 0; i < w->n; i++)
		if (w->dirs[i].wd == event->wd) {
			on_file(w, w->dirs[i].what, event);
			break;
		}
	if (event->mask & IN_MOVE_SELF)
		(void)inotify_rm_watch(w->files.fd, event->wd);
	if (event->mask & IN_IGNORED) { // the directory is gone; there may be another of its name
		forget(w, event->wd);
		dp_changed(w->dp);
	}
}

static void on_files(void *ctx, uint32_t events)
{
	_Alignas(struct inotify_event) char buf[4096];
	struct dp_watch *w = ctx;
	ssize_t n = read(w->files.fd, buf, sizeof(buf));

	(void)events;
	for (const char *at = buf; n > 0 && at < buf + n;) {
		const struct inotify_event *event = (const void *)at;

		on_event(w, event);
		at += sizeof(*event) + event->len;
	}
}

int dp_watch_dir(struct dp_watch *w, enum dp_watch_what what, const char *path)
{
	struct dp_watched *more;
	int wd = inotify_add_watch(w->files.fd, path,
				   IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
					   IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF |
					   IN_ONLYDIR);

	if (wd < 0)
		return -1;
	for (size_t i = 0; i < w->n; i++)
		if (w->dirs[i].wd == wd)
			return 0;
	more = realloc(w->dirs, (w->n + 1) * sizeof(*more));
	if (!more)
		return -1;
	w->dirs = more;
	w->dirs[w->n++] = (struct dp_watched){wd, what};
	return 1;
}

static int watch_socket(struct dp_watch *w, struct loop_watch *at, int fd, loop_fn *fn,
			struct err *e)
{
	*at = (struct loop_watch){.fn = fn, .ctx = w, .fd = -1};
	if (loop_watch(w->dp->loop, at, fd, EPOLLIN, e) == 0)
		return 0;
	fd_closep(&fd);
	return -1;
}

int dp_watch_open(struct dp_watch *w, struct dp *dp, struct err *e)
{
	int fd;

	*w = (struct dp_watch){.dp = dp, .links.fd = -1, .uevents.fd = -1, .files.fd = -1};
	if (listen_open(NETLINK_ROUTE, RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE, &fd,
			e) < 0 ||
	    watch_socket(w, &w->links, fd, on_links, e) < 0)
		return err_wrap(e, "interfaces");
	if (listen_open(NETLINK_KOBJECT_UEVENT, 1, &fd, e) < 0 ||
	    watch_socket(w, &w->uevents, fd, on_uevents, e) < 0)
		return err_wrap(e, "uevents");
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return err_os(e, ERR_KERNEL, errno, "watch files");
	return watch_socket(w, &w->files, fd, on_files, e);
}

static void stop(struct dp_watch *w, struct loop_watch *at)
{
	int fd = at->fd;

	if (fd < 0)
		return;
	loop_unwatch(w->dp->loop, at);
	fd_closep(&fd);
}

void dp_watch_close(struct dp_watch *w)
{
	if (!w->dp)
		return;
	stop(w, &w->links);
	stop(w, &w->uevents);
	stop(w, &w->files);
	freep(&w->dirs);
	w->n = 0;
}
