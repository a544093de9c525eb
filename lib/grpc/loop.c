// SPDX-License-Identifier: Apache-2.0
#include "grpc/loop.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>

struct loop {
	int epoll;
	int clock; ///< a timerfd, so that whoever watches the epoll descriptor sees deadlines too
	int64_t armed; ///< when it goes off, or NEVER
	bool stopped;
	struct loop_timer **heap; ///< from 1; each is due no earlier than the one at half its place
	size_t timers, room;
};

#define NEVER INT64_MAX

int64_t loop_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int loop_open(struct loop **l, struct err *e)
{
	_cleanup_(loop_closep) struct loop *loop = calloc(1, sizeof(*loop));
	struct epoll_event event = {.events = EPOLLIN}; // with no watch: the clock

	if (!loop)
		return err_set(e, ERR_TRY_AGAIN, "make an event loop: out of memory");
	loop->armed = NEVER;
	loop->clock = -1;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return err_os(e, ERR_KERNEL, errno, "make an event loop: epoll_create1");
	loop->clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->clock < 0)
		return err_os(e, ERR_KERNEL, errno, "make an event loop: timerfd_create");
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->clock, &event) < 0)
		return err_os(e, ERR_KERNEL, errno, "make an event loop: epoll_ctl");
	*l = TAKE_PTR(loop);
	return 0;
}

void loop_closep(struct loop **l)
{
	struct loop *loop = *l;

	if (!loop)
		return;
	for (size_t i = 1; i <= loop->timers; i++)
		loop->heap[i]->place = 0;
	fd_closep(&loop->clock);
	fd_closep(&loop->epoll);
	free(loop->heap);
	freep(l);
}

int loop_fd(const struct loop *l)
{
	return l->epoll;
}

/** Let the clock go off when the first timer is due. It may do so early, never late. */
static void arm(struct loop *l)
{
	const struct loop_timer *first = l->heap && l->timers ? l->heap[1] : NULL;
	int64_t due = first ? first->due : NEVER;
	struct itimerspec when = {};

	if (due >= l->armed)
		return;
	when.it_value.tv_sec = due / 1000;
	when.it_value.tv_nsec = due % 1000 * 1000000;
	if (!when.it_value.tv_sec && !when.it_value.tv_nsec)
		when.it_value.tv_nsec = 1; // 0 would disarm it
	if (timerfd_settime(l->clock, TFD_TIMER_ABSTIME, &when, NULL) == 0)
		l->armed = due;
}

static void put(struct loop *l, size_t place, struct loop_timer *t)
{
	l->heap[place] = t;
	t->place = place;
}

static void rise(struct loop *l, struct loop_timer *t)
{
	size_t at = t->place;

	for (; at > 1 && l->heap[at / 2]->due > t->due; at /= 2)
		put(l, at, l->heap[at / 2]);
	put(l, at, t);
}

static void sink(struct loop *l, struct loop_timer *t)
{
	size_t at = t->place;

	for (;;) {
		size_t child = at * 2;

		if (child < l->timers && l->heap[child + 1]->due < l->heap[child]->due)
			child++;
		if (child > l->timers || l->heap[child]->due >= t->due)
			break;
		put(l, at, l->heap[child]);
		at = child;
	}
	put(l, at, t);
}

int loop_timer_set(struct loop *l, struct loop_timer *t, int64_t ms, struct err *e)
{
	int64_t now = loop_now();

	loop_timer_stop(l, t);
	if (l->timers + 1 >= l->room) {
		size_t room = l->room ? l->room * 2 : 16;
		struct loop_timer **heap = reallocarray(l->heap, room, sizeof(struct loop_timer *));

		if (!heap)
			return err_set(e, ERR_TRY_AGAIN, "set a timer: out of memory");
		l->heap = heap;
		l->room = room;
	}
	t->due = ms > NEVER / 2 ? NEVER / 2 + now : ms + now;
	put(l, ++l->timers, t);
	rise(l, t);
	arm(l);
	return 0;
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	struct loop_timer *last;
	size_t place = t->place;

	if (!place)
		return;
	t->place = 0;
	last = l->heap[l->timers--];
	if (last == t)
		return;
	put(l, place, last);
	rise(l, last);
	sink(l, last);
}

/** The clock went off: do what is due longest. Returns whether there was such a thing. */
static int tick(struct loop *l)
{
	struct loop_timer *first = l->timers ? l->heap[1] : NULL;
	uint64_t times;

	if (first && first->due <= loop_now()) {
		loop_timer_stop(l, first);
		first->fn(first->ctx); // the clock stays readable, so the next one has its turn
		return 1;
	}
	if (read(l->clock, &times, sizeof(times)) < 0 && errno != EAGAIN)
		return 0;
	l->armed = NEVER;
	arm(l);
	return 0;
}

int loop_step(struct loop *l, int ms, struct err *e)
{
	int64_t end = ms < 0 ? NEVER : loop_now() + ms;

	for (;;) {
		struct epoll_event event;
		int n = epoll_wait(l->epoll, &event, 1, ms);
		struct loop_watch *w;

		if (n < 0 && errno != EINTR)
			return err_os(e, ERR_KERNEL, errno, "wait for events");
		w = n == 1 ? event.data.ptr : NULL;
		if (w) {
			w->fn(w->ctx, event.events);
			return 1;
		}
		if (n == 1 && tick(l))
			return 1;
		if (n == 0)
			return 0;
		if (ms > 0) // neither a signal nor a timer that was stopped prolongs the wait
			ms = end > loop_now() ? (int)(end - loop_now()) : 0;
	}
}

int loop_run(struct loop *l, struct err *e)
{
	l->stopped = false;
	while (!l->stopped)
		if (loop_step(l, -1, e) < 0)
			return -1;
	return 0;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}

int loop_watch(struct loop *l, struct loop_watch *w, int fd, uint32_t events, struct err *e)
{
	struct epoll_event event = {.events = events, .data.ptr = w};

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return err_os(e, ERR_KERNEL, errno, "watch descriptor %d", fd);
	w->fd = fd;
	return 0;
}

void loop_rewatch(struct loop *l, struct loop_watch *w, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = w};

	// It can only fail for a descriptor that is not watched, which would be a mistake of ours.
	(void)epoll_ctl(l->epoll, EPOLL_CTL_MOD, w->fd, &event);
}

void loop_unwatch(struct loop *l, struct loop_watch *w)
{
	if (w->fd >= 0)
		(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->fd = -1;
}
