// SPDX-License-Identifier: Apache-2.0
#include "cli/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "netlink/filter.h"
#include "netlink/link.h"
#include "netlink/nft.h"
#include "netlink/nft_rule.h"

enum { LOOPBACK = 1 }; ///< the index of lo in every namespace

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int make_map(union bpf_attr attr, struct err *e)
{
	_cleanup_(fd_closep) int fd = bpf(BPF_MAP_CREATE, &attr);

	return fd < 0 ? err_os(e, ERR_KERNEL, errno, "make a map") : 0;
}

int probe_map(struct err *e)
{
	return make_map((union bpf_attr){.map_type = BPF_MAP_TYPE_LRU_HASH,
					 .key_size = 4,
					 .value_size = 4,
					 .max_entries = 1},
			e);
}

int probe_ring_buffer(struct err *e)
{
	return make_map((union bpf_attr){.map_type = BPF_MAP_TYPE_RINGBUF,
					 .max_entries = (uint32_t)sysconf(_SC_PAGESIZE)},
			e);
}

int probe_program(struct err *e)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = LOOPBACK},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_peer},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SCHED_CLS,
			       .insns = (uintptr_t)insns,
			       .insn_cnt = ARRAY_SIZE(insns),
			       .license = (uintptr_t) "GPL"};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	return fd < 0 ? err_os(e, ERR_KERNEL, errno, "load a program") : fd;
}

int probe_is_compiled(int fd, bool *out, struct err *e)
{
	struct bpf_prog_info info = {};
	union bpf_attr attr = {.info = {.bpf_fd = (uint32_t)fd,
					.info_len = sizeof(info),
					.info = (uintptr_t)&info}};

	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0)
		return err_os(e, ERR_KERNEL, errno, "describe a program");
	*out = info.jited_prog_len > 0;
	return 0;
}

/** A network namespace that nobody else is in, until netns_leave(). */
static int enter_scratch(struct netns *ns, struct err *e)
{
	_cleanup_(fd_closep) int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (home < 0)
		return err_os(e, ERR_IO, errno, "open the network namespace");
	if (unshare(CLONE_NEWNET) < 0)
		return err_os(e, ERR_KERNEL, errno, "make a network namespace");
	ns->home = TAKE_FD(home);
	return 0;
}

int probe_clsact(struct err *e)
{
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	_cleanup_(fd_closep) int prog = probe_program(e);
	struct filter filter = {.side = FILTER_INGRESS, .prog = prog, .name = "probe"};

	if (prog < 0 || enter_scratch(&ns, e) < 0)
		return -1;
	nl = nl_open(NETLINK_ROUTE, e);
	if (!nl || filter_qdisc_add(nl, LOOPBACK, e) < 0 ||
	    filter_put(nl, LOOPBACK, &filter, e) < 0)
		return -1;
	filter.side = FILTER_EGRESS;
	return filter_put(nl, LOOPBACK, &filter, e);
}

int probe_veth(struct err *e)
{
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	_cleanup_(nl_msg_free) struct nl_msg m = {};
	_cleanup_(fd_closep) int here = -1;

	if (enter_scratch(&ns, e) < 0)
		return -1;
	nl = nl_open(NETLINK_ROUTE, e);
	if (!nl)
		return -1;
	here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (here < 0)
		return err_os(e, ERR_IO, errno, "open the network namespace");
	link_add_veth(&m, &(struct link_veth){.name = "probe0",
					      .peer_name = "probe1",
					      .peer_ns = here,
					      .mac = mac_random(),
					      .peer_mac = mac_random()});
	return nl_call(nl, &m, e);
}

int probe_masquerade(struct err *e)
{
	static const struct nft_table table = {NFT_FAMILY_INET, "probe"};
	static const struct nft_chain chain = {"probe", "nat", NFT_HOOK_POSTROUTING, 100};
	static const int families[] = {AF_INET, AF_INET6};
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	_cleanup_(nl_msg_free) struct nl_msg m = {};

	if (enter_scratch(&ns, e) < 0)
		return -1;
	nl = nl_open(NETLINK_NETFILTER, e);
	if (!nl)
		return -1;
	nft_batch_begin(&m, 0);
	nft_table_add(&m, &table, 0);
	nft_chain_add(&m, &table, &chain);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		nft_rule(&m, &table, chain.name) {
			nft_match_family(&m, families[i]);
			nft_masquerade(&m);
		}
	}
	nft_batch_end(&m);
	return nl_call(nl, &m, e);
}

int probe_packet_socket(struct err *e)
{
	_cleanup_(fd_closep) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	return fd < 0 ? err_os(e, ERR_KERNEL, errno, "open a packet socket") : 0;
}

int probe_tcx_count(int ifindex, enum probe_tcx side, uint32_t *n, struct err *e)
{
	union bpf_attr attr = {
		.query = {.target_fd = (uint32_t)ifindex, .attach_type = (uint32_t)side}};

	*n = 0;
	if (bpf(BPF_PROG_QUERY, &attr) < 0)
		return errno == EINVAL || errno == ENOENT
			       ? 0
			       : err_os(e, ERR_KERNEL, errno, "list tcx programs of interface %d",
					ifindex);
	*n = attr.query.prog_cnt;
	return 0;
}
