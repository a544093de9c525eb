# SPDX-License-Identifier: Apache-2.0
"""Prints docs/compatibility.md: what differs from the reference plugins, as the cases prove it."""
import accepted
import cases
import firewall_cases

HEADER = """\
<!-- made by: test/twin/twin_test --differences -->
# Compatibility

Edgeway reads the configuration of the reference plugins (containernetworking) and does what they do.
{number} configurations are given to both, among them each plugin in every version of the
specification, and the two nodes are compared: results, interfaces and their flags, addresses, routes,
neighbours, VLANs, queueing disciplines, sysctls, leases, what each verb answers, and what DEL leaves.
They are compared with Debian's plugins (1.1.1 in Debian 12) and with the newest that Debian has (1.8 or
newer), flannel with the last that Debian had (0.9.0) and with what the present original tells `bridge`;
`test/run --tier twin` does it on your machine.

How rules are written is not compared, only which containers' addresses they name: masquerading is in
the table `inet edgeway_masq`, where the reference uses iptables unless told otherwise, the MAC filter in
`bridge edgeway_macspoof`, where the reference uses `bridge nat`, mapped ports in `inet edgeway_portmap`.
Of these, and of `firewall` in `inet edgeway_firewall`, it is compared who reaches whom, and which source
the server sees.

This page lists every difference that the comparison knows of; another one fails the test."""

SCOPE = {"both": "", "older": " *(from 1.1.1 only)*", "newer": " *(from 1.8 and newer only)*"}


def print_differences():
    print(HEADER.format(number=len(cases.CASES) + len(firewall_cases.CASES)))
    for topic in dict.fromkeys(d.topic for d in accepted.DIFFERENCES):
        section(topic, [d.why + SCOPE[d.peer] for d in accepted.DIFFERENCES if d.topic == topic])
    section("firewall", [why for case in firewall_cases.CASES for why in case.differs.values()])
    section("What only Edgeway accepts", whys("ours"))
    section("What Edgeway refuses, and the reference does not", whys("theirs"))


def whys(expect):
    return [f"*{case.name}*: {case.why}" for case in cases.CASES if case.expect == expect]


def section(title, points):
    print(f"\n## {title}\n")
    for point in dict.fromkeys(points):
        print(f"* {point[0].upper()}{point[1:]}.")
