/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/**
 * Why a packet did not pass: one list for the programs that drop, and for all who tell about it.
 * Append only: the numbers are in people's dashboards. Each has a line in docs/drop-reasons.md,
 * which is generated from here.
 */
#define DROP_REASONS(X)                                                                            \
	X(NONE, "forwarded", "not dropped: packets that passed")                                   \
	X(SHORT, "too short", "the frame ends before the headers that it announces do")            \
	X(MALFORMED, "malformed", "a length or version in a header contradicts the rest of it")    \
	X(SRC_MAC, "source MAC", "the sender's MAC address is not the pod's")                      \
	X(SRC_IP4, "source IPv4 address", "the sender's IPv4 address is not one of the pod's")     \
	X(SRC_IP6, "source IPv6 address", "the sender's IPv6 address is not one of the pod's")     \
	X(ARP, "ARP", "an ARP message that speaks for another address or MAC address")             \
	X(ND, "neighbour discovery", "an ND message that speaks for another address")              \
	X(ROUTER, "router advertisement", "a pod advertised itself as router, or redirected")      \
	X(DHCP_SERVER, "DHCP server", "a pod answered as a DHCP server")                           \
	X(ETHERTYPE, "ethertype", "neither IPv4 nor IPv6 nor ARP, or tagged with a VLAN")          \
	X(SOURCE_ROUTE, "source route", "the sender chose the way: IPv4 options, IPv6 type 0")     \
	X(EXTENSIONS, "IPv6 extension headers", "more of them than are looked through")            \
	X(FRAGMENT, "fragment", "a later fragment of a datagram whose first has not been seen")    \
	X(NOT_MINE, "not the pod's address", "sent into a pod that does not have this address")    \
	X(ISOLATED, "isolated", "the pod waits for its policy: \"policy\": \"enforce\"")           \
	X(CT_FULL, "connection table full", "all places that this flow may take are in use")       \
	X(NO_ENDPOINT, "unknown interface", "the interface is not one that was set up")            \
	X(NOT_FROM_POD, "not from that pod", "a pod's address on a packet that came in elsewhere")

#define DROP_ENUM(name, label, text) DROP_##name,
enum drop_reason { DROP_REASONS(DROP_ENUM) DROP_MAX };
#undef DROP_ENUM
