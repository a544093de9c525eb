// SPDX-License-Identifier: Apache-2.0
/** The socket at which metrics are served. */
#include "deviceplugin/metrics.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/log.h"
#include "deviceplugin/plugin.h"

enum {
	SCRAPES = 8,    ///< at a time; whoever comes then is turned away
	PAUSE_MS = 100, ///< before accepting is tried again when it failed
};

/** One connection: what it asks is read and not looked at, then it gets the answer, and its end. */
struct dp_scrape {
	struct dp_metrics *metrics;
	struct dp_scrape *next, **link;
	struct loop_watch watch;
	char *answer;
	size_t len, sent;
};

static void end(struct dp_scrape *s)
{
	int fd = s->watch.fd;

	loop_unwatch(s->metrics->dp->loop, &s->watch);
	fd_closep(&fd);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	s->metrics->n--;
	free(s->answer);
	free(s);
}

static int make_answer(struct dp_scrape *s)
{
	size_t len;
	_cleanup_(freep) char *text = dp_metrics_text(s->metrics->dp, &len);
	int n;

	if (!text)
		return -1;
	n = asprintf(&s->answer,
		     "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
		     "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
		     len, text);
	if (n < 0) {
		s->answer = NULL;
		return -1;
	}
	s->len = (size_t)n;
	return 0;
}

static void on_scrape(void *ctx, uint32_t events)
{
	struct dp_scrape *s = ctx;
	char request[4096];
	ssize_t n;

	if (events & EPOLLIN) {
		n = read(s->watch.fd, request, sizeof(request));
		if (n <= 0 || (!s->answer && make_answer(s) < 0)) {
			end(s);
			return;
		}
	}
	if (!s->answer) { // hung up without a word
		end(s);
		return;
	}
	n = send(s->watch.fd, s->answer + s->sent, s->len - s->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN) {
		end(s);
		return;
	}
	s->sent += n > 0 ? (size_t)n : 0;
	if (s->sent == s->len)
		end(s);
	else
		loop_rewatch(s->metrics->dp->loop, &s->watch, EPOLLOUT);
}

static void on_pause_over(void *ctx)
{
	struct dp_metrics *m = ctx;

	loop_rewatch(m->dp->loop, &m->accept, EPOLLIN);
}

static void on_accept(void *ctx, uint32_t events)
{
	struct dp_metrics *m = ctx;
	_cleanup_(fd_closep) int fd =
		accept4(m->accept.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct dp_scrape *s;
	struct err e;

	(void)events;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM) &&
	    loop_timer_set(m->dp->loop, &m->pause, PAUSE_MS, &e) == 0)
		loop_rewatch(m->dp->loop, &m->accept, 0);
	if (fd < 0 || m->n == SCRAPES)
		return;
	s = calloc(1, sizeof(*s));
	if (!s)
		return;
	s->metrics = m;
	s->watch = (struct loop_watch){.fn = on_scrape, .ctx = s, .fd = -1};
	if (loop_watch(m->dp->loop, &s->watch, fd, EPOLLIN, &e) < 0) {
		free(s);
		return;
	}
	(void)TAKE_FD(fd);
	s->next = m->scrapes;
	s->link = &m->scrapes;
	if (s->next)
		s->next->link = &s->next;
	m->scrapes = s;
	m->n++;
}

int dp_metrics_open(struct dp_metrics *m, struct dp *dp, const char *path, struct err *e)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_(fd_closep) int fd = -1;
	char dir[PATH_MAX];
	struct stat st;

	*m = (struct dp_metrics){.dp = dp,
				 .accept = {.fn = on_accept, .ctx = m, .fd = -1},
				 .pause = {.fn = on_pause_over, .ctx = m}};
	if (!*path)
		return 0;
	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(e, ERR_CONFIG, "--metrics: %s: longer than %zu bytes", path,
			       sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path));
	(void)snprintf(dir, sizeof(dir), "%s", path);
	if (dir_make(dirname(dir), 0755) < 0)
		return err_os(e, ERR_IO, errno, "--metrics: make %s", dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || (unlink(path) < 0 && errno != ENOENT) || fchmod(fd, S_IRUSR | S_IWUSR) < 0 ||
	    bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, SCRAPES) < 0 ||
	    stat(path, &st) < 0)
		return err_os(e, ERR_KERNEL, errno, "--metrics: listen at %s", path);
	if (loop_watch(dp->loop, &m->accept, fd, EPOLLIN, e) < 0)
		return -1;
	(void)TAKE_FD(fd);
	m->dev = st.st_dev;
	m->ino = st.st_ino;
	return 0;
}

void dp_metrics_close(struct dp_metrics *m)
{
	int fd = m->accept.fd;
	struct stat st;

	if (!m->dp || fd < 0)
		return;
	while (m->scrapes)
		end(m->scrapes);
	loop_unwatch(m->dp->loop, &m->accept);
	loop_timer_stop(m->dp->loop, &m->pause);
	fd_closep(&fd);
	// Whoever came after us and put another socket there keeps it.
	if (stat(m->dp->options.metrics, &st) == 0 && st.st_dev == m->dev && st.st_ino == m->ino)
		(void)unlink(m->dp->options.metrics);
}
