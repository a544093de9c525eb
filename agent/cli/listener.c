// SPDX-License-Identifier: Apache-2.0
#include "cli/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/maps.h"

/** Where nothing else is set: enough to see what is going on, and no burden. */
enum { EVENTS_PER_SECOND = 1000 };

static pid_t read_pid(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}

static int take_lock(int *out, struct err *e)
{
	_cleanup_(fd_closep) int fd = -1;

	if (dir_make("/run/edgeway", 0755) < 0)
		return err_os(e, ERR_IO, errno, "make /run/edgeway");
	fd = open(LISTENER_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_os(e, ERR_IO, errno, "open %s", LISTENER_LOCK);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_os(e, ERR_IO, errno, "lock %s", LISTENER_LOCK);
		return err_set(e, ERR_EXISTS, "process %d listens already (%s)", (int)read_pid(fd),
			       LISTENER_LOCK);
	}
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		return err_os(e, ERR_IO, errno, "write %s", LISTENER_LOCK);
	*out = TAKE_FD(fd);
	return 0;
}

pid_t listener_pid(void)
{
	_cleanup_(fd_closep) int fd = open(LISTENER_LOCK, O_RDONLY | O_CLOEXEC);

	// A shared lock is refused while somebody has the exclusive one.
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return 0;
	return read_pid(fd);
}

/** Tell the programs what is listened to. */
static int want(unsigned int kinds, struct err *e)
{
	_cleanup_(map_close) struct map map = MAP_CLOSED;
	struct settings *settings;
	uint32_t key = 0;

	if (map_open(&map, MAP_SETTINGS, sizeof(*settings), e) < 0 ||
	    map_read(&map, &key, 0, e) < 0)
		return -1;
	settings = (void *)map.value;
	settings->events = kinds;
	if (!settings->events_per_second)
		settings->events_per_second = EVENTS_PER_SECOND;
	return bpf_map_put(map.fd, &key, map.value, 0, e);
}

int listener_begin(struct listener *l, unsigned int kinds, struct err *e)
{
	_cleanup_(map_close) struct map map = MAP_CLOSED;
	_cleanup_(listener_end) struct listener new = LISTENER_CLOSED;

	if (map_open(&map, MAP_EVENTS, 0, e) < 0 || take_lock(&new.lock, e) < 0)
		return -1;
	if (ringbuf_open(&new.ring, map.fd, map.shape.max_entries, e) < 0)
		return -1;
	ringbuf_skip(&new.ring);
	new.events = TAKE_FD(map.fd); // from here on listener_end() takes back what want() does
	if (want(kinds, e) < 0)
		return err_wrap(e, "ask for events");
	*l = TAKE(new, LISTENER_CLOSED);
	return 0;
}

void listener_end(struct listener *l)
{
	struct err e = {};

	if (l->events >= 0 && want(0, &e) < 0)
		log_warn("events stay switched on: %s", e.msg);
	fd_closep(&l->events);
	ringbuf_close(&l->ring);
	fd_closep(&l->lock);
}
