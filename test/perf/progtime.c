// SPDX-License-Identifier: Apache-2.0
/**
 * perf_progtime - how long the kernel runs a pinned eBPF program: see usage().
 *
 * The kernel's statistics read a clock before and after the program, which costs about as much as a
 * short program. What that makes is what an empty program seems to take; this can attach one.
 *
 * The statistics are sums. They are read every few milliseconds, and the median of what the program
 * took in each of these slices is the result: whoever takes the CPU away from it spoils one slice.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "bpf/sys.h"
#include "netlink/filter.h"

enum {
	SLICE_NS = 4000000,
	SLICES_MAX = 100000,
	RUNS_MIN = 100, ///< of a slice that counts
};

static _Noreturn void usage(void)
{
	(void)fprintf(
		stderr,
		"Usage: perf_progtime time PIN COMMAND [ARGUMENT...]\n"
		"       perf_progtime empty PIN INTERFACE\n"
		"\n"
		"  time   run COMMAND, then print as JSON how often the program ran meanwhile\n"
		"         and how long it took (ns), behind what COMMAND itself prints\n"
		"  empty  attach a program that does nothing where packets come in by\n"
		"         INTERFACE, and pin it at PIN\n");
	exit(2);
}

static _Noreturn void give_up(const char *what, const struct err *e)
{
	(void)fprintf(stderr, "%s: %s\n", what, e ? e->msg : strerror(errno));
	exit(1);
}

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static int open_pin(const char *path)
{
	struct err e = {};
	int fd = bpf_pinned(path, &e);

	if (fd < 0)
		give_up(path, &e);
	return fd;
}

static struct bpf_prog_info statistics(int fd)
{
	struct bpf_prog_info info = {};
	union bpf_attr attr = {.info = {.bpf_fd = (uint32_t)fd,
					.info_len = sizeof(info),
					.info = (uint64_t)(uintptr_t)&info}};

	if (sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0)
		give_up("read the program's statistics", NULL);
	return info;
}

/** Only as long as the descriptor is open, so that nothing stays switched on behind us. */
static int enable_statistics(void)
{
	union bpf_attr attr = {.enable_stats = {.type = BPF_STATS_RUN_TIME}};
	int fd = sys_bpf(BPF_ENABLE_STATS, &attr);

	if (fd < 0)
		give_up("switch on the statistics", NULL);
	return fd;
}

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid < 0)
		give_up("fork", NULL);
	if (pid == 0) {
		(void)execv(argv[0], argv);
		give_up(argv[0], NULL);
	}
	return pid;
}

/** Sleep for a slice; whether @pid still runs. If it has failed, so have we. */
static bool runs_on(pid_t pid)
{
	int status;
	pid_t ended;

	(void)nanosleep(&(struct timespec){.tv_nsec = SLICE_NS}, NULL);
	ended = waitpid(pid, &status, WNOHANG);
	if (ended < 0)
		give_up("wait for the command", NULL);
	if (ended == pid && status != 0)
		exit(1);
	return ended == 0;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void measure(const char *pin, char **command)
{
	_cleanup_(fd_closep) int enabled = enable_statistics();
	_cleanup_(fd_closep) int prog = open_pin(pin);
	struct bpf_prog_info last = statistics(prog);
	static double slices[SLICES_MAX];
	unsigned long long runs = 0;
	pid_t pid = start(command);
	size_t n = 0;

	for (bool on = true; on && n < SLICES_MAX;) {
		struct bpf_prog_info now;

		on = runs_on(pid);
		now = statistics(prog);
		if (now.run_cnt - last.run_cnt < RUNS_MIN)
			continue;
		slices[n++] = (double)(now.run_time_ns - last.run_time_ns) /
			      (double)(now.run_cnt - last.run_cnt);
		runs += now.run_cnt - last.run_cnt;
		last = now;
	}
	qsort(slices, n, sizeof(*slices), compare);
	(void)printf("{\"runs\": %llu, \"ns\": %.1f}\n", runs, n ? slices[n / 2] : 0);
}

static int load_empty(void)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1}, // go on
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SCHED_CLS,
			       .insns = (uint64_t)(uintptr_t)insns,
			       .insn_cnt = ARRAY_SIZE(insns),
			       .license = (uint64_t)(uintptr_t) "",
			       .prog_name = "empty"};
	int fd = sys_bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		give_up("load a program", NULL);
	return fd;
}

static void attach_empty(const char *pin, const char *ifname)
{
	_cleanup_(fd_closep) int prog = load_empty();
	const struct filter filter = {.side = FILTER_INGRESS, .prog = prog, .name = "empty"};
	const int ifindex = (int)if_nametoindex(ifname);
	_cleanup_(nl_closep) struct nl *nl = NULL;
	struct err e = {};

	if (ifindex == 0)
		give_up(ifname, NULL);
	nl = nl_open(NETLINK_ROUTE, &e);
	if (!nl || filter_qdisc_add(nl, ifindex, &e) < 0 ||
	    filter_put(nl, ifindex, &filter, &e) < 0)
		give_up("attach a program", &e);
	if (bpf_pin(prog, pin, &e) < 0)
		give_up("pin a program", &e);
}

int main(int argc, char **argv)
{
	if (argc >= 4 && !strcmp(argv[1], "time"))
		measure(argv[2], argv + 3);
	else if (argc == 4 && !strcmp(argv[1], "empty"))
		attach_empty(argv[2], argv[3]);
	else
		usage();
	return 0;
}
