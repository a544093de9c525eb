# SPDX-License-Identifier: Apache-2.0
"""Pings between all of many network namespaces, from one process: a socket stays in the namespace
it was made in, so every pod is entered once and the rest is sending and receiving."""

import ctypes
import os
import select
import socket
import struct
import subprocess
import time

CLONE_NEWNET = 0x40000000
SOL_RAW, ICMP_FILTER, ICMP6_FILTER = 255, 1, 1
# the kernel keeps at most this many neighbours, in all network namespaces together
NEIGHBOURS = 1024

libc = ctypes.CDLL(None, use_errno=True)


def enter(fd):
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


class Pinger:
    """A pod's own ICMP socket of one address family."""

    def __init__(self, netns, family):
        here = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(netns, os.O_RDONLY)
        try:
            enter(there)
            self.socket = self._icmp(family)
        finally:
            enter(here)
            os.close(there)
            os.close(here)
        self.family = family

    @staticmethod
    def _icmp(family):
        """Opens a socket that is given echo replies only."""
        if family == socket.AF_INET:
            sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            sock.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("I", 0xFFFFFFFF ^ 1 << 0))
        else:
            sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            blocked = [0xFFFFFFFF] * 8
            blocked[129 >> 5] ^= 1 << (129 & 31)
            sock.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, struct.pack("8I", *blocked))
        return sock

    def send(self, address):
        kind = 8 if self.family == socket.AF_INET else 128  # echo request
        packet = struct.pack("!BBHHH", kind, 0, 0, 1, 1) + b"edgeway!"
        if self.family == socket.AF_INET:  # the kernel fills in ICMPv6's
            packet = packet[:2] + struct.pack("!H", checksum(packet)) + packet[4:]
        self.socket.sendto(packet, (address, 0))

    def silent(self, addresses, patience=2.0):
        """Pings all the addresses; returns those that did not answer."""
        waiting = set(addresses)
        for address in addresses:
            self.send(address)
        until = time.monotonic() + patience
        while waiting and time.monotonic() < until:
            if select.select([self.socket], [], [], 0.1)[0]:
                waiting.discard(self.socket.recvfrom(2048)[1][0])
        return waiting


def forget_neighbours(netns_paths):
    for path in netns_paths:
        name = os.path.basename(path)
        subprocess.run(["ip", "-n", name, "neigh", "flush", "dev", "eth0"], check=True,
                       stderr=subprocess.DEVNULL)


def unreachable(pods, family):
    """Pings from every pod to every other; pods is {netns path: address}.

    Returns the pairs (from, to) without an answer. Neighbour tables are emptied now and then, since
    a mesh of fifty pods has more neighbours than the kernel allows.
    """
    failed = []
    at_once = max(1, NEIGHBOURS * 2 // 3 // (2 * len(pods)))
    for turn, (netns, own) in enumerate(pods.items()):
        if turn % at_once == 0:
            forget_neighbours(pods)
        pinger = Pinger(netns, family)
        others = [address for address in pods.values() if address != own]
        failed += [(own, other) for other in sorted(pinger.silent(others))]
        pinger.socket.close()
    return failed
