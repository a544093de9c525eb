# SPDX-License-Identifier: Apache-2.0
"""Cases of portmap, behind a bridge. How rules are written is each one's own; who reaches whom by
which port, and as whom, is compared."""
from case import BLUE, RED, V4, V6, VERSIONS, conf, ours, rarely, refused, same, theirs

WEB = {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}
NAMES = {"hostPort": 8053, "containerPort": 53, "protocol": "udp"}
# A neighbour of the node, two addresses of the node where he sees them, and packets between pods
# that pass the rules, as on nodes with Kubernetes.
NODE = ["ip netns add outside", "ip link add up0 type veth peer name eth0 netns outside",
        "ip addr add 192.0.2.1/24 dev up0", "ip addr add 192.0.2.2/24 dev up0",
        "ip addr add 2001:db8::1/64 dev up0 nodad", "ip link set up0 up",
        "ip -n outside addr add 192.0.2.9/24 dev eth0",
        "ip -n outside addr add 2001:db8::9/64 dev eth0 nodad", "ip -n outside link set eth0 up",
        "sysctl -qw net.bridge.bridge-nf-call-iptables=1",
        "sysctl -qw net.bridge.bridge-nf-call-ip6tables=1"]
ANY4, ANY6, OUR4 = ["192.0.2.1", "192.0.2.2"], ["2001:db8::1"], ["192.0.2.1", "10.9.0.1", "127.0.0.1"]


def mapped(*mappings, version="1.0.0", **keys):
    return {"cniVersion": version, "name": "n", "type": "portmap",
            "runtimeConfig": {"portMappings": list(mappings)}, **keys}


def asked(port, proto, more=()):
    """Everybody asks at @port."""
    return [["outside", port, proto, ANY4 + list(more)], ["node", port, proto, OUR4 + list(more)],
            ["red", port, proto, ["192.0.2.1", *more]], ["blue", port, proto, ["192.0.2.1", *more]]]


def behind(make, name, *arguments, version="1.0.0", dual=False, serves=(("red", 80, "tcp"),),
           asks=None, **more):
    """A case behind a bridge, to which blue is attached too."""
    bridge = conf(cniVersion=version, isDefaultGateway=True, hairpinMode=True,
                  ipam={"ranges": [V4, V6] if dual else [V4]})
    asks = asked(8080, "tcp", ANY6 if dual else ()) if asks is None else asks
    return make(name, *arguments, behind=bridge, others=[BLUE], before=NODE, asks=asks,
                serves=[list(s) for s in serves], **more)


BASIC = [
    behind(same, "portmap", mapped(WEB)),
    behind(same, "portmap, dual stack", mapped(WEB), dual=True),
    behind(same, "portmap, UDP", mapped(NAMES), serves=[("red", 53, "udp")],
           asks=asked(8053, "udp")),
    behind(same, "portmap, several ports", mapped(WEB, NAMES, dict(WEB, hostPort=8081)),
           serves=[("red", 80, "tcp"), ("red", 53, "udp")],
           asks=asked(8080, "tcp") + asked(8081, "tcp") + asked(8053, "udp")),
    behind(same, "portmap, no mappings", mapped()),
    behind(same, "portmap, without snat", mapped(WEB, snat=False), asks=[
        ["outside", 8080, "tcp", ANY4], ["node", 8080, "tcp", ["192.0.2.1", "127.0.0.1"]]]),
    behind(same, "portmap, masqAll", mapped(WEB, masqAll=True), newer=True),
    behind(same, "portmap, one address of the node", mapped(dict(WEB, hostIP="192.0.2.2")), asks=[
        ["outside", 8080, "tcp", ANY4], ["node", 8080, "tcp", ["192.0.2.1", "192.0.2.2"]]]),
    behind(same, "portmap, any address of the node", mapped(dict(WEB, hostIP="0.0.0.0"))),
    behind(same, "portmap, an address of another family", mapped(dict(WEB, hostIP="2001:db8::1"))),
    behind(same, "portmap by nftables", mapped(WEB, backend="nftables"), newer=True),
    behind(same, "portmap by nftables, conditions", mapped(
        WEB, backend="nftables", conditionsV4=["ip", "saddr", "!=", "192.0.2.9"]), newer=True),
    behind(same, "portmap, markMasqBit", mapped(WEB, markMasqBit=7)),
]

REFUSED = [
    behind(refused, "portmap, hostPort 0", mapped(dict(WEB, hostPort=0))),
    behind(refused, "portmap, containerPort 0", mapped(dict(WEB, containerPort=0))),
    behind(refused, "portmap, an unknown protocol", mapped(dict(WEB, protocol="carp0"))),
    behind(refused, "portmap, markMasqBit too large", mapped(WEB, markMasqBit=32)),
    behind(refused, "portmap, mark and chain", mapped(WEB, markMasqBit=5, externalSetMarkChain="X")),
    behind(refused, "portmap, a wrong type", mapped(dict(WEB, hostPort="8080"))),
]

ASYMMETRIC = [
    behind(ours, "portmap, no protocol", "without a `protocol` a mapping is for TCP; the reference "
           "fails", mapped({"hostPort": 8080, "containerPort": 80})),
    behind(theirs, "portmap, conditions of iptables", "`conditionsV4` are in words of nft; those of "
           "iptables are an error that says what to write", mapped(
               WEB, conditionsV4=["!", "-s", "192.0.2.9"])),
]

VERBS = [
    behind(same, "portmap, DEL without namespace", mapped(WEB), gone=True),
    behind(same, "portmap, DEL that was told little", mapped(WEB), forgetful=True),
    behind(same, "portmap, GC, not valid", mapped(WEB, version="1.1.0"), version="1.1.0",
           newer=True, valid=[]),
    behind(same, "CHECK: portmap, the rules were flushed", mapped(WEB), damage=["nft flush ruleset"]),
]

VERSIONED = [behind(same, f"portmap, version {v}", mapped(WEB, version=v), version=v,
                    newer=v == "1.1.0") for v in VERSIONS]
CASES = BASIC + ASYMMETRIC + rarely(REFUSED + VERBS + VERSIONED)
