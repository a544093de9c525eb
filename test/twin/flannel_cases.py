# SPDX-License-Identifier: Apache-2.0
"""Cases of flannel. Its last original in Debian (0.9.0) knows IPv4 and versions up to 0.4.0; what is newer
is played by the reference `bridge` with the configuration that the present original makes of the same
input (flannel-io/cni-plugin 1.9, flannel_linux_test.go)."""
from case import BLUE, RED, rarely, refused, same

V4 = ["FLANNEL_NETWORK=10.9.0.0/16", "FLANNEL_SUBNET=10.9.0.1/24"]
V6 = ["FLANNEL_IPV6_NETWORK=fd00:9::/56", "FLANNEL_IPV6_SUBNET=fd00:9::1/64"]
REST = ["FLANNEL_MTU=1450", "FLANNEL_IPMASQ=true"]
K3S = {"hairpinMode": True, "forceAddress": True, "isDefaultGateway": True}
MADE = {"name": "cbr0", "type": "bridge", "isGateway": True, "ipMasq": False, "mtu": 1450}


def written(*lines):
    """Commands that write the subnet file."""
    return ["mkdir -p /run/flannel",
            "sh -c 'printf \"%s\\\\n\" " + " ".join(lines) + " >/run/flannel/subnet.env'"]


def conf(version="0.4.0", **changes):
    return {"cniVersion": version, "name": "cbr0", "type": "flannel", **changes}


def played(name, given, *attachments, lines=(*V4, *REST), judge=same, **more):
    """Played by the original."""
    return judge(f"flannel, {name}", given, *attachments, before=written(*lines), original=True, **more)


def by_hand(name, given, ranges, routes, *attachments, lines, **more):
    """Played by the reference `bridge`, told what the present original would tell it."""
    told = {**MADE, **given.get("delegate", {}), "cniVersion": given["cniVersion"], "ipam": {
        "type": "host-local", "ranges": [[{"subnet": r}] for r in ranges],
        "routes": [{"dst": r} for r in routes]}}
    return same(f"flannel, {name}", given, *attachments, theirs=told, before=written(*lines), **more)


DUAL = dict(ranges=["10.9.0.0/24", "fd00:9::/64"], routes=["10.9.0.0/16", "fd00:9::/56"],
            lines=(*V4, *V6, *REST))

CASES = [
    played("K3s", conf(delegate=K3S), RED, BLUE),
    *[played(f"version {v}", conf(v)) for v in ("0.1.0", "0.2.0", "0.3.0", "0.3.1")],
    played("the node masquerades", conf(), lines=(*V4, "FLANNEL_MTU=1450", "FLANNEL_IPMASQ=false")),
    played("keys of the delegate", conf(delegate={
        "bridge": "br0", "mtu": 1400, "isGateway": False, "ipMasq": False})),
    played("ptp as the delegate", conf(delegate={"type": "ptp"})),
    played("requests of the runtime", conf(runtimeConfig={"ips": ["10.9.0.77"]})),
    by_hand("K3s, 1.0.0", conf("1.0.0", delegate=K3S), ["10.9.0.0/24"], ["10.9.0.0/16"], RED, BLUE,
            lines=(*V4, *REST)),
    by_hand("dual stack", conf("1.0.0", delegate=K3S), **DUAL),
    by_hand("dual stack, 1.1.0", conf("1.1.0", delegate=K3S), newer=True, **DUAL),
    by_hand("two networks", conf("1.0.0"), ["10.9.0.0/24"], ["10.9.0.0/16", "10.8.0.0/16"],
            lines=("FLANNEL_NETWORK=10.9.0.0/16,10.8.1.0/16", V4[1], *REST)),
    *rarely([
        played("DEL without namespace", conf(delegate=K3S), RED, BLUE, gone=True),
        played("no subnet file", conf(subnetFile="/run/none"), judge=refused),
        played("a subnet file that lacks the subnet", conf(), lines=(V4[0], *REST), judge=refused),
        played("a name in the delegate", conf(delegate={"name": "x"}), judge=refused),
        played("ipam in the delegate", conf(delegate={"ipam": {}}), judge=refused),
    ]),
]
