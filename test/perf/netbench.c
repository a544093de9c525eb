// SPDX-License-Identifier: Apache-2.0
/**
 * perf_netbench - what a path between two network namespaces costs: see usage().
 *
 * The server is three processes that block, one for each service, so that neither polling nor
 * threads are in the time; each serves one client after the other. Client and server take the
 * namespace, the CPU and the priority themselves: nothing but they runs in between.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"

enum { PORT_ECHO = 7000, PORT_SINK, PORT_UDP };

enum {
	NICE = -10,
	SAMPLES_MAX = 1 << 20,
	CONNECTIONS_MAX = 500, // of a run: each stays in tables for minutes
	STREAM_BYTES = 128 * 1024,
	DATAGRAM = 64,
	WINDOW = 64, // datagrams under way: a quarter of what a socket's buffer holds by default
	GRACE_S = 10,
	ACK_TIMEOUT_US = 100000,
	BACKLOG = 128,
};

/** What is at the front of a datagram, and all of its acknowledgement. */
struct mark {
	uint64_t window;
	uint32_t place; ///< in the window; the last is acknowledged
	uint32_t count; ///< in the acknowledgement: how many of the window came
};

static void usage(void)
{
	(void)fprintf(stderr, "Usage: perf_netbench serve NETNS CPU ADDRESS\n"
			      "       perf_netbench rr|crr|stream|udp NETNS CPU ADDRESS SECONDS\n"
			      "\n"
			      "  serve   until killed; prints a line when it is ready\n"
			      "  rr      1 byte there and back, over one TCP connection\n"
			      "  crr     connect, 1 byte there and back, close\n"
			      "  stream  one TCP stream\n"
			      "  udp     datagrams, as fast as none is lost\n"
			      "\n"
			      "Prints the result as JSON.\n");
	exit(2);
}

static _Noreturn void die(const char *fmt, ...) _printf_(1, 2);
static void die(const char *fmt, ...)
{
	const int os = errno;
	va_list args;

	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fprintf(stderr, ": %s\n", strerror(os));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/** Take the namespace, the CPU and the priority of the arguments. */
static void settle(const char *netns, const char *cpu)
{
	_cleanup_(fd_closep) int fd = open(netns, O_RDONLY | O_CLOEXEC);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(strtoul(cpu, NULL, 10), &set);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die("enter %s", netns);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		die("run on CPU %s", cpu);
	if (setpriority(PRIO_PROCESS, 0, NICE) < 0)
		die("take priority %d", NICE);
}

static int tcp_socket(void)
{
	static const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		die("open a socket");
	return fd;
}

// --- server ---

static struct sockaddr_in end_of(struct in_addr address, int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = address};
}

/** To the address too: an answer from another of the node's would not be known for one. */
static int bind_to(int fd, struct in_addr address, int port)
{
	const struct sockaddr_in end = end_of(address, port);

	if (bind(fd, (const struct sockaddr *)&end, sizeof(end)) < 0)
		die("bind to port %d", port);
	return fd;
}

static int accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		die("accept");
	return fd;
}

static void serve_echo(int listener)
{
	for (;;) {
		_cleanup_(fd_closep) int fd = accept_one(listener);
		char byte;

		while (read(fd, &byte, 1) == 1)
			if (write(fd, &byte, 1) != 1)
				break; // the client is gone
	}
}

static void serve_sink(int listener)
{
	static char buf[STREAM_BYTES];

	for (;;) {
		_cleanup_(fd_closep) int fd = accept_one(listener);

		while (read(fd, buf, sizeof(buf)) > 0)
			;
	}
}

static void serve_udp(int fd)
{
	struct mark is = {};
	char buf[DATAGRAM];

	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		struct mark mark;

		if (recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len) < 0)
			die("receive");
		memcpy(&mark, buf, sizeof(mark));
		if (mark.window != is.window)
			is = (struct mark){.window = mark.window};
		is.count++;
		if (mark.place == WINDOW - 1)
			(void)sendto(fd, &is, sizeof(is), 0, (struct sockaddr *)&from, len);
	}
}

static void start_service(void (*serve)(int fd), int fd)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0) {
		(void)close(fd);
		return;
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		die("be ended with the parent");
	serve(fd);
	exit(1); // a service does not end
}

static int listen_on(struct in_addr address, int port)
{
	int fd = bind_to(tcp_socket(), address, port);

	if (listen(fd, BACKLOG) < 0)
		die("listen");
	return fd;
}

static _Noreturn void serve(struct in_addr address)
{
	const int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)signal(SIGPIPE, SIG_IGN);
	start_service(serve_echo, listen_on(address, PORT_ECHO));
	start_service(serve_sink, listen_on(address, PORT_SINK));
	start_service(serve_udp, bind_to(udp, address, PORT_UDP));
	(void)puts("ready");
	(void)fflush(stdout);
	(void)wait(NULL);
	(void)fputs("a service ended\n", stderr);
	exit(1);
}

// --- client ---

struct run {
	struct in_addr to;
	uint64_t duration; ///< ns
};

static void connect_to(int fd, const struct run *run, int port)
{
	const struct sockaddr_in to = end_of(run->to, port);

	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect to port %d", port);
}

static void exchange(int fd)
{
	char byte = 'e';

	if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
		die("exchange a byte");
}

static int compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_times(uint32_t *samples, size_t n, uint64_t took)
{
	qsort(samples, n, sizeof(*samples), compare);
	(void)printf("{\"p50_us\": %.3f, \"p99_us\": %.3f, \"per_second\": %.0f}\n",
		     samples[n / 2] / 1e3, samples[n * 99 / 100] / 1e3,
		     (double)n * 1e9 / (double)took);
}

/** @keep: over one connection. */
static void round_trips(const struct run *run, bool keep)
{
	static uint32_t samples[SAMPLES_MAX];
	const size_t max = keep ? SAMPLES_MAX : CONNECTIONS_MAX;
	_cleanup_(fd_closep) int kept = -1;
	uint64_t started, last, now;
	size_t n = 0;

	memset(samples, 0xff, sizeof(samples)); // its pages are not to be made on the way
	if (keep) {
		kept = tcp_socket();
		connect_to(kept, run, PORT_ECHO);
	}
	started = last = now_ns();
	do {
		if (keep) {
			exchange(kept);
		} else {
			_cleanup_(fd_closep) int fd = tcp_socket();

			connect_to(fd, run, PORT_ECHO);
			exchange(fd);
		}
		now = now_ns();
		samples[n++] = (uint32_t)(now - last);
		last = now;
	} while (now - started < run->duration && n < max);
	print_times(samples, n, now - started);
}

static void rr(const struct run *run)
{
	round_trips(run, true);
}

static void crr(const struct run *run)
{
	round_trips(run, false);
}

/** The time runs until the receiver has read everything and closes. */
static void stream(const struct run *run)
{
	static char buf[STREAM_BYTES];
	_cleanup_(fd_closep) int fd = tcp_socket();
	uint64_t started, bytes = 0;

	connect_to(fd, run, PORT_SINK);
	started = now_ns();
	do {
		ssize_t n = write(fd, buf, sizeof(buf));

		if (n < 0)
			die("write");
		bytes += (uint64_t)n;
	} while (now_ns() - started < run->duration);
	if (shutdown(fd, SHUT_WR) < 0 || read(fd, buf, 1) != 0)
		die("wait for the receiver");
	(void)printf("{\"gbps\": %.4f}\n", (double)bytes * 8 / (double)(now_ns() - started));
}

/** One window of datagrams, and how many of them came; 0 if nobody said. */
static uint32_t send_window(int fd, uint64_t window)
{
	struct mark ack = {}, mark = {.window = window};
	char buf[DATAGRAM] = {};

	for (mark.place = 0; mark.place < WINDOW; mark.place++) {
		memcpy(buf, &mark, sizeof(mark));
		if (send(fd, buf, sizeof(buf), 0) < 0)
			die("send");
	}
	do {
		if (recv(fd, &ack, sizeof(ack), 0) >= 0)
			continue;
		if (errno != EAGAIN)
			die("receive");
		return 0;
	} while (ack.window != window);
	return ack.count;
}

static void udp(const struct run *run)
{
	static const struct timeval timeout = {.tv_usec = ACK_TIMEOUT_US};
	_cleanup_(fd_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t started, window, sent = 0, came = 0, took;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		die("open a socket");
	connect_to(fd, run, PORT_UDP);
	started = window = now_ns();
	do {
		came += send_window(fd, ++window);
		sent += WINDOW;
		took = now_ns() - started;
	} while (took < run->duration);
	errno = ETIMEDOUT;
	if (!came)
		die("send datagrams");
	(void)printf("{\"pps\": %.0f, \"lost\": %llu}\n", (double)came * 1e9 / (double)took,
		     (unsigned long long)(sent - came));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(const struct run *run);
	} modes[] = {{"rr", rr}, {"crr", crr}, {"stream", stream}, {"udp", udp}};
	struct run run = {};
	double seconds;

	if (argc < 5 || inet_pton(AF_INET, argv[4], &run.to) != 1)
		usage();
	if (argc == 5 && !strcmp(argv[1], "serve")) {
		settle(argv[2], argv[3]);
		serve(run.to);
	}
	if (argc != 6)
		usage();
	seconds = strtod(argv[5], NULL);
	run.duration = (uint64_t)(seconds * 1e9);
	settle(argv[2], argv[3]);
	(void)alarm((unsigned int)seconds + GRACE_S); // a path that is dead ends it
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(argv[1], modes[i].name))
			continue;
		modes[i].run(&run);
		return 0;
	}
	usage();
}
