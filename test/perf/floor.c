// SPDX-License-Identifier: Apache-2.0
/**
 * perf_floor BRIDGE NETWORK SUBNET - the least a process can do for an ADD or DEL of bridge with
 * host-local.
 *
 * It makes the changes on the node that our bridge makes - the lease files, the netlink requests,
 * the sysctls - and asks the kernel what our bridge asks it, and does nothing else: the
 * configuration is read but not understood, every value is known beforehand, answers are thrown
 * away, and the result is a fixed text. How far bridge is above this floor is what reading JSON,
 * checking, composing the result and being careful cost. Keep the two in step: compare them with
 * strace.
 *
 * SUBNET is the first two bytes of an IPv4 /16, such as "10.100". A failure is an exit status other
 * than 0 and the step's name on stdout.
 */
#include "floor.h"
#include <arpa/inet.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "floor_nl.h"

enum { INPUT_SIZE = 16384, PREFIX_LEN = 16, MAC_SIZE = 6, ALIAS_SIZE = 192 };

static in_addr_t address_of(const struct job *job, int host)
{
	char text[INET_ADDRSTRLEN];

	(void)snprintf(text, sizeof(text), "%s.%d.%d", job->subnet, host / HOSTS_PER_BYTE,
		       host % HOSTS_PER_BYTE);
	return inet_addr(text);
}

static int call(int nl, struct batch *b, const char *step)
{
	errno = -floor_nl_call(nl, b);
	if (errno != 0)
		FAIL(step);
	return 0;
}

static void put_up(struct batch *b, int ifindex)
{
	const struct ifinfomsg up = {
		.ifi_index = ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	floor_nl_begin(b, RTM_NEWLINK, 0, &up, sizeof(up));
}

static void put_address(struct batch *b, int ifindex, in_addr_t address)
{
	const struct ifaddrmsg header = {
		.ifa_family = AF_INET, .ifa_prefixlen = PREFIX_LEN, .ifa_index = (uint32_t)ifindex};
	in_addr_t broadcast = address | htonl(UINT32_MAX >> PREFIX_LEN);

	floor_nl_begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	floor_nl_put(b, IFA_LOCAL, &address, sizeof(address));
	floor_nl_put(b, IFA_ADDRESS, &address, sizeof(address));
	floor_nl_put(b, IFA_BROADCAST, &broadcast, sizeof(broadcast));
}

static void put_default_route(struct batch *b, int ifindex, in_addr_t gateway)
{
	const struct rtmsg header = {
		.rtm_family = AF_INET,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_type = RTN_UNICAST,
	};

	floor_nl_begin(b, RTM_NEWROUTE, NLM_F_CREATE, &header, sizeof(header));
	floor_nl_put(b, RTA_GATEWAY, &gateway, sizeof(gateway));
	floor_nl_u32(b, RTA_OIF, (uint32_t)ifindex);
}

/** Read a sysctl, and write it if it is not @value. */
static int ensure_sysctl(const char *path, char value)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDWR | O_CLOEXEC);
	char now[64];

	if (fd < 0 || read(fd, now, sizeof(now)) < 1)
		FAIL(path);
	if (now[0] != value && pwrite(fd, &value, 1, 0) != 1)
		FAIL(path);
	return 0;
}

static int random_mac(unsigned char mac[MAC_SIZE])
{
	if (getrandom(mac, MAC_SIZE, GRND_NONBLOCK) != MAC_SIZE)
		FAIL("choose a MAC address");
	mac[0] = (unsigned char)((mac[0] & 0xfe) | 0x02); // not multicast, locally administered
	return 0;
}

/** The bridge with the gateway's address, which only the first container has to make. */
static int make_bridge(const struct job *job, int nl)
{
	const struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	unsigned char mac[MAC_SIZE];
	struct batch b = {};
	size_t nest;

	if (random_mac(mac) < 0)
		return -1;
	floor_nl_begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof(up));
	floor_nl_str(&b, IFLA_IFNAME, job->bridge);
	floor_nl_put(&b, IFLA_ADDRESS, mac, sizeof(mac));
	nest = floor_nl_nest(&b, IFLA_LINKINFO);
	floor_nl_str(&b, IFLA_INFO_KIND, "bridge");
	floor_nl_end(&b, nest);
	if (call(nl, &b, "make the bridge") < 0)
		return -1;
	b = (struct batch){};
	put_address(&b, floor_nl_ifindex(nl, job->bridge), address_of(job, 1));
	return call(nl, &b, "address the bridge");
}

static int ensure_bridge(const struct job *job, int nl, int *ifindex)
{
	if (floor_nl_get_link(nl, job->bridge) < 0 && make_bridge(job, nl) < 0)
		return -1;
	*ifindex = floor_nl_ifindex(nl, job->bridge);
	return 0;
}

static int make_pair(const struct job *job, int nl, int bridge, int netns, const unsigned char *mac)
{
	const struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	const struct ifinfomsg any = {};
	unsigned char host_mac[MAC_SIZE];
	struct batch b = {};
	size_t info, data, peer;

	if (random_mac(host_mac) < 0)
		return -1;
	floor_nl_begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof(up));
	floor_nl_str(&b, IFLA_IFNAME, job->host_link);
	floor_nl_put(&b, IFLA_ADDRESS, host_mac, sizeof(host_mac));
	floor_nl_u32(&b, IFLA_MASTER, (uint32_t)bridge);
	info = floor_nl_nest(&b, IFLA_LINKINFO);
	floor_nl_str(&b, IFLA_INFO_KIND, "veth");
	data = floor_nl_nest(&b, IFLA_INFO_DATA);
	peer = floor_nl_nest(&b, VETH_INFO_PEER);
	floor_nl_header(&b, &any, sizeof(any));
	floor_nl_str(&b, IFLA_IFNAME, "eth0");
	floor_nl_put(&b, IFLA_ADDRESS, mac, MAC_SIZE);
	floor_nl_u32(&b, IFLA_NET_NS_FD, (uint32_t)netns);
	floor_nl_end(&b, peer);
	floor_nl_end(&b, data);
	floor_nl_end(&b, info);
	return call(nl, &b, "make the pair");
}

/** Which container the pair is for, in a place an administrator sees. */
static int mark_pair(const struct job *job, int nl)
{
	const struct ifinfomsg link = {.ifi_index = floor_nl_ifindex(nl, job->host_link)};
	char alias[ALIAS_SIZE];
	struct batch b = {};

	(void)snprintf(alias, sizeof(alias), "floor %s/%s/eth0", job->network, job->container);
	floor_nl_begin(&b, RTM_NEWLINK, 0, &link, sizeof(link));
	floor_nl_str(&b, IFLA_IFALIAS, alias);
	return call(nl, &b, "mark the pair");
}

static int dress_container(const struct job *job, int netns)
{
	_cleanup_(fd_closep) int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	_cleanup_(fd_closep) int nl = -1;
	struct batch b = {};
	int ifindex;

	if (home < 0 || setns(netns, CLONE_NEWNET) < 0)
		FAIL("enter the container");
	nl = floor_nl_open();
	if (ensure_sysctl("/proc/sys/net/ipv6/conf/eth0/accept_dad", '0') < 0 ||
	    ensure_sysctl("/proc/sys/net/ipv4/conf/eth0/arp_notify", '1') < 0)
		return -1;
	ifindex = floor_nl_ifindex(nl, "eth0");
	put_address(&b, ifindex, address_of(job, job->host));
	put_up(&b, ifindex);
	put_default_route(&b, ifindex, address_of(job, 1));
	if (call(nl, &b, "set up the container") < 0)
		return -1;
	if (setns(home, CLONE_NEWNET) < 0)
		FAIL("leave the container");
	return 0;
}

/** Tell the node's neighbour table whose address it is. */
static int introduce(const struct job *job, int nl, int bridge, const unsigned char *mac)
{
	const struct ndmsg header = {
		.ndm_family = AF_INET, .ndm_ifindex = bridge, .ndm_state = NUD_STALE};
	in_addr_t address = address_of(job, job->host);
	struct batch b = {};

	floor_nl_begin(&b, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
	floor_nl_put(&b, NDA_DST, &address, sizeof(address));
	floor_nl_put(&b, NDA_LLADDR, mac, MAC_SIZE);
	return call(nl, &b, "introduce the container");
}

/** Open the container's namespace, and see that it is one and not our own. */
static int open_netns(const struct job *job)
{
	_cleanup_(fd_closep) int fd = open(job->netns, O_RDONLY | O_CLOEXEC);
	struct stat theirs, ours;
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fstat(fd, &theirs) < 0 ||
	    stat("/proc/thread-self/ns/net", &ours) < 0 || theirs.st_ino == ours.st_ino)
		FAIL("open the container's namespace");
	return TAKE_FD(fd);
}

static int add(struct job *job)
{
	_cleanup_(fd_closep) int netns = open_netns(job);
	_cleanup_(fd_closep) int nl = floor_nl_open();
	unsigned char mac[MAC_SIZE];
	int bridge;

	if (random_mac(mac) < 0 || netns < 0 || nl < 0 || take_lease(job) < 0 ||
	    ensure_bridge(job, nl, &bridge) < 0 || make_pair(job, nl, bridge, netns, mac) < 0 ||
	    mark_pair(job, nl) < 0 || dress_container(job, netns) < 0)
		return -1;
	// The gateway is there, the node forwards, the port is up, and what the result says of
	// both.
	if (floor_nl_list_addresses(nl, bridge) < 0 ||
	    ensure_sysctl("/proc/sys/net/ipv4/ip_forward", '1') < 0 ||
	    introduce(job, nl, bridge, mac) < 0 || floor_nl_get_link(nl, job->host_link) < 0 ||
	    floor_nl_get_link(nl, job->bridge) < 0)
		return -1;
	(void)puts("{\"cniVersion\": \"1.0.0\", \"ips\": []}");
	return 0;
}

static int del(struct job *job)
{
	_cleanup_(fd_closep) int netns = open_netns(job);
	_cleanup_(fd_closep) int nl = floor_nl_open();
	const struct ifinfomsg any = {};
	struct batch b = {};

	floor_nl_begin(&b, RTM_DELLINK, 0, &any, sizeof(any));
	floor_nl_str(&b, IFLA_IFNAME, job->host_link);
	if (netns < 0 || nl < 0 || call(nl, &b, "delete the pair") < 0)
		return -1;
	return drop_lease(job);
}

/** The end of the container's identifier is the part that differs between containers. */
static void name_host_link(struct job *job)
{
	size_t len = strlen(job->container);

	(void)snprintf(job->host_link, IFNAMSIZ, "veth%s",
		       job->container + (len > 11 ? len - 11 : 0));
}

int main(int argc, char **argv)
{
	char input[INPUT_SIZE];
	const char *verb = getenv("CNI_COMMAND");
	struct job job = {.container = getenv("CNI_CONTAINERID"), .netns = getenv("CNI_NETNS")};

	if (argc != 4 || !verb || !job.container || !job.netns ||
	    read(STDIN_FILENO, input, sizeof(input)) < 0)
		return 2;
	job.bridge = argv[1];
	job.network = argv[2];
	job.subnet = argv[3];
	name_host_link(&job);
	return (strcmp(verb, "ADD") == 0 ? add(&job) : del(&job)) < 0 ? 1 : 0;
}
