# SPDX-License-Identifier: Apache-2.0
"""Each plugin in each version of the specification, and its verbs in those that do not have them."""
from case import (BLUE, DEFAULT4, DEFAULT6, LO, RED, V4, V6, VERSIONS, alone, conf, dual, fixed,
                  loopback, ptp, ptp_dual, rarely, same)

ADDRESSES = ({"address": "10.9.0.5/24", "gateway": "10.9.0.1"},
             {"address": "fd00:9::5/64", "gateway": "fd00:9::1"})
ROUTES = {"routes": [DEFAULT4, DEFAULT6]}


def each(version):
    more = {"newer": version == "1.1.0"}
    dns = {"nameservers": ["10.0.0.1"], "domain": "d"}
    return [
        same(f"bridge, version {version}",
             dual(cniVersion=version, isDefaultGateway=True, dns=dns), **more),
        same(f"bridge and static, version {version}",
             fixed(*ADDRESSES, cniVersion=version, isDefaultGateway=True), **more),
        same(f"ptp, version {version}", ptp_dual(cniVersion=version, dns=dns, ipam=ROUTES), **more),
        same(f"host-local, version {version}",
             alone(version, ranges=[V4, V6], resolvConf="/run/resolv.conf", **ROUTES), RED, BLUE, **more),
        same(f"static, version {version}",
             fixed(*ADDRESSES, type="static", cniVersion=version, ipam={"dns": dns, **ROUTES}), **more),
        same(f"loopback, version {version}", loopback(version), LO, **more),
    ]


LOOPBACK = [
    same("loopback, CHECK: the link is down", loopback("1.0.0"), LO,
         damage=["ip -n red link set lo down"]),
    same("loopback, DEL without namespace", loopback("1.0.0"), LO, gone=True),
    same("loopback, DEL that was told little", loopback("1.0.0"), LO, forgetful=True),
    same("loopback, GC", loopback("1.1.0"), LO, newer=True, valid=[]),
    same("loopback, another interface name", loopback("1.0.0"), RED),
]

OFTEN = ("0.2.0", "0.4.0", "1.1.0")
CASES = [case for version in OFTEN for case in each(version)] + rarely(
    [case for version in VERSIONS if version not in OFTEN for case in each(version)] + LOOPBACK) + [
    same("CHECK of 0.3.1", conf(cniVersion="0.3.1"), damage=["true"]),
    same("ptp, CHECK of 0.3.1", ptp(cniVersion="0.3.1"), damage=["true"]),
]
