# SPDX-License-Identifier: Apache-2.0
"""Cases of bridge, but for VLANs and requests to IPAM."""
from case import BLUE, DEFAULT4, RED, V6, conf, dual, ours, rarely, refused, same, theirs


BASIC = [
    same("layer 2", conf(without=["ipam"]), RED, BLUE),
    same("IPv4", conf(), RED, BLUE),
    same("IPv6", conf(ipam={"ranges": [V6]}), RED, BLUE),
    same("dual stack", dual(), RED, BLUE),
    same("gateway", conf(isGateway=True), RED, BLUE),
    same("gateway, dual stack", dual(isGateway=True)),
    same("default gateway", conf(isDefaultGateway=True)),
    same("default gateway, dual stack", dual(isDefaultGateway=True), RED, BLUE),
    same("default route by gateway", conf(isDefaultGateway=True, ipam={
        "routes": [{"dst": "0.0.0.0/0", "gw": "10.9.0.7"}]})),
    same("routes", conf(isGateway=True, ipam={"routes": [
        {"dst": "172.20.0.0/16"}, {"dst": "172.21.0.0/16", "gw": "10.9.0.9"}]})),
    same("masquerade", conf(isGateway=True, ipMasq=True)),
    same("masquerade, dual stack", dual(isDefaultGateway=True, ipMasq=True), RED, BLUE),
    same("masquerade without gateway", conf(ipMasq=True)),
    same("mtu", conf(mtu=1400)),
    same("hairpin", conf(hairpinMode=True)),
    same("promiscuous", conf(promiscMode=True)),
    same("two interfaces", conf(), RED, {"pod": "red", "ifname": "net1"}),
    same("force address", conf(isGateway=True, forceAddress=True)),
    same("default bridge", conf(without=["bridge"])),
    same("enable duplicate detection", conf(enabledad=True, ipam={"ranges": [V6]})),
    same("dns", conf(dns={"nameservers": ["10.0.0.1"], "search": ["a", "b"], "domain": "d",
                          "options": ["o"]})),
    same("resolvConf", conf(ipam={"resolvConf": "/run/resolv.conf"})),
    same("dns before resolvConf", conf(dns={"domain": "d"}, ipam={"resolvConf": "/run/resolv.conf"})),
    same("keys in another case", conf(ISGATEWAY=True, HairpinMODE=True)),
    same("null and unknown keys", conf(mtu=None, dns=None, nonsense={"a": 1})),
    same("ignored arguments", conf(), {"pod": "red", "args": "IgnoreUnknown=1;K8S_POD_NAME=x;A=b"}),
    same("no version", conf(without=["cniVersion"], isGateway=True)),
    same("MAC filter", conf(isGateway=True, macspoofchk=True), RED, BLUE),
    same("gateway, layer 2", conf(without=["ipam"], isGateway=True)),
    same("MAC filter, layer 2", conf(without=["ipam"], macspoofchk=True)),
    same("requested MAC by CNI_ARGS", conf(without=["ipam"]),
         {"pod": "red", "args": "MAC=02:00:00:00:00:01"}),
    same("requested MAC by args.cni", conf(args={"cni": {"mac": "02:00:00:00:00:02"}})),
    same("requested MAC by runtimeConfig", conf(runtimeConfig={"mac": "02:00:00:00:00:03"})),
    same("requested MAC by all", conf(
        without=["ipam"], args={"cni": {"mac": "02:00:00:00:00:02"}},
        runtimeConfig={"mac": "02:00:00:00:00:03"}), {"pod": "red", "args": "MAC=02:00:00:00:00:01"}),
]

# What only newer reference plugins know.
NEWER = [
    same("gateway and masquerade of 1.1.0", dual(
        cniVersion="1.1.0", isDefaultGateway=True, ipMasq=True), RED, BLUE, newer=True),
    same("masquerade by nftables", conf(
        cniVersion="1.1.0", isGateway=True, ipMasq=True, ipMasqBackend="nftables"), newer=True),
    same("masquerade by iptables", conf(
        cniVersion="1.1.0", isGateway=True, ipMasq=True, ipMasqBackend="iptables"), newer=True),
    same("isolated ports", conf(cniVersion="1.1.0", portIsolation=True), RED, BLUE, newer=True),
    same("port not isolated", conf(cniVersion="1.1.0", portIsolation=False), newer=True),
    same("container's end down", conf(without=["ipam"], disableContainerInterface=True), newer=True),
    same("mtu in the result", conf(cniVersion="1.1.0", mtu=1400), newer=True),
    refused("container's end down with addresses", conf(disableContainerInterface=True), newer=True),
    same("route attributes", conf(cniVersion="1.1.0", isGateway=True, ipam={"routes": [
        {"dst": "172.20.0.0/16", "priority": 50}, {"dst": "172.21.0.0/16", "table": 77},
        {"dst": "172.22.0.0/16", "mtu": 1300, "advmss": 1200}]}), newer=True),
]

# The bridge is there already.
EXISTING = [
    same("a bridge of the operator's", conf(isGateway=True), before=[
        "ip link add br0 address 02:00:00:00:00:aa type bridge"]),
    same("a bridge with the gateway's address", conf(isGateway=True), before=[
        "ip link add br0 address 02:00:00:00:00:aa type bridge", "ip addr add 10.9.0.1/24 dev br0"]),
    same("force another address away", conf(isGateway=True, forceAddress=True), before=[
        "ip link add br0 address 02:00:00:00:00:aa type bridge", "ip addr add 10.9.0.3/24 dev br0"]),
    same("mtu of a bridge of the operator's", conf(mtu=1400), before=[
        "ip link add br0 address 02:00:00:00:00:aa type bridge"]),
    refused("another address on the bridge", conf(isGateway=True), before=[
        "ip link add br0 address 02:00:00:00:00:aa type bridge", "ip addr add 10.9.0.3/24 dev br0"]),
    refused("not a bridge", conf(), before=["ip link add br0 type veth peer name other"]),
    refused("eth0 is there already", conf(), before=["ip -n red link add eth0 type bridge"]),
]

REFUSED = [
    refused("hairpin and promiscuous", conf(hairpinMode=True, promiscMode=True)),
    refused("unsupported version", conf(cniVersion="9.9.9")),
    refused("no name", conf(without=["name"])),
    refused("bad name", conf(name="a/b")),
    refused("no such namespace", conf(), {"pod": "red", "netns": "/run/netns/nobody"}),
    refused("a file for a namespace", conf(), {"pod": "red", "netns": "/run/resolv.conf"}),
    refused("unknown argument", conf(), {"pod": "red", "args": "COLOUR=red"}),
    refused("argument without a value", conf(), {"pod": "red", "args": "IgnoreUnknown=1;COLOUR"}),
    refused("bad interface name", conf(), {"pod": "red", "ifname": "a/b"}),
    refused("interface name too long", conf(), {"pod": "red", "ifname": "sixteen-is-a-lot"}),
    refused("bad container id", conf(), {"pod": "red", "id": "a b"}),
    refused("attached twice", conf(), RED, RED),
    refused("ipam plugin missing", conf(ipam={"type": "nosuch"})),
    refused("unreachable gateway in a route", conf(ipam={"routes": [
        {"dst": "172.20.0.0/16", "gw": "192.168.7.7"}]})),
    refused("layer 2 in 0.2.0", conf(cniVersion="0.2.0", without=["ipam"])),
    refused("wrong type", conf(mtu="big")),
    refused("bad MAC", conf(runtimeConfig={"mac": "nonsense"})),
    refused("multicast MAC", conf(runtimeConfig={"mac": "03:00:00:00:00:01"})),
]

ASYMMETRIC = [
    theirs("masquerade, layer 2",
           "`ipMasq` without `ipam` is a mistake: there is no address to masquerade",
           conf(without=["ipam"], ipMasq=True)),
    ours("default gateway beside a default route",
         "`isDefaultGateway` and a default route without gateway in `ipam.routes` are the same route; "
         "the reference adds it twice and fails with `file exists`",
         conf(isDefaultGateway=True, ipam={"routes": [DEFAULT4]})),
]


def damaged(what, command, changes=None, *more):
    return same(f"CHECK: {what}", conf(isDefaultGateway=True, **(changes or {})),
                damage=[command, *more])


CHECKED = [
    damaged("the address was removed", "ip -n red addr flush dev eth0"),
    damaged("the default route was removed", "ip -n red route del default"),
    damaged("the link was set down", "ip -n red link set eth0 down"),
    damaged("the link was deleted", "ip -n red link del eth0"),
    damaged("the MAC address was changed", "ip -n red link set eth0 address 02:00:00:00:00:77"),
    damaged("the port left the bridge", "ip link set {end} nomaster"),
    damaged("the bridge was deleted", "ip link del br0"),
    damaged("the node's end is down", "ip link set {end} down"),
    damaged("promiscuous mode was switched off", "ip link set br0 promisc off",
            {"promiscMode": True}),
    damaged("hairpin mode was switched off", "ip link set {end} type bridge_slave hairpin off",
            {"hairpinMode": True}),
    damaged("the gateway's address was removed", "ip addr del 10.9.0.1/24 dev br0"),
    damaged("the lease was removed", "rm /var/lib/cni/networks/n/10.9.0.2"),
    damaged("the masquerading was flushed", "nft flush ruleset", {"ipMasq": True}),
    damaged("the MAC filter was flushed", "nft flush ruleset", {"macspoofchk": True}),
    damaged("the namespace was deleted", "ip netns del red"),
]

VERBS = [
    same("DEL without namespace", dual(isDefaultGateway=True, ipMasq=True), RED, BLUE, gone=True),
    same("DEL without namespace, layer 2", conf(without=["ipam"], macspoofchk=True), gone=True),
    same("DEL that was told little", dual(isDefaultGateway=True, ipMasq=True), forgetful=True),
    same("GC, all valid", conf(cniVersion="1.1.0", isGateway=True, ipMasq=True), RED, BLUE,
         newer=True, valid=[RED, BLUE]),
    same("GC, one is not valid", conf(cniVersion="1.1.0", isGateway=True, ipMasq=True), RED, BLUE,
         newer=True, valid=[RED]),
    same("STATUS, the pool is full", conf(cniVersion="1.1.0", ipam={
        "ranges": [[{"subnet": "10.9.0.0/30"}]]}), newer=True),
]

CASES = BASIC + NEWER + EXISTING[:1] + rarely(EXISTING[1:] + REFUSED) + ASYMMETRIC + CHECKED + VERBS
