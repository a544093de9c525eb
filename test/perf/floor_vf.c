// SPDX-License-Identifier: Apache-2.0
/**
 * perf_floor_vf NETDEV [up] - the least a process can do to give a container a virtual function.
 *
 * Called as a plugin is: ADD moves the interface NETDEV into the container and renames it, in one
 * request, and with "up" puts it up there; DEL fetches it back. Nothing is read, kept or looked at.
 * How far sriov is above this floor is what configuration, attributes, its records and being
 * careful cost.
 *
 * A failure is an exit status other than 0 and the step's name on stdout.
 */
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "floor.h"
#include "floor_nl.h"

enum { INPUT_SIZE = 16384 };

/** The interface @from of the caller's namespace becomes @to of the namespace @netns. */
static int move(const char *from, int netns, const char *to)
{
	_cleanup_(fd_closep) int nl = floor_nl_open();
	const struct ifinfomsg link = {.ifi_index = (int)if_nametoindex(from)};
	struct batch b = {};

	if (nl < 0 || !link.ifi_index)
		FAIL(from);
	floor_nl_begin(&b, RTM_NEWLINK, 0, &link, sizeof(link));
	floor_nl_u32(&b, IFLA_NET_NS_FD, (uint32_t)netns);
	floor_nl_str(&b, IFLA_IFNAME, to);
	errno = -floor_nl_call(nl, &b);
	if (errno != 0)
		FAIL("move the interface");
	return 0;
}

static int put_up(int netns, const char *ifname)
{
	_cleanup_(fd_closep) int nl = -1;
	struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct batch b = {};

	if (setns(netns, CLONE_NEWNET) < 0)
		FAIL("enter the container");
	nl = floor_nl_open();
	link.ifi_index = (int)if_nametoindex(ifname);
	floor_nl_begin(&b, RTM_NEWLINK, 0, &link, sizeof(link));
	errno = -floor_nl_call(nl, &b);
	if (errno != 0)
		FAIL("put the interface up");
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_(fd_closep) int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	_cleanup_(fd_closep) int netns = -1;
	const char *verb = getenv("CNI_COMMAND"), *path = getenv("CNI_NETNS");
	const char *ifname = getenv("CNI_IFNAME");
	char input[INPUT_SIZE];

	if (argc < 2 || !verb || !path || !ifname || home < 0 ||
	    read(STDIN_FILENO, input, sizeof(input)) < 0)
		return 2;
	netns = open(path, O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return 2;
	if (strcmp(verb, "ADD") == 0) {
		(void)puts("{\"cniVersion\": \"1.0.0\"}");
		return move(argv[1], netns, ifname) < 0 || (argc > 2 && put_up(netns, ifname) < 0);
	}
	return setns(netns, CLONE_NEWNET) < 0 || move(ifname, home, argv[1]) < 0;
}
