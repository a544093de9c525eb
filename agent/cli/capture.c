// SPDX-License-Identifier: Apache-2.0
/** edgeway capture: a pod's packets, taken inside the pod, into a file. */
#include <arpa/inet.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/cli.h"
#include "cli/pcap.h"
#include "cli/pods.h"
#include "cli/stop.h"
#include "cli/view.h"
#include "node/netns.h"
#include "node/netscan.h"

enum { ROOM = 8 << 20 }; ///< bytes of packets that may wait for us

struct search {
	struct nl *nl; ///< of the node
	int nsid, fd;
};

static int on_namespace(int fd, void *ctx, struct err *e)
{
	struct search *s = ctx;
	int nsid;

	if (s->fd >= 0)
		return 0;
	if (link_nsid(s->nl, fd, &nsid, e) < 0)
		return -1;
	if (nsid != s->nsid)
		return 0;
	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return s->fd < 0 ? err_os(e, ERR_IO, errno, "keep a namespace open") : 0;
}

/** The namespace that the other end of @link is in: somebody has it open, or it is mounted. */
static int open_namespace(struct nl *nl, const struct link *link, struct arena *arena, int *fd,
			  struct err *e)
{
	struct search s = {.nl = nl, .nsid = link->peer_nsid, .fd = -1};

	if (netscan_each(arena, on_namespace, &s, e) < 0) {
		fd_closep(&s.fd);
		return -1;
	}
	if (s.fd < 0)
		return err_set(e, ERR_NETNS,
			       "%s: the namespace of its other end is not to be found", link->name);
	*fd = s.fd;
	return 0;
}

static int open_socket(int ifindex, struct err *e)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex};
	_cleanup_(fd_closep) int fd = -1;
	int on = 1, room = ROOM;

	// Without a protocol nothing comes in before it is bound, from other interfaces.
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_os(e, ERR_KERNEL, errno, "open a packet socket (CONFIG_PACKET)");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0)
		return err_os(e, ERR_KERNEL, errno, "set up a packet socket");
	if (bind(fd, (const void *)&address, sizeof(address)) < 0)
		return err_os(e, ERR_KERNEL, errno, "bind a packet socket to the pod's interface");
	return TAKE_FD(fd);
}

/** A packet socket at the pod's end of @pod, in its namespace. */
static int open_inside(const struct pod *pod, struct nl *nl, struct arena *arena, struct err *e)
{
	_cleanup_(netns_leave) struct netns ns = {.home = -1};
	_cleanup_(fd_closep) int fd = -1;

	if (!pod->has_link || !pod->link.peer || strcmp(pod->link.kind, "veth") != 0)
		return err_set(e, ERR_CONFIG, "%s: is no veth, so it has no other end",
			       pod->has_link ? pod->link.name : "its interface is gone");
	if (pod->link.peer_nsid >= 0 &&
	    (open_namespace(nl, &pod->link, arena, &fd, e) < 0 || netns_enter(&ns, fd, e) < 0))
		return -1;
	return open_socket(pod->link.peer, e);
}

/** What a message says beside the frame. */
struct extra {
	struct timespec when;
	bool is_tagged;
	uint16_t tag[2]; ///< a VLAN's, as it stood in the frame
};

static struct extra read_extra(struct msghdr *msg)
{
	struct extra x = {};

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(&x.when, CMSG_DATA(c), sizeof(x.when));
		} else if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
			x.is_tagged = aux.tp_status & TP_STATUS_VLAN_VALID;
			x.tag[0] =
				htons(aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid
										: ETH_P_8021Q);
			x.tag[1] = htons(aux.tp_vlan_tci);
		}
	}
	return x;
}

/** Write one frame; returns 1, 0 if there was none, -1. */
static int take_frame(int fd, FILE *out, const char *file, struct err *e)
{
	static unsigned char frame[PCAP_FRAME_MAX];
	_Alignas(struct cmsghdr) char control[256];
	// Where the kernel has taken a VLAN's tag out there is room to put it back.
	struct iovec iov = {frame + sizeof(uint32_t), sizeof(frame) - sizeof(uint32_t)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &msg, MSG_TRUNC | MSG_DONTWAIT);
	unsigned char *start = iov.iov_base;
	struct extra x;
	size_t kept;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return err_os(e, ERR_IO, errno, "receive a packet");
	x = read_extra(&msg);
	kept = (size_t)n < iov.iov_len ? (size_t)n : iov.iov_len;
	if (x.is_tagged && n >= ETH_HLEN) {
		start -= sizeof(x.tag);
		memmove(start, iov.iov_base, 2 * (size_t)ETH_ALEN);
		memcpy(start + 2 * (size_t)ETH_ALEN, x.tag, sizeof(x.tag));
		kept += sizeof(x.tag);
		n += (ssize_t)sizeof(x.tag);
	}
	if (pcap_put(out, &x.when, start, (uint32_t)kept, (uint32_t)n) < 0)
		return err_os(e, ERR_IO, errno, "write %s", file);
	return 1;
}

struct totals {
	unsigned int packets, lost;
};

static int take_all(int fd, const struct cli_args *args, FILE *out, int stop, struct totals *totals,
		    struct err *e)
{
	const char *file = args->value[OPTION_WRITE];
	unsigned int most = args->count ? (unsigned int)args->count : UINT_MAX;
	struct tpacket_stats stats = {};
	socklen_t len = sizeof(stats);
	bool stopped = false;

	while (totals->packets < most && !stopped) {
		int rc;

		if (stop_wait(stop, fd, -1, &stopped, e) < 0)
			return -1;
		// Also when told to stop: what has come until then is wanted.
		while (totals->packets < most && (rc = take_frame(fd, out, file, e)) != 0) {
			if (rc < 0)
				return -1;
			totals->packets++;
		}
		if (fflush(out) != 0) // whoever looks into the file meanwhile sees whole packets
			return err_os(e, ERR_IO, errno, "write %s", file);
	}
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
		totals->lost = stats.tp_drops;
	return 0;
}

static void file_closep(FILE **file)
{
	if (*file && *file != stdout)
		(void)fclose(*file);
	*file = NULL;
}

/** For the owner alone: packets hold what nobody else is to read. */
static FILE *open_file(const char *path, struct err *e)
{
	_cleanup_(fd_closep) int fd = -1;
	FILE *file;

	if (!strcmp(path, "-"))
		return stdout;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file) {
		(void)err_os(e, ERR_IO, errno, "--write: open %s", path);
		return NULL;
	}
	(void)TAKE_FD(fd);
	return file;
}

/** The one interface of a pod that is meant. */
static int choose(const char *what, struct nl *nl, struct pods *pods, struct arena *arena,
		  struct err *e)
{
	const char *names = "";

	if (pods_load(pods, nl, arena, e) < 0 || pods_select(pods, what, pods, arena, e) < 0)
		return -1;
	if (pods->n == 1)
		return 0;
	for (size_t i = 0; i < pods->n && names; i++)
		names = arena_printf(arena, "%s%s%s (%s)", names, i ? ", " : "",
				     pods->list[i].link.name, pods->list[i].attachment.ifname);
	return err_set(e, ERR_CONFIG, "\"%s\": has %zu interfaces; name one: %s", what, pods->n,
		       names ? names : "edgeway endpoints lists them");
}

static void say_totals(const struct cli_args *args, const struct totals *totals)
{
	json_auto_t *said = NULL;

	if (!cli_has(args, OPTION_JSON)) {
		(void)fprintf(stderr, "%u packets captured, %u lost\n", totals->packets,
			      totals->lost);
		return;
	}
	said = json_pack("{s:s, s:i, s:i}", "file", args->value[OPTION_WRITE], "packets",
			 (int)totals->packets, "lost", (int)totals->lost);
	view_json(stdout, said);
}

int run_capture(const struct cli_args *args, struct err *e)
{
	_cleanup_(file_closep) FILE *out = NULL;
	_cleanup_(nl_closep) struct nl *nl = nl_open(NETLINK_ROUTE, e);
	_cleanup_(fd_closep) int fd = -1, stop = -1;
	_cleanup_(arena_free) struct arena arena = {};
	struct totals totals = {};
	struct pods pods;

	if (cli_has(args, OPTION_JSON) && !strcmp(args->value[OPTION_WRITE], "-"))
		return err_set(e, ERR_CONFIG, "--json: standard output is taken by --write -");
	if (!nl || choose(args->operand, nl, &pods, &arena, e) < 0)
		return -1;
	stop = stop_open(e);
	if (stop < 0)
		return -1;
	fd = open_inside(&pods.list[0], nl, &arena, e);
	if (fd < 0)
		return -1;
	out = open_file(args->value[OPTION_WRITE], e);
	if (!out)
		return -1;
	if (pcap_begin(out) < 0 || fflush(out) != 0)
		return err_os(e, ERR_IO, errno, "write %s", args->value[OPTION_WRITE]);
	if (take_all(fd, args, out, stop, &totals, e) < 0)
		return -1;
	say_totals(args, &totals);
	return CLI_DONE;
}
