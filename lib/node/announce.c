// SPDX-License-Identifier: Apache-2.0
#include "node/announce.h"
#include <arpa/inet.h>
#include <netinet/icmp6.h>

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "netlink/link.h"

/** A socket that can be read when an interface has changed. */
static int open_events(struct err *e)
{
	_cleanup_(fd_closep) int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	const struct sockaddr_nl links = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};

	if (fd < 0 || bind(fd, (const void *)&links, sizeof(links)) < 0)
		return err_os(e, ERR_KERNEL, errno, "listen to changes of interfaces");
	return TAKE_FD(fd);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/** What has changed the kernel is asked again, so the messages themselves are dropped. */
static void drop_events(int fd)
{
	char any[64];

	while (recv(fd, any, sizeof(any), MSG_TRUNC) >= 0)
		;
}

int announce_await(struct nl *nl, int index, unsigned int wait_ms, struct err *e)
{
	_cleanup_(fd_closep) int events = open_events(e); // before the first look
	const int64_t end = now_ms() + wait_ms;
	struct link link;

	if (events < 0)
		return -1;
	for (;;) {
		struct pollfd p = {.fd = events, .events = POLLIN};
		int64_t left = end - now_ms();

		if (link_get_index(nl, index, &link, e) < 0)
			return -1;
		if (link.flags & IFF_RUNNING)
			return 1;
		if (left <= 0)
			return 0;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return err_os(e, ERR_KERNEL, errno, "wait for carrier");
		drop_events(events);
	}
}

/** RFC 826, of an Ethernet and IPv4. */
struct arp {
	struct arphdr head;
	uint8_t sender_mac[ETH_ALEN], sender_ip[4], target_mac[ETH_ALEN], target_ip[4];
};

static int send_arp(int index, const struct mac *mac, const struct ipaddr *ip)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ARP),
				 .sll_ifindex = index,
				 .sll_halen = ETH_ALEN};
	struct arp arp = {.head = {.ar_hrd = htons(ARPHRD_ETHER),
				   .ar_pro = htons(ETH_P_IP),
				   .ar_hln = ETH_ALEN,
				   .ar_pln = sizeof(arp.sender_ip),
				   .ar_op = htons(ARPOP_REQUEST)}};
	// Protocol 0: nothing is received.
	_cleanup_(fd_closep) int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(to.sll_addr, 0xff, ETH_ALEN);
	memcpy(arp.sender_mac, mac->bytes, sizeof(arp.sender_mac));
	memcpy(arp.sender_ip, ip->bytes, sizeof(arp.sender_ip));
	memcpy(arp.target_ip, ip->bytes, sizeof(arp.target_ip));
	return fd < 0 ? -1 : (int)sendto(fd, &arp, sizeof(arp), 0, (void *)&to, sizeof(to));
}

struct advertisement {
	struct nd_neighbor_advert head;
	struct nd_opt_hdr option;
	uint8_t mac[ETH_ALEN];
};

static int send_advertisement(int index, const struct mac *mac, const struct ipaddr *ip)
{
	struct advertisement na = {
		.head.nd_na_type = ND_NEIGHBOR_ADVERT,
		.head.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE,
		.option = {.nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1}}; // of 8 bytes
	struct sockaddr_in6 from = {.sin6_family = AF_INET6, .sin6_scope_id = (uint32_t)index};
	struct sockaddr_in6 all_nodes = from;
	_cleanup_(fd_closep) int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	const int hops = 255; // what has come through a router is not believed

	memcpy(&na.head.nd_na_target, ip->bytes, sizeof(na.head.nd_na_target));
	memcpy(na.mac, mac->bytes, sizeof(na.mac));
	memcpy(&from.sin6_addr, ip->bytes, sizeof(from.sin6_addr));
	(void)inet_pton(AF_INET6, "ff02::1", &all_nodes.sin6_addr);
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0 ||
	    bind(fd, (const void *)&from, sizeof(from)) < 0)
		return -1;
	return (int)sendto(fd, &na, sizeof(na), 0, (const void *)&all_nodes, sizeof(all_nodes));
}

int announce_address(int index, const struct mac *mac, const struct ipaddr *ip, struct err *e)
{
	char text[IP_TEXT];
	int rc = ip->family == AF_INET ? send_arp(index, mac, ip)
				       : send_advertisement(index, mac, ip);

	return rc < 0 ? err_os(e, ERR_KERNEL, errno, "announce %s", ip_format(ip, text)) : 0;
}
