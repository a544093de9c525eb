# SPDX-License-Identifier: Apache-2.0
"""Cases of ptp."""
from case import (BLUE, DEFAULT4, DEFAULT6, RED, V4, V6, fixed, ours, ptp, ptp_dual, rarely, refused,
                  same, theirs)

BOTH = {"routes": [DEFAULT4, DEFAULT6]}


def given(*addresses, **changes):
    """ptp with addresses of static."""
    made = fixed(*addresses, type="ptp", **changes)
    del made["bridge"]
    return made


BASIC = [
    same("ptp", ptp(), RED, BLUE),
    same("ptp, IPv6", ptp(ipam={"ranges": [V6]}), RED, BLUE),
    same("ptp, dual stack", ptp_dual(), RED, BLUE),
    same("ptp, default routes", ptp_dual(ipam=BOTH), RED, BLUE),
    same("ptp, routes", ptp(ipam={"routes": [
        DEFAULT4, {"dst": "172.20.0.0/16"}, {"dst": "172.21.0.0/16", "gw": "10.9.0.9"}]})),
    same("ptp, masquerade", ptp(ipMasq=True, ipam={"routes": [DEFAULT4]}), RED, BLUE),
    same("ptp, masquerade, dual stack", ptp_dual(ipMasq=True, ipam=BOTH), RED, BLUE),
    same("ptp, masquerade by nftables", ptp(ipMasq=True, ipMasqBackend="nftables"), newer=True),
    same("ptp, mtu", ptp(mtu=1400)),
    same("ptp, mtu in the result", ptp(cniVersion="1.1.0", mtu=1400), newer=True),
    same("ptp, dns", ptp(dns={"nameservers": ["10.0.0.1"], "search": ["a"], "domain": "d",
                              "options": ["o"]})),
    same("ptp, resolvConf", ptp(ipam={"resolvConf": "/run/resolv.conf"})),
    same("ptp, dns before resolvConf", ptp(dns={"domain": "d"}, ipam={
        "resolvConf": "/run/resolv.conf"})),
    same("ptp, gateway and range", ptp(ipam={"ranges": [[{
        "subnet": "10.9.0.0/24", "rangeStart": "10.9.0.10", "rangeEnd": "10.9.0.20",
        "gateway": "10.9.0.254"}]]}), RED, BLUE),
    same("ptp, requested address", ptp(runtimeConfig={"ips": ["10.9.0.79"]})),
    same("ptp, static addresses", given({"address": "10.9.0.5/24", "gateway": "10.9.0.1"},
                                        {"address": "fd00:9::5/64", "gateway": "fd00:9::1"})),
    same("ptp, a gateway outside of the subnet", given(
        {"address": "10.9.0.5/24", "gateway": "169.254.1.1"})),
    same("ptp, two sets of one family", ptp(ipam={"ranges": [V4, [{"subnet": "10.8.0.0/24"}]]})),
    same("ptp, keys in another case", ptp(IPMASQ=True, Mtu=1400)),
]

REFUSED = [
    refused("ptp, no ipam", ptp(ipam={"type": ""})),
    refused("ptp, no addresses", given()),
    refused("ptp, no gateway", given({"address": "10.9.0.5/24"})),
    refused("ptp, attached twice", ptp(), RED, RED),
    refused("ptp, pool exhausted", ptp(ipam={"ranges": [[{"subnet": "10.9.0.0/30"}]]}), RED, BLUE),
    refused("ptp, eth0 is there already", ptp(), before=["ip -n red link add eth0 type bridge"]),
    refused("ptp, no such namespace", ptp(), {"pod": "red", "netns": "/run/netns/nobody"}),
    refused("ptp, unreachable gateway in a route", ptp(ipam={"routes": [
        {"dst": "172.20.0.0/16", "gw": "192.168.7.7"}]})),
    refused("ptp, two interfaces with one gateway", ptp(), RED, {"pod": "red", "ifname": "net1"}),
    refused("ptp, wrong type", ptp(mtu="big")),
    refused("ptp, mtu too small", ptp(mtu=20)),
]

ASYMMETRIC = [
    ours("ptp, an address with the full prefix length",
         "`ptp` needs no subnet, so /32 and /128 are fine; the reference adds a route to it that exists",
         given({"address": "10.9.0.5/32", "gateway": "10.9.0.1"})),
    ours("ptp, two addresses with one gateway",
         "the gateway's address is put on the node's end once; the reference tries it twice and fails",
         given({"address": "10.9.0.5/24", "gateway": "10.9.0.1"},
               {"address": "10.9.0.6/24", "gateway": "10.9.0.1"})),
    ours("ptp, a route to the subnet",
         "a route of IPAM that `ptp` has already is no error; the reference fails with `file exists`",
         ptp(ipam={"routes": [{"dst": "10.9.0.0/24"}]})),
    theirs("ptp, an address that is its own gateway",
           "an address that is its own gateway reaches nobody",
           given({"address": "10.9.0.5/24", "gateway": "10.9.0.5"})),
    theirs("ptp, a negative mtu", "a negative `mtu` is a mistake; the reference takes it for 0",
           ptp(mtu=-1)),
]


def damaged(what, *commands, **changes):
    return same(f"CHECK: ptp, {what}", ptp(ipam={"routes": [DEFAULT4]}, **changes),
                damage=list(commands))


VERBS = [
    damaged("the address was removed", "ip -n red addr flush dev eth0"),
    damaged("the default route was removed", "ip -n red route del default"),
    damaged("the route to the gateway was removed", "ip -n red route flush dev eth0"),
    damaged("the link was set down", "ip -n red link set eth0 down"),
    damaged("the link was deleted", "ip -n red link del eth0"),
    damaged("the MAC address was changed", "ip -n red link set eth0 address 02:00:00:00:00:77"),
    damaged("the node's route was removed", "ip route del 10.9.0.2"),
    damaged("the node's end is down", "ip link set {end} down"),
    damaged("the gateway's address was removed", "ip addr del 10.9.0.1/32 dev {end}"),
    damaged("the lease was removed", "rm /var/lib/cni/networks/n/10.9.0.2"),
    damaged("the masquerading was flushed", "nft flush ruleset", ipMasq=True),
    same("ptp, DEL without namespace", ptp_dual(ipMasq=True, ipam=BOTH), RED, BLUE, gone=True),
    same("ptp, DEL that was told little", ptp_dual(ipMasq=True, ipam=BOTH), forgetful=True),
    same("ptp, GC, all valid", ptp(cniVersion="1.1.0", ipMasq=True), RED, BLUE,
         newer=True, valid=[RED, BLUE]),
    same("ptp, GC, one is not valid", ptp(cniVersion="1.1.0", ipMasq=True), RED, BLUE,
         newer=True, valid=[RED]),
    same("ptp, STATUS, the pool is full", ptp(cniVersion="1.1.0", ipam={
        "ranges": [[{"subnet": "10.9.0.0/30"}]]}), newer=True),
]

CASES = BASIC + rarely(REFUSED + VERBS) + ASYMMETRIC
