// SPDX-License-Identifier: Apache-2.0
/** What the data path needs of the kernel: tried where that can be, read where not. */
#include <errno.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "cli/doctor.h"
#include "cli/probe.h"

static int try_program(struct err *e)
{
	_cleanup_(fd_closep) int fd = probe_program(e);

	return fd < 0 ? -1 : 0;
}

static const struct {
	const char *feature;
	int (*try)(struct err *e);
	bool is_optional;
	const char *why, *fix;
} features[] = {
	{"kernel, maps", probe_map, false, "nothing can be loaded",
	 "use a kernel with CONFIG_BPF_SYSCALL"},
	{"kernel, programs", try_program, false, "nothing can be loaded",
	 "use Linux 5.10 or later with CONFIG_BPF_SYSCALL and CONFIG_NET_CLS_ACT"},
	{"kernel, ring buffer", probe_ring_buffer, false, "nothing can be loaded",
	 "use Linux 5.8 or later with CONFIG_BPF_SYSCALL"},
	{"kernel, clsact", probe_clsact, false, "no program can be attached",
	 "use a kernel with CONFIG_NET_SCHED, CONFIG_NET_CLS_ACT, CONFIG_NET_SCH_INGRESS and "
	 "CONFIG_NET_CLS_BPF"},
	{"kernel, veth", probe_veth, false, "pods get no interface",
	 "use a kernel with CONFIG_VETH and CONFIG_NET_NS"},
	{"kernel, masquerade", probe_masquerade, true, "pods with \"ipMasq\": true cannot be added",
	 "use a kernel with CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET, CONFIG_NF_CONNTRACK, "
	 "CONFIG_NF_NAT, CONFIG_NFT_NAT and CONFIG_NFT_MASQ"},
	{"kernel, packet sockets", probe_packet_socket, true, "edgeway capture does not work",
	 "use a kernel with CONFIG_PACKET"},
};

/** By a program that is loaded: the sysctl can be read in the first network namespace only. */
static void check_jit(struct doctor *doc)
{
	struct err e = {};
	_cleanup_(fd_closep) int fd = probe_program(&e);
	bool is_compiled;

	if (fd < 0)
		return; // said already
	if (probe_is_compiled(fd, &is_compiled, &e) < 0)
		doctor_warn(doc, "kernel, JIT", "what is not found out may be wrong", NULL, "%s",
			    e.msg);
	else if (is_compiled)
		doctor_ok(doc, "kernel, JIT", "works");
	else
		doctor_warn(
			doc, "kernel, JIT", "every packet costs several times as much",
			"use a kernel with CONFIG_BPF_JIT, and sysctl -w net.core.bpf_jit_enable=1",
			"programs are interpreted");
}

static void check_bpffs(struct doctor *doc)
{
	static const char path[] = "/sys/fs/bpf";
	struct statfs fs = {};

	if (statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		doctor_ok(doc, "bpffs", "is mounted at %s", path);
	else
		doctor_warn(doc, "bpffs", "what is loaded is pinned there",
			    "the loader mounts it; or: mount -t bpf bpf /sys/fs/bpf",
			    "is not mounted at %s", path);
}

static void check_ipv6(struct doctor *doc)
{
	if (access("/proc/net/if_inet6", F_OK) == 0)
		doctor_ok(doc, "kernel, IPv6", "works");
	else
		doctor_warn(doc, "kernel, IPv6", "pods cannot have IPv6 addresses",
			    "use a kernel with CONFIG_IPV6, without ipv6.disable=1",
			    "there is none");
}

int doctor_kernel(struct doctor *doc, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		struct err why = {};
		const char *fix = features[i].fix;

		if (features[i].try(&why) == 0) {
			doctor_ok(doc, features[i].feature, "works");
			continue;
		}
		if (why.os == EPERM || why.os == EACCES)
			fix = "run this as root with all capabilities, on the node itself";
		if (features[i].is_optional)
			doctor_warn(doc, features[i].feature, features[i].why, fix, "%s", why.msg);
		else
			doctor_fail(doc, features[i].feature, features[i].why, fix, "%s", why.msg);
	}
	check_jit(doc);
	check_bpffs(doc);
	check_ipv6(doc);
	return 0;
}
