# SPDX-License-Identifier: Apache-2.0
"""Cases of bandwidth, behind a pair that somebody has made for each pod."""
from case import BLUE, RED, VERSIONS, ours, rarely, refused, same, theirs

INGRESS = {"ingressRate": 10000000, "ingressBurst": 400000}
EGRESS = {"egressRate": 20000000, "egressBurst": 800000}
BOTH = {**INGRESS, **EGRESS}
UNLIMITED = 2 ** 32 - 1  # the burst that container runtimes ask for


def pair(pod, mtu=1500):
    return [f"ip link add pair{pod} mtu {mtu} type veth peer name eth0 mtu {mtu} netns {pod}",
            f"ip link set pair{pod} up", f"ip -n {pod} link set eth0 up"]


PAIRS = pair("red") + pair("blue")


def before_it(version):
    """The result of a plugin in front that made the pairs."""
    if version < "0.3":
        return {"cniVersion": version, "ip4": {"ip": "10.9.0.2/24"}}
    address = {"address": "10.9.0.2/24", "interface": 1}
    if version < "1":
        address["version"] = "4"
    return {"cniVersion": version, "ips": [address], "interfaces": [
        {"name": "pairred"}, {"name": "eth0", "sandbox": "/run/netns/red"}, {"name": "pairblue"}]}


def limits(version="1.0.0", **keys):
    return {"cniVersion": version, "name": "n", "type": "bandwidth",
            "prevResult": before_it(version), **keys}


def wished(**keys):
    """The same as the runtime's wish."""
    return limits(runtimeConfig={"bandwidth": keys})


def without_list(**keys):
    made = limits(**keys)
    made["prevResult"] = {"cniVersion": "1.0.0", "ips": [{"address": "10.9.0.2/24"}]}
    return made


def without_prev(**keys):
    made = limits(**keys)
    del made["prevResult"]
    return made


def behind(make, name, *arguments, before=(), **more):
    """A case with pairs for red, and for blue if it is attached."""
    pods = {a["pod"] for a in arguments if isinstance(a, dict) and "pod" in a} | {"red"}
    pairs = PAIRS if "blue" in pods else pair("red")
    return make(name, *arguments, before=[*(before or pairs)], **more)


BASIC = [
    behind(same, "bandwidth", limits(**BOTH), RED, BLUE),
    behind(same, "bandwidth, ingress", limits(**INGRESS)),
    behind(same, "bandwidth, egress", limits(**EGRESS)),
    behind(same, "bandwidth, no limits", limits()),
    behind(same, "bandwidth, zeros", limits(ingressRate=0, ingressBurst=0, egressRate=0, egressBurst=0)),
    behind(same, "bandwidth, wished by the runtime", wished(**BOTH)),
    behind(same, "bandwidth, configured and wished", limits(
        **INGRESS, runtimeConfig={"bandwidth": {**EGRESS, "ingressRate": 8, "ingressBurst": 400000}})),
    behind(same, "bandwidth, zero configured and limits wished", limits(
        egressRate=0, runtimeConfig={"bandwidth": BOTH})),
    behind(same, "bandwidth, as container runtimes wish", wished(
        ingressRate=100000000, ingressBurst=UNLIMITED, egressRate=10000000, egressBurst=UNLIMITED)),
    behind(same, "bandwidth, 40 Gbit/s", limits(
        ingressRate=40000000000, ingressBurst=400000000, egressRate=40000000000,
        egressBurst=400000000)),
    behind(same, "bandwidth, odd numbers", limits(
        ingressRate=12345678, ingressBurst=987654, egressRate=1000001, egressBurst=123456)),
    behind(same, "bandwidth, mtu", limits(**EGRESS), before=pair("red", 1400)),
    behind(same, "bandwidth, keys in another case", limits(
        INGRESSRATE=10000000, ingressburst=400000)),
] + [behind(same, f"bandwidth, version {version}", limits(version, **BOTH), newer=version == "1.1.0")
     for version in VERSIONS if version >= "0.3"]

REFUSED = [
    behind(refused, "bandwidth, a rate without burst", limits(ingressRate=10000000)),
    behind(refused, "bandwidth, a burst without rate", limits(egressBurst=400000)),
    behind(refused, "bandwidth, a burst of 4 GB", limits(ingressRate=10000000, ingressBurst=2 ** 35)),
    behind(refused, "bandwidth, a negative rate", limits(ingressRate=-1, ingressBurst=400000)),
    behind(refused, "bandwidth, wrong type", limits(ingressRate="10M", ingressBurst=400000)),
    behind(refused, "bandwidth, wrong wish", wished(egressRate=10000000)),
    behind(refused, "bandwidth, without prevResult", without_prev(**BOTH)),
    behind(refused, "bandwidth, no pair", limits(**BOTH), before=["ip -n red link add eth0 type bridge"]),
    behind(refused, "bandwidth, no interface", limits(**BOTH), before=["true"]),
    behind(refused, "bandwidth, no such namespace", limits(**BOTH),
           {"pod": "red", "netns": "/run/netns/nobody"}),
    behind(refused, "bandwidth, somebody's clsact", limits(**BOTH),
           before=[*pair("red"), "tc qdisc add dev pairred clsact"]),
]

ASYMMETRIC = [
    behind(ours, "bandwidth, version 0.2.0", "`bandwidth` speaks 0.1.0 and 0.2.0 like all plugins",
           limits("0.2.0", **BOTH)),
    behind(ours, "bandwidth, prevResult without interfaces",
           "the pair is found from inside the container, listed or not", without_list(**BOTH)),
    behind(ours, "bandwidth, two interfaces of a container",
           "`bandwidth` names an ifb after the interface too; the reference's second ADD finds the name "
           "taken", limits(**EGRESS), RED, {"pod": "red", "ifname": "net1"},
           before=[*pair("red"), "ip link add pairblue type veth peer name net1 netns red",
                   "ip link set pairblue up"]),
    behind(theirs, "bandwidth, a burst below one packet",
           "a burst below one packet lets no packet of full size through", limits(
               ingressRate=10000000, ingressBurst=8000)),
]


def damaged(what, *commands):
    return behind(same, f"CHECK: bandwidth, {what}", limits(**BOTH), damage=list(commands))


IFB = "$(ls /sys/class/net | grep -E '^(ifb.{11}|bwp)')"

VERBS = [
    damaged("the bucket was removed", "tc qdisc del dev {end} root"),
    damaged("the rate was changed",
            "tc qdisc change dev {end} root tbf rate 11mbit burst 50000 latency 25ms"),
    damaged("the burst was changed",
            "tc qdisc change dev {end} root tbf rate 10mbit burst 90000 latency 25ms"),
    damaged("the redirection was removed", "tc qdisc del dev {end} ingress"),
    damaged("the ifb was deleted", f'sh -c "ip link del {IFB}"'),
    damaged("the ifb is down", f'sh -c "ip link set {IFB} down"'),
    damaged("the ifb's bucket was removed", f'sh -c "tc qdisc del dev {IFB} root"'),
    behind(same, "bandwidth, DEL without namespace", limits(**BOTH), RED, BLUE, gone=True),
    behind(same, "bandwidth, DEL that was told little", limits(**BOTH), forgetful=True),
    behind(same, "bandwidth, GC, one is not valid", limits("1.1.0", **BOTH), RED, BLUE, newer=True,
           valid=[RED]),
    behind(same, "bandwidth, GC, all valid", limits("1.1.0", **BOTH), RED, BLUE, newer=True,
           valid=[RED, BLUE]),
    behind(same, "bandwidth, CHECK of 0.3.1", limits("0.3.1", **BOTH), damage=["true"]),
]

CASES = BASIC + rarely(REFUSED + VERBS) + ASYMMETRIC
